// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pieces are read and compressed in any order, and written in that of the walk: a stream has an
 * order. The queue is both what is under way and what has arrived too early; its length bounds the
 * memory. Commands wait in front of the piece that they come before.
 *
 * The first item is written as soon as it has arrived. A piece of more than one extent stays first
 * until its last one is written, and what is behind it waits: such are only extents that were not
 * on disk yet when the file was mapped.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "pack/queue.h"

int queue_begin(struct pack *p)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	TAILQ_INIT(&p->idle);
	TAILQ_INIT(&p->queue);
	for (unsigned int i = 0; i < PACK_ITEMS; i++)
		TAILQ_INSERT_TAIL(&p->idle, &p->items[i], entry);
	return fetch_pool_new(&p->opt->codec,
			      cpus > PACK_WORKERS ? (unsigned int)cpus : PACK_WORKERS, &p->pool);
}

void queue_end(struct pack *p)
{
	struct item *i;

	fetch_pool_free(p->pool); /* waits for what is being read */
	TAILQ_FOREACH(i, &p->queue, entry)
		if (i->last)
			file_free(i->file);
	for (unsigned int k = 0; k < PACK_ITEMS; k++) {
		free(p->items[k].buffer);
		stream_out_free(&p->items[k].before);
	}
}

static int out_write(struct pack *p, struct stream_out *out, const void *data, size_t size)
{
	int r = 0;

	if (out->size || size)
		r = p->opt->write(p->opt->userdata, out->bytes, out->size, data, size);
	out->size = 0;
	return r;
}

static void item_submit(struct pack *p, struct item *i)
{
	i->arrived = false;
	i->job.buffer = i->buffer;
	fetch_pool_submit(p->pool, &i->job);
}

/* Not that way: true if the piece is being read in another one. */
static bool item_again(struct pack *p, struct item *i)
{
	int e = i->job.error;

	if (i->job.how != FETCH_ENCODED || (e != -EPERM && e != -ENOTTY && e != -EINVAL))
		return false;
	p->dev_encoded = false;
	i->job.how = i->file->how = p->otherwise;
	item_submit(p, i);
	return true;
}

/* 1: there is more of it to be read. */
static int item_extent(struct pack *p, struct item *i)
{
	struct fetch_job *job = &i->job;
	struct pack_file *f = i->file;
	int r;

	if (job->error) {
		file_failed(p, f, job->piece.offset, -job->error, "cannot be read");
		return 0;
	}
	if (!job->len) {
		file_failed(p, f, job->piece.offset, 0, "shrank while it was read");
		return 0;
	}
	r = file_extent(p, f, job, &i->before);
	if (!r)
		r = out_write(p, &i->before, job->buffer, job->payload_len);
	if (r)
		return r;
	/* Only an inline extent, and the file, end inside a sector. */
	job->piece.offset =
		(job->piece.offset + job->len + PACK_SECTOR - 1) & ~(uint64_t)(PACK_SECTOR - 1);
	if (job->piece.offset >= job->piece.end || f->failed)
		return 0;
	job->how = f->how;
	item_submit(p, i);
	return 1;
}

/* 1 as above. */
static int item_write(struct pack *p, struct item *i)
{
	int r = out_write(p, &i->before, NULL, 0);

	if (!r && i->reads)
		r = item_extent(p, i);
	if (r)
		return r;
	if (i->last) {
		r = file_end(p, i->file, &i->before);
		if (!r)
			r = out_write(p, &i->before, NULL, 0);
		i->file = file_free(i->file);
		i->last = false;
	}
	return r;
}

/* Takes what was read, and writes what is first. Number of items done, or what ends all. */
static int step(struct pack *p)
{
	struct fetch_job *job;
	struct item *i;
	int done = 0;

	while ((job = fetch_pool_next(p->pool))) {
		i = job->owner;
		if (!job->error || !item_again(p, i))
			i->arrived = true;
	}
	while ((i = TAILQ_FIRST(&p->queue)) && i->arrived) {
		int r = item_write(p, i);

		if (r < 0)
			return r;
		if (r)
			break;
		TAILQ_REMOVE(&p->queue, i, entry);
		TAILQ_INSERT_HEAD(&p->idle, i, entry);
		done++;
	}
	if (p->opt->tick)
		p->opt->tick(p->opt->userdata);
	return done;
}

static int wait_step(struct pack *p)
{
	struct pollfd q = { .fd = fetch_pool_fd(p->pool), .events = POLLIN };
	int r = step(p);

	if (r)
		return r;
	if (poll(&q, 1, 1000) < 0 && errno != EINTR)
		return -errno;
	return step(p);
}

int queue_turn(struct pack *p, bool drain)
{
	int r = 0;

	while (r >= 0 && !TAILQ_EMPTY(&p->queue) && (drain || p->out.size > PACK_HELD_MAX))
		r = wait_step(p);
	if (r >= 0 && TAILQ_EMPTY(&p->queue) && (drain || p->out.size >= PACK_OUT_BYTES))
		r = out_write(p, &p->out, NULL, 0);
	return r < 0 ? r : 0;
}

/* Behind everything so far. */
static int item_new(struct pack *p, struct pack_file *f, struct item **out)
{
	struct stream_out empty;
	struct item *i;
	int r = 0;

	while (r >= 0 && TAILQ_EMPTY(&p->idle))
		r = wait_step(p);
	if (r < 0)
		return r;
	i = TAILQ_FIRST(&p->idle);
	if (!i->buffer)
		i->buffer = malloc(PAYLOAD_UNENCODED_MAX);
	if (!i->buffer)
		return -ENOMEM;
	TAILQ_REMOVE(&p->idle, i, entry);
	TAILQ_INSERT_TAIL(&p->queue, i, entry);
	empty = i->before; /* but for its room */
	i->before = p->out;
	p->out = empty;
	i->file = f;
	i->last = false;
	i->reads = false;
	i->arrived = true;
	*out = i;
	return 0;
}

int queue_read(struct pack *p, struct pack_file *f, const struct piece *piece)
{
	struct item *i;
	int r = item_new(p, f, &i);

	if (r)
		return r;
	i->reads = true;
	i->job = (struct fetch_job){
		.owner = i,
		.fd = f->fd,
		.how = f->how,
		.piece = *piece,
		.file_size = (uint64_t)f->st.st_size,
		.sector = PACK_SECTOR,
		.size = PAYLOAD_UNENCODED_MAX,
	};
	item_submit(p, i);
	return 0;
}

int queue_last(struct pack *p, struct pack_file *f)
{
	struct item *i = TAILQ_LAST(&p->queue, items);
	int r = 0;

	if (!i || i->file != f)
		r = item_new(p, f, &i);
	if (r) {
		file_free(f);
		return r;
	}
	i->last = true;
	return 0;
}
