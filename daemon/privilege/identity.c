/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Acting as the peer. The kernel keeps credentials per thread; glibc's setgroups() and its like
 * change all threads of the process together, because POSIX has it so. A worker that opens a
 * file as one user must not turn the others into that user, so the calls are made raw. The
 * filesystem uid and gid, not the effective ones, are changed: the capabilities that encoded
 * I/O needs stay, signals and the rest stay the daemon's, and only access to files is decided
 * as the peer's.
 */

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "privilege/identity.h"

#define GROUPS_MAX 65536 /* NGROUPS_MAX of linux/limits.h */

/* What the process was before any thread acted as somebody else. */
static struct {
	uid_t uid;
	gid_t gid;
	int ngroups;
	gid_t *groups;
	uid_t overflow;
	int error;
} own;
static pthread_once_t own_once = PTHREAD_ONCE_INIT;

static uid_t read_overflow_uid(void)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/sys/kernel/overflowuid", "re");
	unsigned int uid;

	return f && fscanf(f, "%u", &uid) == 1 ? (uid_t)uid : 65534;
}

static void read_own(void)
{
	own.uid = geteuid();
	own.gid = getegid();
	own.overflow = read_overflow_uid();
	own.ngroups = getgroups(0, NULL);
	own.groups = calloc((size_t)own.ngroups + 1, sizeof(gid_t));
	if (!own.groups)
		own.error = -ENOMEM;
	else if (getgroups(own.ngroups, own.groups) != own.ngroups)
		own.error = -errno;
}

int identity_begin(void)
{
	pthread_once(&own_once, read_own);
	return own.error;
}

int identity_new(uid_t uid, gid_t gid, const gid_t *groups, size_t n, struct identity **out)
{
	struct identity *id;

	if (n > GROUPS_MAX)
		return -EINVAL;
	id = calloc(1, sizeof(*id) + n * sizeof(gid_t));
	if (!id)
		return -ENOMEM;
	id->uid = uid;
	id->gid = gid;
	id->ngroups = n;
	if (n)
		memcpy(id->groups, groups, n * sizeof(gid_t));
	*out = id;
	return 0;
}

static int read_groups(int socket, gid_t **out, size_t *n)
{
	socklen_t bytes = 64 * sizeof(gid_t);

	for (;;) {
		_cleanup_(freep) gid_t *groups = malloc(bytes);

		if (!groups)
			return -ENOMEM;
		if (!getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes)) {
			*n = bytes / sizeof(gid_t);
			*out = steal_ptr(&groups);
			return 0;
		}
		/* ERANGE: bytes now says how many they are. */
		if (errno != ERANGE || bytes > GROUPS_MAX * sizeof(gid_t))
			return -errno;
	}
}

int identity_of_peer(int socket, struct identity **out)
{
	_cleanup_(freep) gid_t *groups = NULL;
	struct ucred cred;
	socklen_t size = sizeof(cred);
	size_t n = 0;
	int error;

	pthread_once(&own_once, read_own);
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &cred, &size))
		return -errno;
	if (cred.uid == own.overflow || cred.uid == (uid_t)-1)
		return -EPERM;
	error = read_groups(socket, &groups, &n);
	if (error)
		return error;
	error = identity_new(cred.uid, cred.gid, groups, n, out);
	if (!error)
		(*out)->pid = cred.pid;
	return error;
}

static bool is_own(const struct identity *id)
{
	return !own.error && id->uid == own.uid && id->gid == own.gid &&
	       id->ngroups == (size_t)own.ngroups &&
	       (!id->ngroups || !memcmp(id->groups, own.groups, id->ngroups * sizeof(gid_t)));
}

static bool may_change(void)
{
	bool may;
	cap_t caps = cap_get_proc();
	cap_flag_value_t uid = CAP_CLEAR, gid = CAP_CLEAR;

	if (!caps)
		return false;
	may = !cap_get_flag(caps, CAP_SETUID, CAP_EFFECTIVE, &uid) &&
	      !cap_get_flag(caps, CAP_SETGID, CAP_EFFECTIVE, &gid) && uid == CAP_SET &&
	      gid == CAP_SET;
	cap_free(caps);
	return may;
}

bool identity_assumable(const struct identity *id)
{
	pthread_once(&own_once, read_own);
	return !own.error && (is_own(id) || may_change());
}

/* The two calls report nothing: asking for an impossible id gives back the one in force. */
static bool set_fs_ids(uid_t uid, gid_t gid)
{
	syscall(SYS_setfsgid, gid);
	syscall(SYS_setfsuid, uid);
	return (gid_t)syscall(SYS_setfsgid, -1) == gid && (uid_t)syscall(SYS_setfsuid, -1) == uid;
}

static bool set_groups(const gid_t *groups, size_t n)
{
	return syscall(SYS_setgroups, n, groups) == 0;
}

static bool become_own(void)
{
	bool groups = set_groups(own.groups, (size_t)own.ngroups);

	return set_fs_ids(own.uid, own.gid) && groups; /* as much as possible in any case */
}

static _Thread_local bool assumed;

int identity_assume(const struct identity *id)
{
	pthread_once(&own_once, read_own);
	if (own.error)
		return own.error;
	if (is_own(id))
		return 0;
	if (!may_change())
		return -EPERM;
	if (set_groups(id->groups, id->ngroups) && set_fs_ids(id->uid, id->gid)) {
		assumed = true;
		return 0;
	}
	if (!become_own())
		abort();
	return -EPERM;
}

void identity_restore(void)
{
	if (!assumed)
		return;
	if (!become_own())
		abort();
	assumed = false;
}
