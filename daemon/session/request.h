/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_SESSION_REQUEST_H
#define EXTENTD_SESSION_REQUEST_H

#include "session.h"
#include "store/extent.h"

/* A WRITE from its frame to its verdict, which may come long after its acknowledgement. */
struct request {
	struct extent extent;
	struct server *server;
	struct session *session; /* NULL: the client is gone, nobody is told */
	struct user *user;
	struct handle *handle; /* NULL: seen on the disk, and on session->seen */
	uint32_t number;       /* the handle's */
	uint64_t id;
	uint64_t seq;
	enum wire_ack_level ack;
	bool acked;
	bool queued;		      /* on session->waiting */
	bool started;		      /* the store has it */
	bool written;		      /* counted as taken by the kernel, or given up */
	TAILQ_ENTRY(request) entry;   /* session->requests or session->seen */
	TAILQ_ENTRY(request) waiting; /* session->waiting */
};

/* From a checked frame; NULL when out of memory. Counts for the session and the handle. */
struct request *request_new(struct session *session, struct handle *handle,
			    const struct wire_write *frame);

/* Its payload is there and its file is open. */
void request_start(struct request *request);

/* Ends one that the store does not have. */
void request_refuse(struct request *request, uint32_t code, int kernel_errno);

/* The client is gone. May free it. */
void request_orphan(struct request *request);

/* The client is gone: frees those that were seen, of whose loss it would be told. */
void requests_forget(struct session *session);

/* By id, among those without acknowledgement; NULL if there is none. */
struct request *request_find(struct session *session, uint64_t id);

#endif
