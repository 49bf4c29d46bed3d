// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * When written extents are settled, and how many at a time.
 *
 * What makes an extent durable costs far more than the write: flushes of the device, a log or a
 * commit. So it is paid for groups. A settle takes everything that is written at its start;
 * while it runs, the next group gathers. One file is settled by itself: wait, check, fsync. From
 * GROUP_INODES files on, one commit of the whole filesystem does it for all of them at once.
 *
 * On one filesystem there are either settles of single files or one of everything, never both:
 * so an extent that is unsettled when a settle starts is in that settle, and a SYNC that was
 * waiting is answered with it.
 *
 * While one file is settled, nothing of it is written, and the settle waits for what is being
 * written. For an fsync logs extents whose data is still on its way: after a power cut the range
 * could not be read, and what had been acknowledged there before would be gone. Nor may two
 * fsyncs of one inode overlap: the second may return before the log is on disk. A commit of the
 * filesystem only takes what has reached the disk, and excludes nothing.
 */

#include <limits.h>

#include "commit.h"
#include "file.h"
#include "inode.h"
#include "settle.h"
#include "turn.h"
#include "writer.h"

#define GROUP_INODES	  3
#define SETTLE_AT_EXTENTS 4096

void commit_hurry(struct extent *e)
{
	if (e->prompt)
		return;
	e->prompt = true;
	if (e->state == EXTENT_UNSETTLED)
		inode_hurry(e->file->inode);
}

bool commit_excludes(const struct inode *inode)
{
	const struct filesystem *fs = inode->fs;

	return inode->settling || (inode->urgent && !fs->committing && !fs->wanted);
}

void commit_want(struct filesystem *fs)
{
	if (fs->committing || fs->wanted || !fs->n_unsettled)
		return;
	fs->wanted = true;
	writer_pump_later(fs->store);
}

void commit_wake(struct inode *inode)
{
	if (inode->urgent)
		writer_pump_later(inode->store);
}

void sync_start(struct sync *sync)
{
	if (sync->file) {
		struct inode *inode = sync->file->inode;

		file_ref(sync->file);
		TAILQ_INSERT_TAIL(&inode->syncs, sync, entry);
		inode_hurry(inode);
	} else {
		filesystem_ref(sync->fs);
		TAILQ_INSERT_TAIL(&sync->fs->syncs, sync, entry);
		writer_pump_later(sync->fs->store);
	}
}

/* Of whoever wrote first what it has unsettled, or waits for that. */
static struct turn *turn_of(const struct inode *inode)
{
	const struct extent *first = TAILQ_FIRST(&inode->unsettled);
	const struct sync *sync = TAILQ_FIRST(&inode->syncs);

	return first ? first->file->turn : sync ? sync->file->turn : NULL;
}

static void settle_files(struct filesystem *fs, unsigned int below)
{
	struct inode *inode, *next;

	for (inode = TAILQ_FIRST(&fs->urgent); inode; inode = next) {
		const struct turn *turn = turn_of(inode);

		next = TAILQ_NEXT(inode, urgent_entry);
		if (!inode->settling && !inode->chains && (!turn || turn->urgent < below))
			settle_file(inode);
	}
}

/*
 * A commit takes the longer the more is written, and one follows the other while somebody writes
 * many files. Whoever writes few, for which others' commits are not needed, has them settled
 * between two of those.
 */
static void settle_between(struct filesystem *fs)
{
	struct inode *inode;
	struct turn *turn;

	fs->between = false;
	TAILQ_FOREACH(turn, &fs->turns, entry)
		turn->urgent = 0;
	TAILQ_FOREACH(inode, &fs->urgent, urgent_entry)
		if ((turn = turn_of(inode)))
			turn->urgent++;
	settle_files(fs, GROUP_INODES);
}

static void filesystem_pump(struct filesystem *fs)
{
	if (fs->committing)
		return;
	if (fs->wanted || !TAILQ_EMPTY(&fs->syncs) || fs->n_urgent >= GROUP_INODES ||
	    fs->n_unsettled >= SETTLE_AT_EXTENTS) {
		fs->wanted = true;
		if (fs->between)
			settle_between(fs);
		if (!fs->file_settles)
			settle_filesystem(fs);
		return;
	}
	settle_files(fs, UINT_MAX);
}

void commit_pump(struct store *store)
{
	struct filesystem *fs, *next;

	for (fs = TAILQ_FIRST(&store->filesystems); fs; fs = next) {
		next = TAILQ_NEXT(fs, entry);
		filesystem_pump(fs);
	}
}
