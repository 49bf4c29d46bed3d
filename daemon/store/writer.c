// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * From "checked" to "the kernel has it". Extents that are ready go together, as one chain: those of
 * one inode, and where they do not fill it, those of others that wait. While a chain is under way
 * the next one grows, so the batches fit the load.
 */

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "chain.h"
#include "check.h"
#include "closing.h"
#include "commit.h"
#include "engine.h"
#include "file.h"
#include "inode.h"
#include "filesystem.h"
#include "reader.h"
#include "turn.h"
#include "user.h"
#include "wire/codes.h"
#include "writer.h"

/* Two, so that the kernel has the next chain when it is through with one. */
#define CHAINS_PER_INODE 2

int lane_take(struct store *store, struct user *user, struct filesystem *fs)
{
	unsigned int all = store->options.blocking_threads;

	if (store->lanes >= all * LANES_PER_THREAD)
		return -EBUSY;
	/* The first one may queue in the pool. */
	if (user && user->lanes && !user_share_left(all, store->lanes, user->lanes, 1))
		return -EBUSY;
	if (fs && fs->lanes >= (all * 3 + 3) / 4)
		return -EBUSY;
	store->lanes++;
	if (user)
		user->lanes++;
	if (fs)
		fs->lanes++;
	return 0;
}

void lane_give(struct store *store, struct user *user, struct filesystem *fs)
{
	store->lanes--;
	if (user)
		user->lanes--;
	if (fs)
		fs->lanes--;
	writer_pump_later(store);
}

/*
 * A write in place completes when its I/O is done, and a chain would do one after the other. So
 * each is a chain of its own, and more of them may be under way: half of what one user may have.
 */
static bool may_go(struct inode *inode)
{
	struct extent *first = TAILQ_FIRST(&inode->ready);

	return first && (inode->chains < CHAINS_PER_INODE ||
			 (extent_in_place(first) &&
			  inode->chains < inode->store->options.blocking_threads / 4));
}

/* False: nothing can be handed over just now, and a lane_give() or a completion will pump. */
static bool inode_pump(struct inode *inode)
{
	struct store *store = inode->store;

	while (may_go(inode)) {
		struct extent *first = TAILQ_FIRST(&inode->ready);
		struct inode *other, *next;
		struct chain *chain;

		if (!turn_left(first)) {
			commit_want(inode->fs); /* a turn ends with verdicts: somebody has to ask */
			return false;
		}
		if (commit_excludes(inode) || lane_take(store, first->file->user, inode->fs) < 0)
			return false;
		chain = chain_new(first);
		if (!chain) {
			lane_give(store, first->file->user, inode->fs);
			extent_fail(first, WIRE_E_NO_MEMORY, 0, 0);
			continue;
		}
		chain_take(chain, inode);
		for (other = TAILQ_FIRST(&store->runnable); other; other = next) {
			next = TAILQ_NEXT(other, runnable_entry);
			if (may_go(other) && !commit_excludes(other))
				chain_take(chain, other);
		}
		chain_go(chain);
	}
	return true;
}

void writer_wake(struct inode *inode)
{
	if (!TAILQ_EMPTY(&inode->ready) && !inode->runnable) {
		inode->runnable = true;
		TAILQ_INSERT_TAIL(&inode->store->runnable, inode, runnable_entry);
	}
	writer_pump_later(inode->store);
}

void writer_pump_later(struct store *store)
{
	event_active(store->pump, 0, 0);
}

void writer_doomed(struct extent *e)
{
	struct store *store = e->file->store;

	TAILQ_INSERT_TAIL(&store->doomed, e, hungry);
	writer_pump_later(store);
}

void writer_pump(struct store *store)
{
	struct inode_list waiting = TAILQ_HEAD_INITIALIZER(waiting);
	struct inode *inode;
	struct extent *doomed;

	while ((doomed = TAILQ_FIRST(&store->doomed))) {
		TAILQ_REMOVE(&store->doomed, doomed, hungry);
		extent_fail(doomed, doomed->doomed, 0, 0);
	}

	commit_pump(store); /* first, or those who write on and on would leave it no lane */
	while ((inode = TAILQ_FIRST(&store->runnable))) {
		TAILQ_REMOVE(&store->runnable, inode, runnable_entry);
		inode->refs++; /* failing its last extent may close its last file */
		inode->runnable = !inode_pump(inode);
		if (inode->runnable)
			TAILQ_INSERT_TAIL(&waiting, inode, runnable_entry);
		inode_unref(inode);
	}
	TAILQ_CONCAT(&store->runnable, &waiting, runnable_entry);
	check_resume(store);
	reader_pump(store);
	closing_pump(store);
	store->relieved(store->relieved_arg);
}

void writer_checked(struct extent *e)
{
	e->busy = false;
	if (e->doomed) {
		extent_fail(e, e->doomed, 0, 0);
		return;
	}
	if (e->code) {
		extent_fail(e, e->code, e->kernel_errno, e->detail);
		return;
	}
	if (!e->checked) {
		e->checked = true;
		e->notify(e, EXTENT_TAKEN);
	}
	if (e->reserved)
		writer_reserved(e);
}

void writer_reserved(struct extent *e)
{
	if (!e->file->encoded && e->form == WIRE_FORM_ENCODED)
		check_decode(e);
	else
		inode_ready(e->file->inode, e);
}
