/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REPLICATE_DESTINATION_H
#define EXTENTD_REPLICATE_DESTINATION_H

/*
 * One target: a directory on some machine's btrfs, and how far it has come. Each has a thread of
 * its own and waits for no other.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "remote/rsh.h"
#include "replicate/settings.h"
#include "replicate/source.h"
#include "stream/throttle.h"

/* What is told in the end: X(name), numbers; the names are those of the JSON report. */
#define DESTINATION_COUNTS(X)                                                                      \
	X(stream_bytes)	 /* sent, over all attempts */                                             \
	X(total_bytes)	 /* what the increment was estimated to have; 0: not known */              \
	X(attempts)	 /* to send */                                                             \
	X(resumed)	 /* of them, which went on where one before had ended, */                  \
	X(resumed_bytes) /* and did not send so much again */                                      \
	X(shared)	 /* of them, in which one send served other targets, too */                \
	X(snapshots)	 /* that were made complete */                                             \
	X(encoded)	 /* extents by the form that reached the disk */                           \
	X(decoded)                                                                                 \
	X(plain)

struct destination {
	const char *spec; /* as it was given: also its name in messages */
	struct rsh rsh;
	char *directory, *host; /* owned */
	const struct settings *settings;
	struct source *source;
	struct throttle *throttle;
	struct gathering *gathering;
	bool answered; /* it has, in this run */
	bool decided;  /* others do not wait for what it needs */
	pthread_t thread;

	/* The thread's, until it is done; others may look at the numbers. */
#define X(name) uint64_t name;
	DESTINATION_COUNTS(X)
#undef X
	double seconds;	     /* in all */
	double wait_seconds; /* from the last byte sent to the far side's "durable" */
	uint64_t part;	     /* id of one that is there in part, or 0 */
	uint64_t part_offset;
	uint64_t base;	   /* id of the newest of our snapshots that is complete there, or 0 */
	int64_t base_time; /* when that was taken, seconds since 1970, or 0 */
	char parent[300];  /* what the last increment was made against; empty: full */
	char reason[512];  /* why it failed; empty: all done */
	bool done;	   /* the thread has ended */
};

/* HOST:DIRECTORY or DIRECTORY, which has a "/" before any ":". 0, -EINVAL or -ENOMEM. */
int destination_parse(const char *spec, struct destination *t);
void destination_free(struct destination *t);

/* Replicates source->self to it; the outcome stands in t. A thread's function. */
void *destination_run(void *destination);

/* The others are not to wait (any more) for what it needs. In its thread. */
void destination_decided(struct destination *t);

/* Does the target have the snapshot? */
bool destination_complete(const struct destination *t);

#endif
