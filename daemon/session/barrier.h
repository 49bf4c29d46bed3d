/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_SESSION_BARRIER_H
#define EXTENTD_SESSION_BARRIER_H

#include "session.h"
#include "store/sync.h"

/* A SYNC: waits until the kernel has taken what came before, then for the settles. */
struct barrier {
	struct session *session; /* NULL: the client is gone */
	struct server *server;
	struct user *user;
	struct handle *handle; /* of a file's; NULL: the session's */
	uint64_t id;
	uint64_t seq;	     /* requests up to this one come before it */
	unsigned int before; /* of those, not yet taken by the kernel */
	unsigned int parts_left;
	uint32_t code;
	int kernel_errno;
	TAILQ_ENTRY(barrier) entry;
	unsigned int room; /* for parts */
	unsigned int n_parts;
	struct barrier_part {
		struct sync sync;
		struct barrier *barrier;
	} parts[];
};

/* handle NULL: all that the session did. Answers in any case. */
void barrier_new(struct session *session, uint64_t id, struct handle *handle);

/* A request, or opening, of this number is through: barriers behind it come nearer. */
void barrier_passed(struct session *session, const struct handle *handle, uint64_t seq);

/* The client is gone. */
void barriers_orphan(struct session *session);

#endif
