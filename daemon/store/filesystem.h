/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_FILESYSTEM_H
#define EXTENTD_STORE_FILESYSTEM_H

#include <sys/stat.h>

#include "store.h"
#include "turn.h"

struct sync;
TAILQ_HEAD(sync_list, sync);

/* A mounted filesystem; all subvolumes of a btrfs are one. */
struct filesystem {
	struct store *store;
	unsigned int refs; /* inodes, sessions, settles */
	uint64_t id[2];	   /* btrfs: the uuid; others: the device, 0 */
	int anchor;	   /* any descriptor on it, for syncfs */
	uint64_t mount;	   /* that the anchor is on, and keeps; see filesystem_recognize() */
	bool btrfs;
	bool low;	/* on space for metadata: takes no writes, see space.h */
	bool read_only; /* said so once */
	uint32_t sector_size;
	unsigned int lanes;	/* kernel threads that may be stuck on this filesystem */
	struct turn_list turns; /* of users with files on it */
	unsigned int writers;	/* users with extents under way */
	int64_t turns_until;	/* seconds, monotonic */
	struct inode_list inodes;
	unsigned int n_unsettled; /* extents, over all inodes */
	unsigned int n_seen;	  /* likewise, see inode->seen */
	struct inode_list urgent; /* inodes for whose extents or sync somebody waits */
	unsigned int n_urgent;
	unsigned int file_settles; /* under way, each with one inode */
	unsigned int uncommitted;  /* extents settled lazily since the last commit */
	bool committing;	   /* one filesystem-wide settle is under way, and nothing else */
	bool wanted;		   /* a filesystem-wide settle, whatever the numbers say */
	bool between;		   /* one is over, and several write: see settle_between() */
	struct sync_list syncs;	   /* wait for a filesystem-wide settle that starts after them */
	TAILQ_ENTRY(filesystem) entry;
};

/* What a descriptor's filesystem is: asked in a worker, since it may hang. 0 or -errno. */
struct filesystem_facts {
	long type; /* statfs magic */
	uint64_t id[2];
	bool btrfs;
	bool low;
	uint32_t sector_size;
};
int filesystem_examine(int fd, struct filesystem_facts *out);

/* Finds or makes; fd becomes the anchor of a new one, duplicated. NULL when out of memory. */
struct filesystem *filesystem_get(struct store *store, int fd,
				  const struct filesystem_facts *facts);

/*
 * True if a descriptor from a peer is on a btrfs that is known: what filesystem_examine() would
 * find out, and what statx() says of the file. In the loop's thread; never waits for a server or
 * another machine. False: a worker has to look.
 */
bool filesystem_recognize(const struct store *store, int fd, struct filesystem_facts *out,
			  struct statx *st);

/* What there is to know of a file for opening it; may hang, except on such a filesystem. */
int filesystem_stat(int fd, struct statx *st);

struct filesystem *filesystem_ref(struct filesystem *fs);
void filesystem_unref(struct filesystem *fs);

/* An operation on it failed with this errno: tells the administrator, once, if it is EROFS. */
void filesystem_failed(struct filesystem *fs, int error);

#endif
