/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_COMMIT_H
#define EXTENTD_STORE_COMMIT_H

#include <stddef.h>

#include "store.h"
#include "sync.h"
#include "workers.h"

struct user;

/* A group of written extents, and what waits for them, on the way to a verdict. */
struct settle {
	struct job job;
	struct filesystem *fs;
	struct inode *inode;	    /* of a group of one file; NULL: the whole filesystem */
	struct user *user;	    /* who is charged with the lane */
	struct extent_list extents; /* those of one inode are together */
	struct sync_list syncs;
	unsigned int read_backs;
	size_t unchecked;
	bool lazy;     /* for the verdict only: nobody asked for durability */
	bool low;      /* what fs->low is from now on */
	uint32_t code; /* of the sync itself */
	int kernel_errno;
};

/* Somebody waits for the verdict on this extent. */
void commit_hurry(struct extent *extent);

/* Has everything that is written on it settled, as if somebody had asked for it. */
void commit_want(struct filesystem *fs);

/* The inode may have something to settle. */
void commit_wake(struct inode *inode);

/* True while no write of the inode may be handed to the kernel: it is settled, or about to be. */
bool commit_excludes(const struct inode *inode);

void commit_pump(struct store *store);

#endif
