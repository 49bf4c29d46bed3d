// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Positions are those of the stream, and of the file: what all have read is punched out of it.
 * Pages that are gone before the kernel has written them never go to the disk, so that with readers
 * who keep up this is a buffer in memory. It is read by copying: pages that were spliced into a
 * pipe would change under its reader when a hole is punched into the folio that they belong to.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "deliver/spool.h"

#define PUNCH_BYTES (4u << 20) /* at once, or an eighth of the limit */
#define PAGE_BYTES  65536      /* of whatever machine */
#define TURN_NS	    200000000L /* a writer that waits looks up so often */

struct reader {
	uint64_t at;
	bool left, paused;
	atomic_bool dropped;
};

struct spool {
	int fd;
	uint64_t keep, behind, step; /* of the limit: kept, unread, punched at once */
	double patience;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t written, punched;
	bool ended;
	uint8_t first[SPOOL_FIRST_BYTES];
	double since;	   /* when the writer began to wait for the reader at stuck_at */
	uint64_t stuck_at; /* UINT64_MAX: it does not wait */
	unsigned int n;
	struct reader readers[SPOOL_READERS_MAX];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

const char *spool_directory(void)
{
	const char *directory = getenv("TMPDIR");

	return directory && *directory ? directory : "/var/tmp";
}

static int file_open(const char *directory)
{
	int fd = open(directory, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	_cleanup_(freep) char *name = NULL;

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	if (asprintf(&name, "%s/extentctl-spool-XXXXXX", directory) < 0)
		return -1;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	return fd;
}

int spool_new(const char *directory, uint64_t limit, double patience, unsigned int readers,
	      struct spool **out)
{
	struct spool *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;

	if (!s)
		return -ENOMEM;
	s->fd = file_open(directory ?: spool_directory());
	if (s->fd < 0 || fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1) < 0) {
		int err = -errno;

		closep(&s->fd);
		free(s);
		return err;
	}
	if (limit < SPOOL_LIMIT_LEAST)
		limit = SPOOL_LIMIT_LEAST;
	s->step = limit / 8 < PUNCH_BYTES ? limit / 8 : PUNCH_BYTES;
	s->behind = limit / 2;
	s->keep = limit / 2 - s->step;
	s->patience = patience;
	s->n = readers;
	s->stuck_at = UINT64_MAX;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	*out = s;
	return 0;
}

struct spool *spool_free(struct spool *s)
{
	if (s) {
		close(s->fd);
		pthread_cond_destroy(&s->changed);
		pthread_mutex_destroy(&s->lock);
		free(s);
	}
	return NULL;
}

/* How far the slowest of those that read has come; UINT64_MAX: there is none. */
static uint64_t slowest(const struct spool *s, unsigned int *who, unsigned int *active)
{
	uint64_t least = UINT64_MAX;

	*active = 0;
	for (unsigned int i = 0; i < s->n; i++) {
		if (s->readers[i].left)
			continue;
		++*active;
		if (s->readers[i].at < least) {
			least = s->readers[i].at;
			*who = i;
		}
	}
	return least;
}

static void wait_turn(struct spool *s)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TURN_NS;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_cond_timedwait(&s->changed, &s->lock, &until);
}

/* Has anybody else read everything, and could go on? */
static bool others_wait(const struct spool *s, unsigned int who)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (i != who && !s->readers[i].left && !s->readers[i].paused &&
		    s->readers[i].at == s->written)
			return true;
	return false;
}

/* The writer waits for who, at position at. What counts is the time in which others do, too. */
static void judge(struct spool *s, unsigned int who, uint64_t at)
{
	struct reader *r = &s->readers[who];

	if (s->stuck_at != at || r->at != at || !others_wait(s, who)) {
		s->stuck_at = at;
		s->since = now();
	} else if (now() - s->since > s->patience) {
		r->dropped = true;
		r->left = true;
		s->stuck_at = UINT64_MAX;
		pthread_cond_broadcast(&s->changed);
	}
}

