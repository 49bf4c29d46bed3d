// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads that read, and compress where that is asked for. A queue in, a queue out, and an
 * eventfd that says that the second one is no longer empty.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "copy/fetch.h"
#include "lib/extent.h"
#include "payload/payload.h"

#define POOL_THREADS_MAX 16
/* btrfs's default of max_inline=: what is larger takes a sector of its own anyway. */
#define POOL_INLINE_MAX 2048

struct worker {
	struct fetch_pool *pool;
	pthread_t thread;
	struct payload_compressor *compressor; /* NULL: all plain */
	void *plain;			       /* PAYLOAD_UNENCODED_MAX bytes */
};

struct fetch_pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct fetch_jobs todo, done; /* under lock */
	bool stop;
	struct fetch_jobs mine; /* taken from done, for next() */
	int event;
	struct codec codec;
	unsigned int n;
	struct worker workers[POOL_THREADS_MAX];
};

/* A sector or less can save only where it can be an inline extent. */
static bool worth_a_try(const struct fetch_job *job, uint64_t len)
{
	return len > job->sector ||
	       (!job->piece.offset && len == job->file_size && len > POOL_INLINE_MAX);
}

static void read_compressed(struct worker *w, struct fetch_job *job)
{
	void *buffer = job->buffer;
	size_t len = 0;

	job->buffer = w->plain;
	fetch_now(job);
	job->buffer = buffer;
	if (job->error || !job->len)
		return;

	if (worth_a_try(job, job->len) &&
	    !payload_compress(w->compressor, job->sector, w->plain, job->len, buffer, &len) &&
	    (job->len > job->sector || len <= POOL_INLINE_MAX)) {
		job->payload_len = (uint32_t)len;
		job->compression = w->pool->codec.compression;
	} else {
		memcpy(buffer, w->plain, job->len);
	}
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct fetch_pool *pool = w->pool;
	struct fetch_job *job;

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		bool first;

		while (!(job = TAILQ_FIRST(&pool->todo)) && !pool->stop)
			pthread_cond_wait(&pool->work, &pool->lock);
		if (!job)
			break;
		TAILQ_REMOVE(&pool->todo, job, entry);
		pthread_mutex_unlock(&pool->lock);

		if (job->how == FETCH_COMPRESSED && w->compressor)
			read_compressed(w, job);
		else
			fetch_now(job);

		pthread_mutex_lock(&pool->lock);
		first = TAILQ_EMPTY(&pool->done);
		TAILQ_INSERT_TAIL(&pool->done, job, entry);
		if (first)
			eventfd_write(pool->event, 1);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static int worker_start(struct worker *w)
{
	const struct codec *codec = &w->pool->codec;
	int err;

	if (codec->compression != EXTENT_NONE) {
		w->plain = malloc(PAYLOAD_UNENCODED_MAX);
		err = payload_compressor_new(codec->compression, codec->level, &w->compressor);
		if (err < 0 || !w->plain)
			return err < 0 ? err : -ENOMEM;
	}
	return -pthread_create(&w->thread, NULL, worker_main, w);
}

static void worker_clear(struct worker *w)
{
	payload_compressor_free(w->compressor);
	free(w->plain);
}

int fetch_pool_new(const struct codec *codec, unsigned int threads, struct fetch_pool **out)
{
	struct fetch_pool *pool = calloc(1, sizeof(*pool));
	int err = 0;

	if (!pool)
		return -ENOMEM;
	if (threads > POOL_THREADS_MAX)
		threads = POOL_THREADS_MAX;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	TAILQ_INIT(&pool->todo);
	TAILQ_INIT(&pool->done);
	TAILQ_INIT(&pool->mine);
	pool->codec = *codec;
	pool->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool->event < 0)
		err = -errno;
	while (!err && pool->n < threads) {
		struct worker *w = &pool->workers[pool->n];

		w->pool = pool;
		err = worker_start(w);
		if (err < 0)
			worker_clear(w);
		else
			pool->n++;
	}
	if (err < 0 && !pool->n) {
		fetch_pool_free(pool);
		return err;
	}
	*out = pool;
	return 0;
}

struct fetch_pool *fetch_pool_free(struct fetch_pool *pool)
{
	if (!pool)
		return NULL;
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned int i = 0; i < pool->n; i++) {
		pthread_join(pool->workers[i].thread, NULL);
		worker_clear(&pool->workers[i]);
	}
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	if (pool->event >= 0)
		close(pool->event);
	free(pool);
	return NULL;
}

int fetch_pool_fd(const struct fetch_pool *pool)
{
	return pool->event;
}

void fetch_pool_submit(struct fetch_pool *pool, struct fetch_job *job)
{
	pthread_mutex_lock(&pool->lock);
	TAILQ_INSERT_TAIL(&pool->todo, job, entry);
	pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

struct fetch_job *fetch_pool_next(struct fetch_pool *pool)
{
	struct fetch_job *job = TAILQ_FIRST(&pool->mine);
	eventfd_t count;

	if (!job) {
		pthread_mutex_lock(&pool->lock);
		if (!TAILQ_EMPTY(&pool->done)) {
			TAILQ_CONCAT(&pool->mine, &pool->done, entry);
			eventfd_read(pool->event, &count);
		}
		pthread_mutex_unlock(&pool->lock);
		job = TAILQ_FIRST(&pool->mine);
	}
	if (job)
		TAILQ_REMOVE(&pool->mine, job, entry);
	return job;
}
