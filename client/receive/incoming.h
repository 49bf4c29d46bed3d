/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_INCOMING_H
#define EXTENTD_RECEIVE_INCOMING_H

/*
 * The subvolume that a stream is filling right now, or none: begun, filled, kept safe on the way,
 * ended or broken off. And where the commands stand in their stream.
 */

#include "receive/receive.h"
#include "receive/rehearse.h"
#include "receive/reference.h"

struct incoming {
	const struct receive_options *o;
	struct receive_stats *stats;
	struct planner *planner;
	struct reference reference;

	struct partial *partial;      /* NULL between subvolumes */
	struct executor *executor;    /* likewise */
	struct executor_stats before; /* of executors that ended */
	struct rehearsal *rehearsal;
	char name[STREAM_NAME_MAX + 1];
	uint8_t uuid[16];
	uint64_t errors; /* in this subvolume */
	bool stale;	 /* the part is not of this stream */

	uint64_t start;		 /* of the stream's first command */
	uint64_t offset, digest; /* behind the last command that was taken: see journal.h */
	/* Commands are skipped up to this offset, having been applied by an earlier attempt; or all
	 * up to the end, because it is complete or can't be begun: UINT64_MAX. */
	uint64_t skip, skip_digest;
	bool gone_on; /* the sender left the skipped ones out */
	uint64_t checkpoint_offset;
	double checkpoint_time, checkpoint_cost; /* seconds */

	int first; /* error */
};

void incoming_init(struct incoming *t, const struct receive_options *o,
		   struct receive_stats *stats);
void incoming_deinit(struct incoming *t);

__attribute__((format(printf, 3, 4))) void incoming_tell(struct incoming *t, int level,
							 const char *format, ...);
/* Counts an error of this subvolume, which is then never sealed. Return r. */
int incoming_failed(struct incoming *t, int r);
int incoming_failed_at(struct incoming *t, uint64_t position, const char *what,
		       struct stream_string path, int r, const char *more);

int incoming_begin(struct incoming *t, const struct stream_command *c);
int incoming_execute(struct incoming *t, const struct action *a);
/* Everything durable, then sealed; only if nothing went wrong. */
int incoming_end(struct incoming *t, uint64_t position);
/* What ends without END, or after an error, is not complete. */
void incoming_break_off(struct incoming *t, uint64_t position);

/* The executor works on the partial's subvolume, from where it stands. */
int incoming_executor_begin(struct incoming *t);
void incoming_executor_end(struct incoming *t);
/* All that was executed, and the root's mode, safe on disk; *what failed. */
int incoming_make_durable(struct incoming *t, const char **what);
/* Applies what the planner holds, and makes a point to resume from. checkpoint.c, as all below. */
int incoming_checkpoint(struct incoming *t);
double incoming_seconds(void);

/* Brings the stats up to date. */
void incoming_look(struct incoming *t);

/* Before a command: 1 if it is not to be applied. */
int incoming_skip(struct incoming *t, const struct stream_command *c);
/* A command was taken: time for a checkpoint? */
int incoming_passed(struct incoming *t, const struct stream_command *c);

#endif
