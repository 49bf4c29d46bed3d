/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REPLICATE_GATHER_H
#define EXTENTD_REPLICATE_GATHER_H

/*
 * Targets that need the same increment get it from one send of the kernel's: the tree is searched
 * and the data read once. Each says what it needs when it has asked its far side; they begin when
 * all have, or when GATHER_SECONDS are over: who comes later reads by itself.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define GATHER_SECONDS 10

struct gathering {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t undecided; /* targets that have not said yet what they need */
	LIST_HEAD(, group) groups;
};

struct feed; /* a stream for one target */

void gathering_init(struct gathering *g, size_t targets);
/* A target that is not to be waited for (any more): once for each, or gather() instead. */
void gathering_pass(struct gathering *g);

/*
 * A target needs the subvolume's stream, against parent (0: none). Waits for the others. *stream is
 * the caller's to close; *shared: others read along. 0 or negative errno.
 */
int gather(struct gathering *g, int subvolume, uint64_t id, uint64_t parent, struct feed **out,
	   int *stream, bool *shared);

/* The same without the others. */
int feed_alone(int subvolume, uint64_t parent, struct feed **out, int *stream);

#define FEED_BEHIND 1 /* it was too slow for those it shared with, and did not get all */

/* The stream is closed. What the kernel said, as send_end() has it, or FEED_BEHIND; frees. */
int feed_end(struct feed *f);

#endif
