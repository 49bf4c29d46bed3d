// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Before an extent is handed over it is known whether its range is a hole ("fresh"). That
 * decides how it is proved afterwards: in a hole nothing but our write can have put an extent,
 * so finding one there is enough; otherwise it has to be read back and compared, because a lost
 * write leaves an old extent, and balance or defragmentation may have moved that one, so that
 * its address proves nothing. Past the end of the file all is a hole; elsewhere a map of the
 * file is asked for first, in a worker since that waits for the inode's lock.
 */

#include <stdlib.h>

#include "chain.h"
#include "commit.h"
#include "engine.h"
#include "file.h"
#include "inode.h"
#include "map.h"
#include "readback.h"
#include "turn.h"
#include "user.h"
#include "wire/codes.h"
#include "writer.h"

#define chain_of(j) ((struct chain *)((char *)(j)-offsetof(struct chain, job)))

struct chain *chain_new(const struct extent *first)
{
	struct store *store = first->file->store;
	unsigned int max = extent_in_place(first) ? 1 : store->options.batch;
	struct chain *chain = calloc(1, sizeof(*chain) + max * sizeof(chain->inodes[0]));

	if (!chain)
		return NULL;
	TAILQ_INIT(&chain->extents);
	chain->max = max;
	chain->user = user_ref(first->file->user);
	chain->fs = first->file->inode->fs; /* kept by the inodes */
	return chain;
}

static void chain_add(struct chain *chain, struct extent *e, uint64_t size)
{
	struct inode *inode = e->file->inode;

	TAILQ_REMOVE(&inode->ready, e, entry);
	TAILQ_INSERT_TAIL(&chain->extents, e, entry);
	turn_take(e);
	e->chain = chain;
	e->state = EXTENT_SUBMITTED;
	e->fresh = e->from >= size;
	chain->look |= !e->fresh && readback_needed(e);
	chain->n++;
	chain->remaining++;
	if (chain->n_inodes && chain->inodes[chain->n_inodes - 1] == inode)
		return;
	chain->inodes[chain->n_inodes++] = inode;
	inode->refs++;
	inode->chains++;
}

void chain_take(struct chain *chain, struct inode *inode)
{
	const struct file *checked = NULL;
	struct extent *e;
	uint64_t size;

	if (inode->fs != chain->fs)
		return;
	inode->refs++; /* failing its last extent may close its last file */
	while ((e = TAILQ_FIRST(&inode->ready)) && chain->n < chain->max &&
	       e->file->user == chain->user && turn_left(e) &&
	       (chain->max == 1 || !extent_in_place(e))) {
		int r = e->file == checked ? 0 : file_recheck(e->file, &size);

		if (r) {
			extent_fail(e, (uint32_t)r, 0, 0);
			continue;
		}
		checked = e->file;
		chain_add(chain, e, size);
	}
	inode_unref(inode);
}

static void chain_submit(struct chain *chain)
{
	struct engine *engine = chain->fs->store->engine;
	struct extent *e;

	if (!chain->remaining) {
		chain_free(chain);
		return;
	}
	TAILQ_FOREACH(e, &chain->extents, entry)
		e->engine = engine;
	engine->ops->submit(engine, chain);
}

static void map_run(struct job *job)
{
	map_before(&chain_of(job)->extents);
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

void chain_go(struct chain *chain)
{
	if (!chain->look) {
		chain_submit(chain);
		return;
	}
	chain->job.run = map_run;
	chain->job.done = map_done;
	workers_queue(chain->fs->store->blocking, NULL, &chain->job);
}

void chain_free(struct chain *chain)
{
	lane_give(chain->fs->store, chain->user, chain->fs);
	for (unsigned int i = 0; i < chain->n_inodes; i++) {
		struct inode *inode = chain->inodes[i];

		inode->chains--;
		writer_wake(inode);
		commit_wake(inode);
		inode_unref(inode);
	}
	user_unref(chain->user);
	free(chain);
}
