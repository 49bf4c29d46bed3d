/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef EXTENT_SESSION_H
#define EXTENT_SESSION_H

#include <sys/queue.h>
#include <sys/types.h>

#include "extent.h"
#include "wire/limits.h"
#include "wire/wire.h"

/* What the library itself bounds, whatever the daemon grants. */
#define CLIENT_CREDIT_REQUESTS 16384	       /* also bounds the request table */
#define CLIENT_FILES	       65536	       /* handles */
#define CLIENT_POOL_BYTES      (32 * MIB)      /* payload buffers; $EXTENTD_POOL_BYTES */
#define CLIENT_LOST	       LIMIT_UNSETTLED /* LOST completions not fetched yet */
#define CLIENT_INPUT_BYTES     (16 * 1024)     /* several times the longest reply */
#define CLIENT_TEXT_BYTES      (4096 + 1024)   /* an error text with the longest label */

/* A completion on its way to the caller: part of a request's slot, or (LOST) on the heap. */
struct delivery {
	struct extent_completion c;
	TAILQ_ENTRY(delivery) link;
	bool heap;
};

/*
 * The life of a request: FREE → QUEUED (in session.to_send) → SENT → FREE, by way of DONE (in
 * session.done) if nobody gave a callback. Only request.c and output.c move it on.
 */
enum request_state { REQUEST_FREE, REQUEST_QUEUED, REQUEST_SENT, REQUEST_DONE };

struct request {
	enum request_state state;
	struct delivery d; /* c.id, c.kind, c.file, c.userdata are set from the start */
	extent_callback done;
	TAILQ_ENTRY(request) link;
	uint8_t frame[WIRE_FRAME_MAX_FIXED];
	size_t frame_len;
	const void *tail; /* follows the frame: label, or payload inside buffer */
	size_t tail_len;
	char *label;		  /* owned, may be NULL; of an OPEN, until it has been sent */
	int fd;			  /* owned, -1 if none; until it has been sent */
	void *buffer;		  /* owned by the request until it is acknowledged; may be NULL */
	uint32_t credit;	  /* payload bytes charged */
	struct extent_read *read; /* of a READ: the caller's, until it completes */
	uint8_t level;		  /* asked for, of a WRITE */
	bool shared;		  /* of a READ: buffer lies in the arena */
};

enum file_state { FILE_FREE, FILE_OPENING, FILE_OPEN, FILE_FAILED };

struct file {
	enum file_state state;
	int64_t open_id; /* of the OPEN that set label: later ids mean this file */
	char *label;	 /* kept after CLOSE, for late errors */
	struct extent_file_info info;
};

struct pool;

struct extent_session {
	int fd;
	int error;	 /* negative errno that ended the session; 0 while it lives */
	bool hung_up;	 /* sending failed; what the daemon said before is still to be read */
	bool processing; /* inside extent_process() */
	struct extent_limits limits;
	uint64_t max_arena_bytes;

	struct request *ring; /* indexed by id & ring_mask */
	uint32_t ring_mask;
	uint32_t ring_used; /* slots that are not FREE */
	int64_t next_id;
	uint32_t in_flight; /* QUEUED or SENT: requests that cost a credit */
	uint32_t queued;    /* QUEUED */
	uint32_t pending;   /* in flight and the caller's: all but ARENA */
	uint64_t in_flight_bytes;
	TAILQ_HEAD(, request) to_send;
	size_t sent;	/* bytes of the first of to_send that have gone out */
	bool fds_stuck; /* too many descriptors on their way: wait for a reply before sending */

	TAILQ_HEAD(, delivery) done;
	uint32_t lost;	 /* deliveries on the heap */
	int delivered;	 /* by this extent_process() */
	int first_error; /* since the last extent_drain() */

	struct file *files; /* limits.max_files of them */
	uint32_t open_files;
	uint32_t next_handle;
	struct pool *pool; /* made when first needed */

	uint8_t in[CLIENT_INPUT_BYTES];
	size_t in_start, in_len; /* what is not consumed yet */
	uint64_t received;	 /* bytes consumed */
	struct request *reading; /* whose inline payload is arriving */
	uint32_t reading_left;	 /* bytes of it, still to come */

	uint64_t counters[LIMIT_COUNTERS];
	unsigned int n_counters;
	char text[CLIENT_TEXT_BYTES];
	char completion_text[CLIENT_TEXT_BYTES];
};

/* connection.c: ends the session, completing all with -ECONNRESET. error is negative. */
void session_fail(struct extent_session *s, int error);
/* text.c: keeps the text, unless one that ended the session stands there; returns error. */
int session_error(struct extent_session *s, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void text_keep_for_thread(const struct extent_session *s);
int text_set_for_thread(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *text_errno(int error);

/* request.c: 0 if a request with that much payload can be queued now. */
int request_room(struct extent_session *s, uint64_t payload);
/* After request_room() said 0; cannot fail. frame is completed with id, type and length. */
struct request *request_queue(struct extent_session *s, enum extent_kind kind,
			      union wire_frame *frame, const void *tail, size_t tail_len,
			      extent_callback done, void *userdata);
struct request *request_find(struct extent_session *s, uint64_t id);
void request_complete(struct extent_session *s, struct request *r);
void request_complete_all(struct extent_session *s, int result);
void request_free_all(struct extent_session *s);
int request_lost(struct extent_session *s, const struct extent_completion *c);

/* output.c, input.c: 0 or the negative errno that the session has to end with. */
int output_flush(struct extent_session *s);
int input_receive(struct extent_session *s);
int input_frame(struct extent_session *s, union wire_frame *frame, const uint8_t **tail);
int input_error_frame(struct extent_session *s, const union wire_frame *f, const void *tail);
ssize_t input_read(struct extent_session *s);
void input_consume(struct extent_session *s, size_t n);

/* read.c: the answer to a READ, as input_receive(); then, while session.reading, its payload. */
int read_answered(struct extent_session *s, const struct wire_read_reply *f);
int read_feed(struct extent_session *s);
ssize_t read_receive(struct extent_session *s);

/* file.c */
struct file *file_get(const struct extent_session *s, int handle);
const char *file_label(const struct extent_session *s, int handle, int64_t id);
void file_opened(struct extent_session *s, const struct extent_completion *c,
		 const struct extent_file_info *info);
void file_forget(struct extent_session *s, int handle);
void file_free_all(struct extent_session *s);

/* buffer.c: take: from the pool to the caller; give: from the caller to a request; return: from
 * there to the caller; release: back to the pool. touch: so that its pages are ours. */
int buffer_take(struct extent_session *s, size_t size, void **out);
void *buffer_give(struct extent_session *s, const void *payload, size_t len);
void buffer_release(struct extent_session *s, void *buffer);
void buffer_return(struct extent_session *s, void *buffer);
void buffer_touch(const struct extent_session *s, void *buffer, size_t len);
int buffer_place(struct extent_session *s, const void *payload, uint64_t *offset);
void buffer_arena_answered(struct extent_session *s, int result);
void pool_free(struct pool *p);

/* blocking.c: the callback of requests whose result a _wait() call returns. */
void wait_completed(struct extent_session *s, const struct extent_completion *c);

#endif
