// SPDX-License-Identifier: GPL-2.0-or-later
#include <search.h>
#include <stdlib.h>

#include "commit.h"
#include "filesystem.h"
#include "inode.h"
#include "wire/codes.h"
#include "writer.h"

static int inode_compare(const void *a, const void *b)
{
	const struct inode *x = a, *y = b;

	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

struct inode *inode_get(struct store *store, struct filesystem *fs, uint64_t device,
			uint64_t number)
{
	struct inode key = { .device = device, .number = number };
	struct inode **found = tfind(&key, &store->inodes, inode_compare);
	struct inode *inode;

	if (found) {
		filesystem_unref(fs);
		(*found)->refs++;
		return *found;
	}
	inode = calloc(1, sizeof(*inode));
	if (!inode)
		goto fail;
	inode->store = store;
	inode->fs = fs;
	inode->refs = 1;
	inode->device = device;
	inode->number = number;
	TAILQ_INIT(&inode->held);
	TAILQ_INIT(&inode->ready);
	TAILQ_INIT(&inode->unsettled);
	TAILQ_INIT(&inode->syncs);
	if (!tsearch(inode, &store->inodes, inode_compare))
		goto fail;
	TAILQ_INSERT_TAIL(&fs->inodes, inode, fs_entry);
	return inode;
fail:
	free(inode);
	filesystem_unref(fs);
	return NULL;
}

void inode_unref(struct inode *inode)
{
	if (!inode || --inode->refs)
		return;
	tdelete(inode, &inode->store->inodes, inode_compare);
	TAILQ_REMOVE(&inode->fs->inodes, inode, fs_entry);
	if (inode->runnable)
		TAILQ_REMOVE(&inode->store->runnable, inode, runnable_entry);
	if (inode->urgent) {
		TAILQ_REMOVE(&inode->fs->urgent, inode, urgent_entry);
		inode->fs->n_urgent--;
	}
	filesystem_unref(inode->fs);
	free(inode);
}

/*
 * Overlapping ranges are "equal": the tree holds disjoint ones only, for which this is a total
 * order, and tfind() with any range finds one that overlaps it if there is one.
 */
static int range_compare(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->to <= y->from ? -1 : x->from >= y->to;
}

static bool overlaps_held(const struct inode *inode, const struct extent *extent)
{
	const struct extent *e;

	TAILQ_FOREACH(e, &inode->held, entry) {
		if (e == extent)
			return false;
		if (!range_compare(e, extent))
			return true;
	}
	return false;
}

bool inode_reserve(struct inode *inode, struct extent *extent)
{
	struct extent **found;

	if (!overlaps_held(inode, extent)) {
		found = tsearch(extent, &inode->ranges, range_compare);
		if (!found)
			return false;
		if (*found == extent) {
			extent->reserved = true;
			return true;
		}
		commit_hurry(*found);
	}
	TAILQ_INSERT_TAIL(&inode->held, extent, entry);
	inode->n_held++;
	return true;
}

void inode_release(struct inode *inode, struct extent *extent)
{
	struct extent *e, *next;

	if (!extent->reserved) {
		TAILQ_REMOVE(&inode->held, extent, entry);
		inode->n_held--;
	} else {
		tdelete(extent, &inode->ranges, range_compare);
		extent->reserved = false;
	}

	for (e = TAILQ_FIRST(&inode->held); e; e = next) {
		struct extent **found;

		next = TAILQ_NEXT(e, entry);
		/* Others have something else before them. */
		if (range_compare(e, extent) || overlaps_held(inode, e))
			continue;
		found = tsearch(e, &inode->ranges, range_compare);
		if (!found) {
			bool stays = e->busy;

			extent_fail(e, WIRE_E_NO_MEMORY, 0, 0);
			if (!stays) /* it may have taken the next along */
				next = TAILQ_FIRST(&inode->held);
			continue;
		}
		if (*found != e) {
			commit_hurry(*found);
			continue;
		}
		e->reserved = true;
		TAILQ_REMOVE(&inode->held, e, entry);
		inode->n_held--;
		commit_hurry(e); /* others may wait behind it */
		if (e->checked)
			writer_reserved(e);
	}
}

void inode_ready(struct inode *inode, struct extent *extent)
{
	extent->state = EXTENT_READY;
	TAILQ_INSERT_TAIL(&inode->ready, extent, entry);
	writer_wake(inode);
}
