/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_SETTLE_H
#define EXTENTD_STORE_SETTLE_H

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

/* Of all that is written on it; nothing else of it may be under way. Without a lane or memory it
 * does nothing, and a lane_give() will pump. */
void settle_filesystem(struct filesystem *fs);

/* Of one that no chain writes. False: as above. */
bool settle_file(struct inode *inode);

#endif
