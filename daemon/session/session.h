/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_SESSION_H
#define EXTENTD_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "payload/payload.h"
#include "wire/limits.h"
#include "server.h"
#include "wire/wire.h"

struct arena;
struct barrier;
struct fetch;
struct evbuffer;
struct event;
struct filesystem;
struct handle;
struct identity;
struct request;
struct user;

TAILQ_HEAD(request_list, request);
TAILQ_HEAD(barrier_list, barrier);
TAILQ_HEAD(fetch_list, fetch);

#define SESSION_INPUT_BYTES (WIRE_FRAME_MAX_FIXED + LIMIT_PATH_BYTES)

/*
 * One connection. It dies at once when the peer goes or misbehaves; its requests live on until
 * the kernel is through with them, with request->session NULL.
 *
 *	HELLO ──hello──▶ READY ──error, end of stream──▶ session_end()
 */
enum session_state {
	SESSION_HELLO,
	SESSION_READY,
	SESSION_FAILED, /* an ERROR frame is on its way out; nothing is read any more */
};

struct session {
	struct server *server;
	TAILQ_ENTRY(session) entry;
	enum session_state state;
	int fd;
	struct event *read;	/* edge-triggered: also while nothing is read */
	struct event *write;	/* pending only while output waits for the peer */
	struct event *flush;	/* sends what this round of events has produced */
	struct event *deadline; /* of HELLO, and of a payload that has begun to arrive */
	struct identity *identity;
	struct user *user;
	enum payload_level level; /* how its payloads are validated */
	uint64_t features;

	bool scheduled; /* in its user's line, see schedule.h */
	TAILQ_ENTRY(session) line_entry;
	bool readable;	 /* there may be more in the socket, or the end of it */
	bool stirred;	 /* the peer did something since it was asked whether it has gone */
	bool wants_room; /* not reading: memory or requests must become free first */

	/* Input. position: in the peer's stream, of the first byte in the buffer. */
	uint64_t position;
	unsigned char input[SESSION_INPUT_BYTES];
	size_t input_have;
	struct request *receiving; /* its payload is arriving */
	size_t received;
	uint64_t discard;	   /* payload bytes of a refused write, still to come */
	int fds[LIMIT_QUEUED_FDS]; /* received and not yet claimed */
	unsigned int fds_taken;	   /* of the first ones */
	unsigned int n_fds;	   /* behind them */
	bool output_full;	   /* not reading: the peer must read first */
	bool broken;		   /* a reply could not be kept: nothing more can be said */

	/* Output. */
	struct evbuffer *output;
	uint64_t output_held; /* bytes of payloads in it, which the store counts */
	uint64_t inline_read; /* of those, and of the reads under way that will be there */
	struct wire_ack acks[LIMIT_ACKS_PER_FRAME];
	unsigned int n_acks;

	/* What is under way. */
	unsigned int credit_requests; /* used */
	uint64_t credit_bytes;
	uint64_t seq;		      /* of the last request */
	unsigned int unwritten;	      /* requests before it that the kernel has not taken */
	struct request_list requests; /* acknowledged ones last */
	struct request_list waiting;  /* for a file to be open, in order */
	unsigned int n_requests;      /* in that list: up to their verdict */
	struct request_list seen;     /* written, on the disk, and not committed yet */
	struct barrier_list barriers;
	struct opening_list openings;
	struct fetch_list fetches; /* reads */
	uint64_t lost;		   /* extents since the last SYNC */

	struct handle **handles; /* LIMIT_FILES, made with the first OPEN */
	struct arena *arenas[LIMIT_ARENAS];
	struct filesystem *filesystems[LIMIT_SESSION_FILESYSTEMS]; /* it has opened files on */
};

/* Takes fd over, also on failure. */
int session_new(struct server *server, int fd, struct session **out);

/* The connection is over. Frees the session; requests become orphans. */
void session_end(struct session *session);

/* An ERROR frame, then the end. The text is completed with where and what. */
void session_fail(struct session *session, uint32_t code);

/* The oldest descriptor received, or -1. */
int session_take_fd(struct session *session);

#endif
