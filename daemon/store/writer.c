// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * From "checked" to "the kernel has it". Extents of one inode that are ready go together, as one
 * chain; while a chain is under way the next one grows, so the batches fit the load.
 *
 * Before an extent is handed over it is known whether its range is a hole ("fresh"). That
 * decides how it is proved afterwards: in a hole nothing but our write can have put an extent,
 * so finding one there is enough; otherwise it has to be read back and compared, because a lost
 * write leaves an old extent, and balance or defragmentation may have moved that one, so that
 * its address proves nothing. Past the end of the file all is a hole; elsewhere a map of the
 * file is asked for first, in a worker since that waits for the inode's lock.
 */

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "check.h"
#include "commit.h"
#include "engine.h"
#include "file.h"
#include "inode.h"
#include "filesystem.h"
#include "map.h"
#include "readback.h"
#include "reader.h"
#include "user.h"
#include "wire/codes.h"
#include "writer.h"

/* Two, so that the kernel has the next chain when it is through with one. */
#define CHAINS_PER_INODE 2

#define chain_of(j) ((struct chain *)((char *)(j)-offsetof(struct chain, job)))

int lane_take(struct store *store, struct user *user, struct filesystem *fs)
{
	unsigned int all = store->options.blocking_threads;

	if (store->lanes >= all * LANES_PER_THREAD)
		return -EBUSY;
	if (user && user->lanes >= (all + 1) / 2)
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

static void chain_submit(struct chain *chain);

static void map_run(struct job *job)
{
	struct chain *chain = chain_of(job);

	map_before(&chain->extents, chain->file->fd);
}

static void map_done(struct job *job)
{
	struct chain *chain = chain_of(job);
	struct extent *e, *next;

	for (e = TAILQ_FIRST(&chain->extents); e; e = next) {
		next = TAILQ_NEXT(e, entry);
		if (e->form == WIRE_FORM_ENCODED && !e->fresh && e->file->view < 0)
			extent_fail(e, WIRE_E_UNVERIFIABLE, 0, 0);
	}
	chain_submit(chain);
}

void chain_free(struct chain *chain)
{
	struct inode *inode = chain->inode;

	inode->chains--;
	lane_give(inode->store, chain->user, inode->fs);
	writer_wake(inode);
	commit_wake(inode);
	user_unref(chain->user);
	file_unref(chain->file);
	free(chain);
}

static void chain_submit(struct chain *chain)
{
	struct engine *engine = chain->inode->store->engine;

	struct extent *e;

	if (!chain->remaining) {
		chain_free(chain);
		return;
	}
	TAILQ_FOREACH(e, &chain->extents, entry)
		e->engine = engine;
	engine->ops->submit(engine, chain);
}

/* True if all that will have to be looked at lies past the end of the file. */
static bool all_fresh(struct chain *chain)
{
	uint64_t end = UINT64_MAX;
	bool all = true;
	struct extent *e;
	struct stat st;

	if (fstat(chain->file->fd, &st) == 0)
		end = (uint64_t)st.st_size;
	TAILQ_FOREACH(e, &chain->extents, entry) {
		e->fresh = e->from >= end;
		all &= e->fresh || !readback_needed(e);
	}
	return all;
}

static struct chain *chain_new(struct inode *inode)
{
	struct extent *first = TAILQ_FIRST(&inode->ready), *e;
	unsigned int max = extent_in_place(first) ? 1 : inode->store->options.batch;
	struct chain *chain = calloc(1, sizeof(*chain));

	if (!chain)
		return NULL;
	TAILQ_INIT(&chain->extents);
	chain->inode = inode;
	chain->file = file_ref(first->file);
	chain->user = user_ref(first->file->user);
	while ((e = TAILQ_FIRST(&inode->ready)) && chain->n < max && e->file->user == chain->user &&
	       (e == first || !extent_in_place(e)) &&
	       (e->file == chain->file || file_is_ours(e->file))) {
		TAILQ_REMOVE(&inode->ready, e, entry);
		TAILQ_INSERT_TAIL(&chain->extents, e, entry);
		e->chain = chain;
		e->state = EXTENT_SUBMITTED;
		chain->n++;
	}
	chain->remaining = chain->n;
	inode->chains++;
	return chain;
}

/*
 * A write in place completes when its I/O is done, and a chain would do one after the other. So
 * each is a chain of its own, and as many of them as there are lanes may be under way.
 */
static bool may_go(struct inode *inode)
{
	struct extent *first = TAILQ_FIRST(&inode->ready);

	return first && (inode->chains < CHAINS_PER_INODE || extent_in_place(first));
}

/* False: nothing can be handed over just now, and a lane_give() or a completion will pump. */
static bool inode_pump(struct inode *inode)
{
	struct store *store = inode->store;

	while (may_go(inode)) {
		struct extent *first = TAILQ_FIRST(&inode->ready);
		struct chain *chain;
		int r;

		if (commit_excludes(inode))
			return false;
		r = file_recheck(first->file);

		if (r) {
			extent_fail(first, (uint32_t)r, 0, 0);
			continue;
		}
		if (lane_take(store, first->file->user, inode->fs) < 0)
			return false;
		chain = chain_new(inode);
		if (!chain) {
			lane_give(store, first->file->user, inode->fs);
			extent_fail(first, WIRE_E_NO_MEMORY, 0, 0);
			continue;
		}
		if (all_fresh(chain)) {
			chain_submit(chain);
			continue;
		}
		chain->job.run = map_run;
		chain->job.done = map_done;
		workers_queue(store->blocking, &chain->job);
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

void writer_pump(struct store *store)
{
	struct inode_list waiting = TAILQ_HEAD_INITIALIZER(waiting);
	struct inode *inode;

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
	commit_pump(store);
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
