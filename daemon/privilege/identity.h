/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_IDENTITY_H
#define EXTENTD_IDENTITY_H

/*
 * Who is at the other end of a socket, and opening files with that user's rights instead of the
 * daemon's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct identity {  /* never changes once made */
	pid_t pid; /* for messages only: pids are reused */
	uid_t uid;
	gid_t gid;
	size_t ngroups; /* supplementary groups */
	gid_t groups[];
};

/* Notes who the process is, before a thread acts as somebody else: once, at the start, or it would
 * be noted when it is first needed, and a failure would be for good. 0 or -errno. */
int identity_begin(void);

/*
 * The peer of a connected unix socket, as the kernel noted it when it connected. -EPERM for the
 * overflow uid (/proc/sys/kernel/overflowuid): that may be anybody whom our user namespace has
 * no name for. *out is the caller's, free() it.
 */
int identity_of_peer(int socket, struct identity **out);
int identity_new(uid_t uid, gid_t gid, const gid_t *groups, size_t n, struct identity **out);

/* Can identity_assume() work for this identity? */
bool identity_assumable(const struct identity *id);

/*
 * The calling thread, and it alone, acts on files as id until identity_restore(). -EPERM if the
 * right to do so is missing; then the thread is as it was. Nothing to do, and success, when the
 * daemon already is that user with those groups. Does not nest.
 */
int identity_assume(const struct identity *id);

/* Ends it. Aborts the process if the kernel does not obey: going on would mix up users. */
void identity_restore(void);

#endif