static int put(struct spool *s, const void *bytes, size_t size, uint64_t at)
{
	for (size_t done = 0; done < size;) {
		ssize_t n =
			pwrite(s->fd, (const char *)bytes + done, size - done, (off_t)(at + done));

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* What is before to goes. The lock is held, and let go for the call. */
static void punch(struct spool *s, uint64_t to)
{
	uint64_t from = s->punched;

	to &= ~(uint64_t)(PAGE_BYTES - 1);
	if (to <= from)
		return;
	s->punched = to;
	pthread_mutex_unlock(&s->lock);
	fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
		  (off_t)(to - from));
	pthread_mutex_lock(&s->lock);
}

static void first_keep(struct spool *s, const void *bytes, size_t size, uint64_t at)
{
	if (at < sizeof(s->first))
		memcpy(s->first + at, bytes,
		       size < sizeof(s->first) - at ? size : sizeof(s->first) - at);
}

static int append(struct spool *s, const void *head, size_t head_size, const void *data,
		  size_t size)
{
	int r = put(s, head, head_size, s->written);

	return r ?: put(s, data, size, s->written + head_size);
}

int spool_write(struct spool *s, const void *head, size_t head_size, const void *data, size_t size)
{
	unsigned int who = 0, active;
	uint64_t least;
	int r = 0;

	pthread_mutex_lock(&s->lock);
	least = slowest(s, &who, &active);
	if (!active)
		r = -EPIPE;
	else if (s->written > least && s->written + head_size + size - least > s->behind)
		r = -EAGAIN;
	else if (least > s->keep && least - s->keep >= s->punched + s->step)
		punch(s, least - s->keep);
	if (!r) {
		pthread_mutex_unlock(&s->lock); /* nobody reads behind written */
		r = append(s, head, head_size, data, size);
		pthread_mutex_lock(&s->lock);
	}
	if (!r) {
		first_keep(s, head, head_size, s->written);
		first_keep(s, data, size, s->written + head_size);
		s->written += head_size + size;
		s->stuck_at = UINT64_MAX;
		pthread_cond_broadcast(&s->changed);
	} else if (r == -ENOSPC && s->punched + PAGE_BYTES <= least) {
		punch(s, least); /* then nothing is kept that can be done without */
		r = -EAGAIN;
	} else if (r == -EAGAIN || (r == -ENOSPC && s->written > least)) {
		judge(s, who, least);
		wait_turn(s);
		r = -EAGAIN;
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

void spool_end(struct spool *s)
{
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

ssize_t spool_read(struct spool *s, unsigned int reader, void *buffer, size_t size)
{
	struct reader *r = &s->readers[reader];
	uint64_t at, left = 0;
	ssize_t n = 0;

	pthread_mutex_lock(&s->lock);
	while (!r->left && !r->paused && r->at == s->written && !s->ended)
		pthread_cond_wait(&s->changed, &s->lock);
	at = r->at;
	if (!r->left && !r->paused)
		left = s->written - at;
	pthread_mutex_unlock(&s->lock);

	if (left) {
		do {
			n = pread(s->fd, buffer, left < size ? left : size, (off_t)at);
		} while (n < 0 && errno == EINTR);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	pthread_mutex_lock(&s->lock);
	if (r->left || r->paused) /* and what it read may be a hole by now */
		n = 0;
	r->at += (uint64_t)n;
	if (n)
		pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return n;
}

void spool_pause(struct spool *s, unsigned int reader)
{
	struct reader *r = &s->readers[reader];

	pthread_mutex_lock(&s->lock);
	r->paused = true;
	r->at = r->at > s->keep ? r->at - s->keep : 0;
	if (r->at < s->punched)
		r->at = s->punched;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

int spool_seek(struct spool *s, unsigned int reader, uint64_t position)
{
	struct reader *r = &s->readers[reader];
	int err = 0;

	pthread_mutex_lock(&s->lock);
	if (position < s->punched || position > s->written) {
		err = -ESTALE;
	} else {
		r->at = position;
		r->paused = false;
	}
	pthread_mutex_unlock(&s->lock);
	return err;
}

size_t spool_first(struct spool *s, uint8_t out[SPOOL_FIRST_BYTES])
{
	size_t size;

	pthread_mutex_lock(&s->lock);
	size = s->written < sizeof(s->first) ? (size_t)s->written : sizeof(s->first);
	memcpy(out, s->first, size);
	pthread_mutex_unlock(&s->lock);
	return size;
}

void spool_leave(struct spool *s, unsigned int reader)
{
	pthread_mutex_lock(&s->lock);
	s->readers[reader].left = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

const atomic_bool *spool_dropped(const struct spool *s, unsigned int reader)
{
	return &s->readers[reader].dropped;
}
