// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * One settle: a group of extents is taken, proved and synced in a thread, and each gets its
 * verdict. When there is one, and of what, commit.c decides.
 *
 * What nobody waits for is settled after SETTLE_LAZY_SECONDS (store.c), or when there is much of
 * it: a lost extent should be reported while its sender can still send it again. Nobody asked for
 * durability there, so it is waited for and checked, and nothing is synced: what was seen to lie on
 * the disk can only be lost together with the filesystem's next commit or log. Should that come,
 * when the filesystem aborts, its sender is told of each; so it is kept until a commit, or the
 * file's fsync, has proved it safe. The space that the kernel needs for a commit is bounded by
 * making one after COMMIT_AT_EXTENTS (see space.c).
 */

#include <errno.h>
#include <stdlib.h>

#include "file.h"
#include "inode.h"
#include "prove.h"
#include "settle.h"
#include "space.h"
#include "user.h"
#include "writer.h"

#define COMMIT_AT_EXTENTS 32768

#define settle_of(j) ((struct settle *)((char *)(j)-offsetof(struct settle, job)))

/* Moves what the inode has unsettled, and who waits for it, into the settle. */
static unsigned int settle_take(struct settle *settle, struct inode *inode)
{
	unsigned int n = inode->n_unsettled;
	struct extent *e;

	TAILQ_FOREACH(e, &inode->unsettled, entry)
		e->state = EXTENT_SETTLING;
	TAILQ_CONCAT(&settle->extents, &inode->unsettled, entry);
	TAILQ_CONCAT(&settle->syncs, &inode->syncs, entry);
	inode->fs->n_unsettled -= n;
	inode->n_unsettled = 0;
	inode_calm(inode);
	return n;
}

static void settle_run(struct job *job)
{
	struct settle *settle = settle_of(job);

	if (settle->inode)
		prove_file(settle);
	else
		prove_filesystem(settle);
	settle->low = settle->fs->btrfs && space_is_low(settle->fs->anchor);
}

static void sync_finish(struct sync *sync, const struct settle *settle)
{
	struct filesystem *fs = sync->fs;
	struct file *file = sync->file;

	sync->code = settle->code;
	sync->kernel_errno = settle->kernel_errno;
	sync->notify(sync); /* may free it */
	if (file)
		file_unref(file);
	else
		filesystem_unref(fs);
}

/* The verdict on what was only seen so far. */
static void seen_settled(struct inode *inode, const struct settle *settle)
{
	struct wire_counters *c = &inode->store->counters;
	struct extent *e;

	inode->refs++;
	while ((e = TAILQ_FIRST(&inode->seen))) {
		inode_unsee(inode, e);
		e->code = settle->code;
		e->kernel_errno = settle->kernel_errno;
		c->lost += e->code != 0;
		c->durable += !e->code;
		e->notify(e, e->code ? EXTENT_FAILED : EXTENT_SAFE); /* may free it */
	}
	inode_unref(inode);
}

/* A sync that failed on a filesystem that still is writable says nothing about what it did not have
 * to write: that waits for the next one. */
static void settle_seen(const struct settle *settle)
{
	const bool gone = settle->code && settle->kernel_errno == EROFS;
	struct inode *inode, *next;

	if (gone || (!settle->code && !settle->lazy && !settle->inode))
		for (inode = TAILQ_FIRST(&settle->fs->inodes); inode; inode = next) {
			next = TAILQ_NEXT(inode, fs_entry);
			seen_settled(inode, settle);
		}
	else if (!settle->code && settle->inode)
		seen_settled(settle->inode, settle);
}

static void settle_done(struct job *job)
{
	struct settle *settle = settle_of(job);
	struct filesystem *fs = settle->fs;
	struct store *store = fs->store;
	struct wire_counters *c = &store->counters;
	struct extent *e;
	struct sync *sync;

	if (settle->inode) {
		settle->inode->settling = false;
		fs->file_settles--;
	} else {
		fs->committing = false;
		fs->between = fs->writers > 1;
	}
	c->read_backs += settle->read_backs;
	c->unchecked += settle->unchecked;
	fs->low = settle->low;
	filesystem_failed(fs, settle->kernel_errno);

	while ((e = TAILQ_FIRST(&settle->extents))) {
		TAILQ_REMOVE(&settle->extents, e, entry);
		if (!e->code && settle->lazy) {
			extent_seen(e);
		} else if (!e->code) {
			c->durable++;
			extent_finish(e, EXTENT_SAFE);
		} else {
			c->lost++;
			extent_finish(e, EXTENT_FAILED);
		}
	}
	settle_seen(settle);
	while ((sync = TAILQ_FIRST(&settle->syncs))) {
		TAILQ_REMOVE(&settle->syncs, sync, entry);
		sync_finish(sync, settle);
	}

	lane_give(store, settle->user, fs);
	user_unref(settle->user);
	if (settle->inode)
		inode_unref(settle->inode);
	filesystem_unref(fs);
	free(settle);
}

static struct settle *settle_new(struct filesystem *fs, struct inode *inode, struct user *user)
{
	struct settle *settle;

	if (lane_take(fs->store, user, fs) < 0)
		return NULL;
	settle = calloc(1, sizeof(*settle));
	if (!settle) {
		lane_give(fs->store, user, fs);
		return NULL;
	}
	settle->job.run = settle_run;
	settle->job.done = settle_done;
	settle->fs = filesystem_ref(fs);
	settle->inode = inode;
	settle->user = user ? user_ref(user) : NULL;
	TAILQ_INIT(&settle->extents);
	TAILQ_INIT(&settle->syncs);
	return settle;
}

/* Whom somebody waits for is urgent. Space comes back with a commit only. */
static bool is_lazy(const struct filesystem *fs)
{
	return fs->btrfs && !fs->n_urgent && TAILQ_EMPTY(&fs->syncs) && !fs->low &&
	       fs->uncommitted < COMMIT_AT_EXTENTS;
}

void settle_filesystem(struct filesystem *fs)
{
	struct settle *settle = settle_new(fs, NULL, NULL);
	unsigned int n = 0;
	struct inode *inode;

	if (!settle)
		return;
	settle->lazy = is_lazy(fs);
	TAILQ_FOREACH(inode, &fs->inodes, fs_entry)
		n += settle_take(settle, inode);
	fs->uncommitted = settle->lazy ? fs->uncommitted + n : 0;
	TAILQ_CONCAT(&settle->syncs, &fs->syncs, entry);
	fs->committing = true;
	fs->wanted = false;
	if (settle->lazy)
		fs->store->counters.settles_lazy++;
	else
		fs->store->counters.settles_filesystem++;
	if (n > fs->store->counters.settled_largest)
		fs->store->counters.settled_largest = n;
	workers_queue(fs->store->blocking, NULL, &settle->job);
}

bool settle_file(struct inode *inode)
{
	struct extent *first = TAILQ_FIRST(&inode->unsettled);
	struct sync *sync = TAILQ_FIRST(&inode->syncs);
	struct settle *settle;
	unsigned int n;

	if (!first && !sync) {
		inode_calm(inode);
		return true;
	}
	settle = settle_new(inode->fs, inode, first ? first->file->user : sync->file->user);
	if (!settle)
		return false;
	n = settle_take(settle, inode);
	inode->refs++;
	inode->settling = true;
	inode->fs->file_settles++;
	inode->store->counters.settles_file++;
	if (n > inode->store->counters.settled_largest)
		inode->store->counters.settled_largest = n;
	workers_queue(inode->store->blocking, NULL, &settle->job);
	return true;
}
