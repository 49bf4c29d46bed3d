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
	TAILQ_INIT(&inode->seen);
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
	inode_calm(inode);
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

static bool overlap(const struct extent *a, const struct extent *b)
{
	return !range_compare(a, b);
}

/* How many reserved extents overlap it; somebody waits for each of them now. */
static unsigned int count_reserved(const struct inode *inode, const struct extent *extent)
{
	struct extent rest = { .from = extent->from, .to = extent->to };
	struct extent **found;
	unsigned int n = 0;

	while (rest.from < rest.to && (found = tfind(&rest, &inode->ranges, range_compare))) {
		const struct extent *first = *found;

		n++;
		commit_hurry(*found);
		/* tfind() gives any of them: what lies before it is looked at in the same way. */
		if (first->from > rest.from) {
			const struct extent left = { .from = rest.from, .to = first->from };

			n += count_reserved(inode, &left);
		}
		rest.from = first->to;
	}
	return n;
}

static bool reserve(struct inode *inode, struct extent *extent)
{
	if (!tsearch(extent, &inode->ranges, range_compare))
		return false;
	extent->reserved = true;
	return true;
}

bool inode_reserve(struct inode *inode, struct extent *extent)
{
	const struct extent *e;

	extent->before = count_reserved(inode, extent);
	TAILQ_FOREACH(e, &inode->held, entry)
		extent->before += overlap(e, extent);
	if (!extent->before)
		return reserve(inode, extent);
	extent->held = true;
	TAILQ_INSERT_TAIL(&inode->held, extent, entry);
	inode->n_held++;
	return true;
}

static void unhold(struct inode *inode, struct extent *extent)
{
	TAILQ_REMOVE(&inode->held, extent, entry);
	inode->n_held--;
}

/* Nothing is before it any more. */
static void admit(struct inode *inode, struct extent *extent)
{
	if (!reserve(inode, extent)) {
		extent->doomed = WIRE_E_NO_MEMORY;
		if (!extent->busy) /* else writer_checked() sees to it */
			writer_doomed(extent);
		return;
	}
	unhold(inode, extent);
	commit_hurry(extent); /* others may wait behind it */
	if (extent->checked)
		writer_reserved(extent);
}

/*
 * Those behind it in the list, and all held ones if it was reserved, came later: they have counted
 * it if they overlap it. Nothing fails or finishes in here, so however many wait for each other,
 * one release does not lead to the next.
 */
void inode_release(struct inode *inode, struct extent *extent)
{
	struct extent *e = TAILQ_FIRST(&inode->held), *next;

	if (extent->reserved) {
		tdelete(extent, &inode->ranges, range_compare);
		extent->reserved = false;
	} else {
		e = TAILQ_NEXT(extent, entry);
		unhold(inode, extent);
	}
	for (; e; e = next) {
		next = TAILQ_NEXT(e, entry);
		if (overlap(e, extent) && !--e->before)
			admit(inode, e);
	}
}

void inode_hurry(struct inode *inode)
{
	if (inode->urgent)
		return;
	inode->urgent = true;
	TAILQ_INSERT_TAIL(&inode->fs->urgent, inode, urgent_entry);
	inode->fs->n_urgent++;
	writer_pump_later(inode->store);
}

void inode_calm(struct inode *inode)
{
	if (!inode->urgent)
		return;
	inode->urgent = false;
	TAILQ_REMOVE(&inode->fs->urgent, inode, urgent_entry);
	inode->fs->n_urgent--;
}

void inode_see(struct inode *inode, struct extent *extent)
{
	inode->refs++;
	inode->fs->n_seen++;
	TAILQ_INSERT_TAIL(&inode->seen, extent, entry);
}

void inode_unsee(struct inode *inode, struct extent *extent)
{
	TAILQ_REMOVE(&inode->seen, extent, entry);
	inode->fs->n_seen--;
	inode_unref(inode);
}

void inode_ready(struct inode *inode, struct extent *extent)
{
	extent->state = EXTENT_READY;
	TAILQ_INSERT_TAIL(&inode->ready, extent, entry);
	writer_wake(inode);
}
