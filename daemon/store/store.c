// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <search.h>
#include <stdlib.h>

#include "base/feature.h"
#include "buffers.h"
#include "check.h"
#include "commit.h"
#include "engine.h"
#include "filesystem.h"
#include "inode.h"
#include "store.h"
#include "user.h"
#include "wire/limits.h"
#include "writer.h"

#define SETTLE_LAZY_SECONDS 10

static void pump_cb(evutil_socket_t fd, short what, void *arg)
{
	writer_pump(arg);
}

void store_settle_all(struct store *store)
{
	struct filesystem *fs;

	TAILQ_FOREACH(fs, &store->filesystems, entry)
		commit_want(fs);
}

/*
 * A busy moment leaves its memory with the allocator, in pieces that it would only give back from
 * the top. When there has been nothing to do for a while, it is given back.
 */
static void give_back(struct store *store)
{
	const struct wire_counters *c = &store->counters;
	/* An end counts too: who was idle before it may have held much. */
	const uint64_t ended = c->sessions - c->now_sessions;
	const uint64_t done = c->writes + c->reads + c->sessions + ended + c->sessions_refused;

	if (done != store->done_before)
		store->trimmed = false;
	else if (!store->trimmed && !store->n_extents && !store->held_bytes)
		store->trimmed = malloc_trim(0) >= 0;
	store->done_before = done;
}

static void lazy_cb(evutil_socket_t fd, short what, void *arg)
{
	struct store *store = arg;
	struct filesystem *fs;

	give_back(store);
	/* A settle also looks whether there is space again, and whether what was seen may still
	 * hope. */
	TAILQ_FOREACH(fs, &store->filesystems, entry)
		fs->wanted |= fs->low || fs->n_seen;
	store_settle_all(store);
	writer_pump_later(store);
}

static int engine_choose(struct store *store)
{
	int r = thread_engine_new(store, &store->threads);

	if (r < 0)
		return r;
	store->engine = store->threads;
	if (store->options.backend == STORE_IOCTL)
		return 0;
	r = ring_engine_new(store, &store->ring);
	if (r == 0) {
		store->engine = store->ring;
		store->counters.engine_uring = 1;
		return 0;
	}
	return store->options.backend == STORE_URING || r == -ENOMEM ? r : 0;
}

int store_new(struct event_base *base, const struct store_options *options, struct store **out)
{
	const struct timeval lazy = { .tv_sec = SETTLE_LAZY_SECONDS };
	struct store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return -ENOMEM;
	/* Payload copies come and go by the thousand: keep them off mmap and its page faults. */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	mallopt(M_TRIM_THRESHOLD, 16 << 20);
	/* malloc_trim() gives back all of the first arena, but not the top of any other. */
	mallopt(M_ARENA_MAX, 1);

	store->base = base;
	store->options = *options;
	store->counters.encoded_write_sync = feature_present(FEATURE_SYNC);
	store->held_limit = options->held_bytes;
	store->user_held_limit = options->user_held_bytes;
	TAILQ_INIT(&store->filesystems);
	TAILQ_INIT(&store->runnable);
	TAILQ_INIT(&store->doomed);
	TAILQ_INIT(&store->hungry);
	TAILQ_INIT(&store->readers);
	TAILQ_INIT(&store->closings);
	r = -ENOMEM;
	store->pump = event_new(base, -1, 0, pump_cb, store);
	store->lazy = event_new(base, -1, EV_PERSIST, lazy_cb, store);
	if (!store->pump || !store->lazy || event_add(store->lazy, &lazy) < 0)
		goto fail;
	r = workers_new(base, options->blocking_threads, "extentd-io", &store->blocking);
	if (r < 0)
		goto fail;
	r = workers_new(base, options->cpu_threads, "extentd-check", &store->cpu);
	if (r < 0)
		goto fail;
	r = engine_choose(store);
	if (r < 0)
		goto fail;
	*out = store;
	return 0;
fail:
	store_free(store);
	return r;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	if (store->ring)
		store->ring->ops->free(store->ring);
	if (store->threads)
		store->threads->ops->free(store->threads);
	buffers_free(store->buffers);
	workers_free(store->blocking);
	workers_free(store->cpu);
	if (store->pump)
		event_free(store->pump);
	if (store->lazy)
		event_free(store->lazy);
	free(store);
}

bool store_idle(const struct store *store)
{
	return !store->n_extents;
}

bool store_memory_left(const struct store *store, uint64_t taken, uint64_t his, uint64_t more)
{
	/* Everybody may hold one, whatever the others hold. */
	return !his || (user_share_left(store->held_limit, taken, his, more) &&
			his + more <= store->user_held_limit);
}

bool store_has_room(const struct store *store, const struct user *user, uint64_t bytes)
{
	return store_memory_left(store, store->held_bytes, user->held_bytes, bytes);
}

void *store_hold(struct store *store, struct user *user, uint64_t bytes)
{
	void *memory = malloc(bytes);

	if (memory) {
		store->held_bytes += bytes;
		user->held_bytes += bytes;
	}
	return memory;
}

void store_release(struct store *store, struct user *user, void *memory, uint64_t bytes)
{
	free(memory);
	store->held_bytes -= bytes;
	user->held_bytes -= bytes;
	writer_pump_later(store);
}
