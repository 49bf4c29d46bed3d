/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERCUT_SETTLE_H
#define POWERCUT_SETTLE_H

/* The ways from "written" to "durable" that are compared here, for one batch of extents. */

#include "encoded.h"

/* name, function: what it does between the writes and the verdict */
#define SETTLE_ORDERS(X)                                                                           \
	X(fallocate) /* FALLOCATE(KEEP_SIZE) per run, map check, fsync */                          \
	X(fiemap)    /* FIEMAP with SYNC is wait and map at once; fsync */                         \
	X(syncfs)    /* one syncfs, then the map of each file */                                   \
	X(nowait)    /* map check and fsync, no wait: a control */                                 \
	X(fsync)     /* fsync alone: a control */

struct settle_order {
	const char *name;
	/*
	 * @extents: a batch whose writes have returned, sorted by (fd, offset), no two overlapping.
	 * Leaves in each result 0 when it may be acknowledged, or a negative errno.
	 */
	void (*settle)(struct encoded *extents, unsigned int n);
};

const struct settle_order *settle_order_find(const char *name);

/* Notes the disk address each range has now, for the check to tell old from new. Before writing. */
int settle_prepare(struct encoded *extents, unsigned int n);

/* How often FIEMAP with SYNC reported an error and the second map call was needed. */
extern _Atomic unsigned long settle_fallbacks;

#endif
