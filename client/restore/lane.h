/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RESTORE_LANE_H
#define EXTENTD_RESTORE_LANE_H

/*
 * Encoded writes, and the ends of files, by a thread of our own, one after the other, while the
 * job's thread makes the next names. All calls are the job's thread's. lane.c says why there is one
 * and not several.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include "lib/extent.h"
#include "payload/payload.h"

struct restore_file;

enum lane_kind {
	LANE_WRITE,
	LANE_END, /* the times, where they are wanted, and close() */
};

struct lane_work {
	STAILQ_ENTRY(lane_work) entry;
	enum lane_kind kind;
	struct restore_file *file; /* for the caller; the lane uses fd */
	int fd;			   /* a write's is open until lane_take() gives it back */
	bool timed;		   /* an end's: times are to be set */
	struct timespec times[2];  /* access, modification */
	struct extent_write w;	   /* a write's: payload points to bytes, or is a buffer */
	int result;		   /* 0, PAYLOAD_BAD, or negative errno */
	struct payload_fault fault;
	size_t room;
	uint8_t bytes[]; /* so many */
};

struct lane;

/* Payloads are checked at level before they are written. */
int lane_new(enum payload_level level, struct lane **out);
/* NULL. Waits for what is under way; what was not taken is dropped. */
struct lane *lane_free(struct lane *lane);

/* Copies w and, unless it is a buffer, its payload; not when it is full. -ENOMEM. */
int lane_put(struct lane *lane, struct restore_file *file, int fd, const struct extent_write *w);
/* Takes fd; times may be NULL. Not before every write to it was taken back. -ENOMEM: fd stays. */
int lane_end(struct lane *lane, struct restore_file *file, int fd, const struct timespec times[2]);
/* One that is done, in the order in which they were put; the caller drops it. NULL: none, or with
 * wait, none under way. */
struct lane_work *lane_take(struct lane *lane, bool wait);
/* After lane_take(): its memory serves the next one, or is freed. */
void lane_drop(struct lane *lane, struct lane_work *l);
bool lane_busy(const struct lane *lane); /* something will be taken */
bool lane_full(const struct lane *lane);
bool lane_behind(const struct lane *lane); /* it has much to decode */

#endif
