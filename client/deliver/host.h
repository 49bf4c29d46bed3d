/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_DELIVER_HOST_H
#define EXTENTD_DELIVER_HOST_H

/*
 * A machine that receives the stream of a spool, by an extentctl receive there. Each has threads of
 * its own, and a verdict of its own.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "deliver/spool.h"
#include "remote/rsh.h"
#include "stream/throttle.h"

#define HOST_RETRY_WAIT 2  /* seconds before the first one, and twice as long before each other, */
#define HOST_WAIT_MAX	30 /* up to so many */

/* What is told in the end: X(name), numbers; the names are those of the JSON report. */
#define HOST_COUNTS(X)                                                                             \
	X(stream_bytes) /* sent, over all attempts */                                              \
	X(attempts)                                                                                \
	X(resumed)	 /* of them, which went on where one before had ended, */                  \
	X(resumed_bytes) /* and did not send so much again */                                      \
	X(encoded)	 /* extents by the form that reached the disk */                           \
	X(decoded)                                                                                 \
	X(plain)

struct host {
	struct rsh rsh;
	const char *directory; /* there */
	bool trust;	       /* it checks the structure of extents only */
	uint64_t checkpoint;   /* bytes of the stream, after which it makes one */
	unsigned long long retries;
	struct spool *spool;
	unsigned int reader;	   /* of the spool */
	struct throttle *throttle; /* NULL: none */

	/* The threads', until done; others may look at the numbers. */
	pthread_t thread, feeder;
	bool started, answered;
	int pipe; /* from spool to pump */
	int feed_error;
	atomic_bool done;
#define X(name) uint64_t name;
	HOST_COUNTS(X)
#undef X
	double seconds;
	bool complete;	   /* the far side has said that it is safe on disk */
	bool unreachable;  /* there was no connection, or no extentctl */
	char reason[1200]; /* why it is not complete */
};

/* Starts it; a failure is its verdict. */
void host_start(struct host *h);
/* Waits for the verdict. */
void host_join(struct host *h);

#endif
