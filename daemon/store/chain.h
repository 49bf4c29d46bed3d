/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_CHAIN_H
#define EXTENTD_STORE_CHAIN_H

#include "extent.h"
#include "store.h"

/*
 * A few extents of one user on one filesystem, executed one after the other; one that fails does
 * not stop those behind it. The kernel (or a thread) owns the extents until engine_completed() for
 * each; the chain itself is the writer's.
 */
struct chain {
	struct extent_list extents;
	unsigned int n;
	unsigned int remaining; /* not completed */
	struct extent *tail;	/* the last one submitted: the ring's */
	struct user *user;
	struct filesystem *fs;
	bool look; /* at the map first: for some it is not known whether their range is a hole */
	struct job job;
	unsigned int max;	/* extents, and so inodes */
	unsigned int n_inodes;	/* that it has extents of, in turn */
	struct inode *inodes[]; /* each counts it */
};

/* For what can go with this extent; a lane is taken. NULL: out of memory. */
struct chain *chain_new(const struct extent *first);

/* Adds what the inode has ready, as far as it fits. What is unfit by now fails. */
void chain_take(struct chain *chain, struct inode *inode);

/* Hands it over, or frees it if it is empty. */
void chain_go(struct chain *chain);

/* All extents have left it. */
void chain_free(struct chain *chain);

#endif
