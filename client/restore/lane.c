// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making a name, and filling and closing the file, each cost about as much time in the kernel, and
 * both can go on at once: the lane writes, and where payloads are decoded as a test, decodes, while
 * the job's thread creates. A second lane gains nothing: all inodes of a tree are made in the same
 * leaves of one btree, and the threads would wait for each other's locks.
 *
 * To wake a thread costs as much as a small write, and a lock that two want, a good part of one. So
 * work goes over in batches, or when somebody asks what has been done, and comes back in batches,
 * unless somebody waits for it.
 *
 * The thread touches nothing but its queues and the descriptors that it was given. What a write has
 * come to is told by the job's thread, when it takes it back.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "restore/encoded.h"
#include "restore/lane.h"
#include "restore/limits.h"

STAILQ_HEAD(lane_works, lane_work);

struct lane {
	/* The job's thread's. */
	unsigned int count;	    /* put and not taken */
	size_t bytes;		    /* of their payloads */
	struct lane_works put, got; /* not sent yet; done, and not taken yet */
	struct lane_works spare;
	unsigned int unsent;
	pthread_t thread;

	/* The other thread's. */
	struct lane_works mine, ended; /* to do; done, and not told yet */
	enum payload_level level;
	struct payload_scratch *scratch;

	pthread_mutex_t mutex;
	pthread_cond_t todo_cond, done_cond;
	/* Under the mutex. */
	struct lane_works todo, done;
	bool asleep, over;
	atomic_bool awaited; /* set under it; without, a look may come one piece of work too late */
};

static void lane_do(struct lane *lane, struct lane_work *l)
{
	const struct extent_write *w = &l->w;

	if (l->kind == LANE_END) {
		if (l->timed && futimens(l->fd, l->times) < 0)
			l->result = -errno;
		close(l->fd);
		return;
	}
	if (w->compression == EXTENT_NONE) {
		l->result = write_plain(l->fd, w->payload, w->len, w->offset);
		return;
	}
	if (lane->level != PAYLOAD_NONE)
		l->result = payload_check_part(
			lane->scratch, w->compression, w->payload, w->payload_len, w->unencoded_len,
			w->unencoded_offset + w->len, lane->level, &l->fault);
	if (!l->result)
		l->result = encoded_write(l->fd, w);
}

/* Under the mutex. */
static void lane_tell(struct lane *lane)
{
	STAILQ_CONCAT(&lane->done, &lane->ended);
	if (lane->awaited && !STAILQ_EMPTY(&lane->done))
		pthread_cond_signal(&lane->done_cond);
}

/* The next batch; false: there will be none. */
static bool lane_receive(struct lane *lane)
{
	pthread_mutex_lock(&lane->mutex);
	lane_tell(lane);
	while (STAILQ_EMPTY(&lane->todo) && !lane->over) {
		lane->asleep = true;
		pthread_cond_wait(&lane->todo_cond, &lane->mutex);
		lane->asleep = false;
	}
	STAILQ_CONCAT(&lane->mine, &lane->todo);
	pthread_mutex_unlock(&lane->mutex);
	return !STAILQ_EMPTY(&lane->mine);
}

static void *lane_run(void *arg)
{
	struct lane *lane = arg;
	struct lane_work *l;

	while (lane_receive(lane)) {
		while ((l = STAILQ_FIRST(&lane->mine))) {
			STAILQ_REMOVE_HEAD(&lane->mine, entry);
			lane_do(lane, l);
			STAILQ_INSERT_TAIL(&lane->ended, l, entry);
			if (!atomic_load_explicit(&lane->awaited, memory_order_relaxed))
				continue;
			pthread_mutex_lock(&lane->mutex);
			lane_tell(lane);
			pthread_mutex_unlock(&lane->mutex);
		}
	}
	return NULL;
}

