// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Writes through worker threads and plain system calls: for kernels from 5.18 up to the first
 * that has the io_uring command, and where io_uring is disabled.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine.h"
#include "file.h"
#include "store.h"

#define chain_of(j) ((struct chain *)((char *)(j)-offsetof(struct chain, job)))

static int write_one(struct extent *e)
{
	ssize_t n;

	do {
		if (e->form == WIRE_FORM_ENCODED)
			n = ioctl(e->file->fd, BTRFS_IOC_ENCODED_WRITE, &e->args);
		else
			n = pwrite(e->file->fd, e->data + e->data_done, e->data_len - e->data_done,
				   (off_t)(e->offset + e->data_done));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

static void chain_run(struct job *job)
{
	struct extent *e;

	TAILQ_FOREACH(e, &chain_of(job)->extents, entry)
		e->result = write_one(e);
}

static void chain_done(struct job *job)
{
	struct chain *chain = chain_of(job);
	unsigned int n = chain->n;

	/* The last completion frees the chain. */
	while (n--)
		engine_completed(TAILQ_FIRST(&chain->extents),
				 TAILQ_FIRST(&chain->extents)->result);
}

static void thread_submit(struct engine *engine, struct chain *chain)
{
	struct extent *e;

	TAILQ_FOREACH(e, &chain->extents, entry)
		engine_prepare(e);
	chain->job.run = chain_run;
	chain->job.done = chain_done;
	workers_queue(engine->store->blocking, NULL, &chain->job);
}

static void thread_free(struct engine *engine)
{
	free(engine);
}

static const struct engine_ops thread_ops = {
	.submit = thread_submit,
	.free = thread_free,
};

int thread_engine_new(struct store *store, struct engine **out)
{
	struct engine *engine = malloc(sizeof(*engine));

	if (!engine)
		return -ENOMEM;
	*engine = (struct engine){ .ops = &thread_ops, .store = store };
	*out = engine;
	return 0;
}
