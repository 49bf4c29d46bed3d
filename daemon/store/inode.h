/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_INODE_H
#define EXTENTD_STORE_INODE_H

#include "extent.h"
#include "filesystem.h"
#include "store.h"

/*
 * One inode that is being written, through however many files and sessions. It keeps the order:
 * overlapping extents go one after the other, each only when the one before has its verdict.
 * That is also what makes the proof sound: between the look at the range before the write and
 * the look after it, no other extent of ours can have come to lie there.
 */
struct inode {
	struct store *store;
	struct filesystem *fs;
	unsigned int refs; /* one for each file, and each extent that was seen */
	uint64_t device;
	uint64_t number;

	void *ranges;		 /* tsearch tree of reserved extents: disjoint by construction */
	struct extent_list held; /* wait for a range, in request order */
	unsigned int n_held;
	struct extent_list ready;
	struct extent_list unsettled;
	struct extent_list seen; /* on the disk, but no commit has proved it: each counts a ref */
	unsigned int n_unsettled;
	unsigned int chains; /* handed to the kernel */
	bool runnable;	     /* on store->runnable */
	bool settling;
	bool urgent;		/* on fs->urgent: somebody waits for the next settle */
	struct sync_list syncs; /* they do */
	TAILQ_ENTRY(inode) runnable_entry;
	TAILQ_ENTRY(inode) urgent_entry;
	TAILQ_ENTRY(inode) fs_entry; /* on fs->inodes: every inode of the filesystem */
};

/* Finds or makes. NULL when out of memory. Takes over a reference to fs, also on failure. */
struct inode *inode_get(struct store *store, struct filesystem *fs, uint64_t device,
			uint64_t number);
void inode_unref(struct inode *inode);

/* Reserves the extent's range, or holds the extent back. False when out of memory. */
bool inode_reserve(struct inode *inode, struct extent *extent);

/*
 * The extent has its verdict, or will have none: frees its range or its place among the held
 * ones. Held extents whose turn has come get reserved and, if they are checked, ready.
 */
void inode_release(struct inode *inode, struct extent *extent);

/* Somebody waits for its next settle; nobody does any more. */
void inode_hurry(struct inode *inode);
void inode_calm(struct inode *inode);

/* The extent waits among the seen ones; no longer. The latter may be the inode's end. */
void inode_see(struct inode *inode, struct extent *extent);
void inode_unsee(struct inode *inode, struct extent *extent);

/* The extent is reserved and checked: queues it for the kernel. */
void inode_ready(struct inode *inode, struct extent *extent);

#endif