int lane_new(enum payload_level level, struct lane **out)
{
	_cleanup_(freep) struct lane *lane = calloc(1, sizeof(*lane));
	sigset_t all, was;
	int err;

	if (!lane)
		return -ENOMEM;
	lane->level = level;
	STAILQ_INIT(&lane->put);
	STAILQ_INIT(&lane->got);
	STAILQ_INIT(&lane->spare);
	STAILQ_INIT(&lane->mine);
	STAILQ_INIT(&lane->ended);
	STAILQ_INIT(&lane->todo);
	STAILQ_INIT(&lane->done);
	err = payload_scratch_new(&lane->scratch);
	if (err < 0)
		return err;
	pthread_mutex_init(&lane->mutex, NULL);
	pthread_cond_init(&lane->todo_cond, NULL);
	pthread_cond_init(&lane->done_cond, NULL);
	/* Signals are for the thread that can do something about them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	err = pthread_create(&lane->thread, NULL, lane_run, lane);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (err) {
		payload_scratch_free(lane->scratch);
		return -err;
	}
	*out = steal_ptr(&lane);
	return 0;
}

static void lane_send(struct lane *lane)
{
	lane->unsent = 0;
	pthread_mutex_lock(&lane->mutex);
	STAILQ_CONCAT(&lane->todo, &lane->put);
	if (lane->asleep && !STAILQ_EMPTY(&lane->todo))
		pthread_cond_signal(&lane->todo_cond);
	pthread_mutex_unlock(&lane->mutex);
}

struct lane *lane_free(struct lane *lane)
{
	struct lane_work *l;

	if (!lane)
		return NULL;
	lane_send(lane);
	pthread_mutex_lock(&lane->mutex);
	lane->over = true;
	pthread_cond_signal(&lane->todo_cond);
	pthread_mutex_unlock(&lane->mutex);
	pthread_join(lane->thread, NULL);
	while ((l = lane_take(lane, false)))
		lane_drop(lane, l);
	while ((l = STAILQ_FIRST(&lane->spare))) {
		STAILQ_REMOVE_HEAD(&lane->spare, entry);
		free(l);
	}
	pthread_cond_destroy(&lane->todo_cond);
	pthread_cond_destroy(&lane->done_cond);
	pthread_mutex_destroy(&lane->mutex);
	payload_scratch_free(lane->scratch);
	free(lane);
	return NULL;
}

bool lane_busy(const struct lane *lane)
{
	return lane->count;
}

bool lane_full(const struct lane *lane)
{
	return lane->count >= RESTORE_LANE_WORKS || lane->bytes >= RESTORE_LANE_BYTES;
}

static void lane_queue(struct lane *lane, struct lane_work *l)
{
	lane->count++;
	lane->bytes += l->w.payload_len;
	STAILQ_INSERT_TAIL(&lane->put, l, entry);
	if (++lane->unsent >= RESTORE_LANE_BATCH)
		lane_send(lane);
}

bool lane_behind(const struct lane *lane)
{
	return lane->level == PAYLOAD_FULL && lane->bytes >= RESTORE_LANE_DECODED;
}

/* Most payloads are too large for malloc's fast lists, and small enough to keep some. */
static struct lane_work *work_new(struct lane *lane, size_t copied)
{
	struct lane_work *l = STAILQ_FIRST(&lane->spare);
	size_t room = copied > RESTORE_LANE_ROOM ? copied : RESTORE_LANE_ROOM;

	if (l && room == l->room) {
		STAILQ_REMOVE_HEAD(&lane->spare, entry);
		return l;
	}
	l = malloc(sizeof(*l) + room);
	if (l)
		l->room = room;
	return l;
}

void lane_drop(struct lane *lane, struct lane_work *l)
{
	if (l->room == RESTORE_LANE_ROOM)
		STAILQ_INSERT_HEAD(&lane->spare, l, entry);
	else
		free(l);
}

int lane_put(struct lane *lane, struct restore_file *file, int fd, const struct extent_write *w)
{
	size_t copied = w->flags & EXTENT_BUFFER ? 0 : w->payload_len;
	struct lane_work *l = work_new(lane, copied);

	if (!l)
		return -ENOMEM;
	*l = (struct lane_work){
		.kind = LANE_WRITE, .room = l->room, .file = file, .fd = fd, .w = *w
	};
	if (copied)
		l->w.payload = memcpy(l->bytes, w->payload, copied);
	lane_queue(lane, l);
	return 0;
}

int lane_end(struct lane *lane, struct restore_file *file, int fd, const struct timespec times[2])
{
	struct lane_work *l = work_new(lane, 0);

	if (!l)
		return -ENOMEM;
	*l = (struct lane_work){
		.kind = LANE_END, .room = l->room, .file = file, .fd = fd, .timed = times
	};
	if (times)
		memcpy(l->times, times, sizeof(l->times));
	lane_queue(lane, l);
	return 0;
}

/* What is put goes with the question, whatever is there already. */
static void lane_ask(struct lane *lane, bool wait)
{
	lane_send(lane);
	pthread_mutex_lock(&lane->mutex);
	lane->awaited = wait;
	while (STAILQ_EMPTY(&lane->done) && wait)
		pthread_cond_wait(&lane->done_cond, &lane->mutex);
	lane->awaited = false;
	STAILQ_CONCAT(&lane->got, &lane->done);
	pthread_mutex_unlock(&lane->mutex);
}

struct lane_work *lane_take(struct lane *lane, bool wait)
{
	struct lane_work *l;

	if (!lane->count)
		return NULL;
	if (STAILQ_EMPTY(&lane->got))
		lane_ask(lane, wait);
	l = STAILQ_FIRST(&lane->got);
	if (!l)
		return NULL;
	STAILQ_REMOVE_HEAD(&lane->got, entry);
	lane->count--;
	lane->bytes -= l->w.payload_len;
	return l;
}
