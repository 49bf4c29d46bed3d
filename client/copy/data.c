// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Content on its way through this process. One thread does everything but compressing: it cuts
 * files into pieces, keeps the readers busy, hands what they bring to the restore core, and
 * waits for whichever of daemon, ring and pool has news first.
 *
 * A payload lies in one buffer from the disk to the daemon; that buffer is the unit of memory
 * here, so what bounds the work under way is the pool of buffers and COPY_JOBS. A job that got
 * none waits in stalled; jobs under way never need another one to end.
 *
 * The rule of ring.c: no call that takes an inode's locks while the ring reads it. So a file is
 * mapped before its first read, again only when its reads are in, and a second source on the
 * same inode (a bind mount) waits for the first.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy/source.h"

int data_new(const struct data_options *options, struct data **out)
{
	struct data *data = calloc(1, sizeof(*data));
	struct extent_limits limits;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int err;

	if (!data)
		return -ENOMEM;
	data->opt = *options;
	extent_get_limits(options->session, &limits);
	data->max = limits.max_payload < limits.max_unencoded ? limits.max_payload
							      : limits.max_unencoded;
	TAILQ_INIT(&data->sources);
	TAILQ_INIT(&data->idle);
	TAILQ_INIT(&data->stalled);
	TAILQ_INIT(&data->arrived);
	for (unsigned int i = 0; i < COPY_JOBS; i++)
		TAILQ_INSERT_TAIL(&data->idle, &data->jobs[i], entry);

	err = fetch_pool_new(&options->codec, cpus > 1 ? (unsigned int)cpus : 1, &data->pool);
	if (err < 0) {
		free(data);
		return err;
	}
	data->otherwise =
		options->codec.compression == EXTENT_NONE ? FETCH_PLAIN : FETCH_COMPRESSED;
	data->daemon_reads = limits.reads && limits.descriptors;
	if (options->encoded && fetch_ring_new(COPY_JOBS, &data->ring) < 0)
		data->ring_refused = true;
	*out = data;
	return 0;
}

void source_free(struct source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s);
}

struct data *data_free(struct data *data)
{
	struct source *s;

	if (!data)
		return NULL;
	fetch_ring_free(data->ring);
	fetch_pool_free(data->pool);
	while ((s = TAILQ_FIRST(&data->sources))) {
		TAILQ_REMOVE(&data->sources, s, entry);
		source_free(s);
	}
	free(data);
	return NULL;
}

/* What was read may end inside a sector that is whole in the copy: only the file knows its size. */
static void look_again(struct data *data, struct source *s)
{
	struct stat now;

	if (fstat(s->fd, &now) < 0 || (uint64_t)now.st_size >= s->size)
		return;
	s->attr.size = (uint64_t)now.st_size;
	source_failed(data, s, s->attr.size, 0, "shrank while it was read");
}

void source_end(struct data *data, struct source *s)
{
	if (!s->planned || s->jobs)
		return;
	TAILQ_REMOVE(&data->sources, s, entry);
	look_again(data, s);
	daemon_close(data, s->handle);
	restore_file_finish(s->file, &s->attr);
	source_free(s);
}

void source_failed(struct data *data, struct source *s, uint64_t offset, int error,
		   const char *cause)
{
	/* The first error of a file is told; a bad disk would have thousands to tell. */
	if (!s->failed)
		data->opt.failed(data->opt.userdata, s->path, offset, error, cause);
	s->failed = true;
}

static void job_end(struct data *data, struct fetch_job *job)
{
	struct source *s = job->owner;

	TAILQ_INSERT_HEAD(&data->idle, job, entry);
	s->jobs--;
	source_end(data, s);
}

/* Gives the job a buffer and to its reader, or leaves it stalled. */
static void job_start(struct data *data, struct fetch_job *job)
{
	if (job->how == FETCH_DAEMON) {
		if (!daemon_read(data, job))
			TAILQ_INSERT_TAIL(&data->stalled, job, entry);
		return;
	}
	if (!job->buffer)
		job->buffer = extent_buffer_get(data->opt.session, job->size);
	if (!job->buffer) {
		TAILQ_INSERT_TAIL(&data->stalled, job, entry);
		return;
	}
	if (job->how == FETCH_ENCODED && !data->ring_refused) {
		fetch_ring_submit(data->ring, job);
		if (++data->unflushed >= COPY_FLUSH_JOBS) {
			data->unflushed = 0;
			fetch_ring_flush(data->ring);
		}
	} else {
		fetch_pool_submit(data->pool, job);
	}
}

static void buffer_drop(struct data *data, struct fetch_job *job)
{
	if (job->buffer)
		extent_buffer_put(data->opt.session, job->buffer);
	job->buffer = NULL;
}

/* True if the error was about how we asked, and the job is under way in another manner. */
static bool job_again(struct data *data, struct fetch_job *job)
{
	struct source *s = job->owner;

	if (job->how == FETCH_DAEMON && job->error == -ENOTTY) { /* this piece only */
		buffer_drop(data, job);
		job->how = data->otherwise;
		job_start(data, job);
		return true;
	}
	if (job->how != FETCH_ENCODED)
		return false;
	switch (job->error) {
	case -ENOBUFS: /* a bookend's payload is longer than what it stands for here */
		if (job->size >= data->max)
			return false;
		buffer_drop(data, job);
		job->size = data->max;
		break;
	case -EOPNOTSUPP: /* before Linux 6.13 */
		if (data->ring_refused)
			return false;
		data->ring_refused = true;
		break;
	case -EPERM:
		if (data->daemon_reads) {
			buffer_drop(data, job);
			data->by_daemon = true;
			job->how = s->how = FETCH_DAEMON;
			break;
		}
		__attribute__((fallthrough));
	case -ENOTTY:
	case -EINVAL:
		job->how = s->how = data->otherwise;
		data->dev_encoded = false;
		break;
	default:
		return false;
	}
	job_start(data, job);
	return true;
}

int job_write(struct data *data, struct fetch_job *job)
{
	struct source *s = job->owner;
	struct copy_stats *stats = data->opt.stats;
	struct extent_write w = {
		.offset = job->piece.offset,
		.len = job->len,
		.unencoded_len = job->unencoded_len,
		.unencoded_offset = job->unencoded_offset,
		.payload = job->buffer,
		.payload_len = job->payload_len,
		.compression = job->compression,
		.flags = EXTENT_BUFFER,
	};

	stats->bytes += job->len;
	stats->payload_bytes += job->payload_len;
	if (job->compression == EXTENT_NONE)
		stats->plain++;
	else if (job->how == FETCH_ENCODED || job->how == FETCH_DAEMON)
		stats->read_encoded++;
	else
		stats->compressed++;
	job->buffer = NULL;
	return restore_write(s->file, &w);
}

static int job_done(struct data *data, struct fetch_job *job)
{
	struct source *s = job->owner;
	int err = 0;

	if (job->error && job_again(data, job))
		return 0;
	if (job->error) {
		source_failed(data, s, job->piece.offset, -job->error, "cannot be read");
	} else if (!job->len) {
		source_failed(data, s, job->piece.offset, 0, "shrank while it was read");
	} else {
		err = job_write(data, job);
		s->failed |= restore_is_full(restore_file_error(s->file)); /* told by the core */
		/* Only an inline extent, and the file, end inside a sector. */
		job->piece.offset = (job->piece.offset + job->len + SECTOR_MIN - 1) &
				    ~(uint64_t)(SECTOR_MIN - 1);
		if (!err && job->piece.offset < job->piece.end && !s->failed) {
			job->how = s->how;
			job_start(data, job);
			return 0;
		}
	}
	buffer_drop(data, job);
	job_end(data, job);
	return err;
}

/* Takes what has arrived. Number of things done, or a negative errno that ends all. */
static int turn(struct data *data)
{
	struct fetch_jobs stalled = TAILQ_HEAD_INITIALIZER(stalled);
	struct fetch_job *job;
	int done = 0, err;

	while ((data->ring && (job = fetch_ring_next(data->ring))) ||
	       (job = fetch_pool_next(data->pool)) || (job = daemon_next(data))) {
		err = job_done(data, job);
		if (err < 0)
			return err;
		done++;
	}
	err = restore_poll(data->opt.restore);
	if (err < 0)
		return err;
	daemon_close_rest(data);
	TAILQ_CONCAT(&stalled, &data->stalled, entry);
	while ((job = TAILQ_FIRST(&stalled))) {
		TAILQ_REMOVE(&stalled, job, entry);
		job_start(data, job);
	}
	if (data->ring) {
		data->unflushed = 0;
		fetch_ring_flush(data->ring);
	}
	if (data->opt.tick)
		data->opt.tick(data->opt.userdata);
	return done + err;
}

int data_wait(struct data *data)
{
	struct pollfd p[3] = {
		{ extent_fd(data->opt.session), (short)extent_events(data->opt.session), 0 },
		{ fetch_pool_fd(data->pool), POLLIN, 0 },
		{ data->ring ? fetch_ring_fd(data->ring) : -1, POLLIN, 0 },
	};
	int n = turn(data);

	if (n)
		return n;
	if (restore_quiesce(data->opt.restore))
		return turn(data);
	p[0].events = (short)extent_events(data->opt.session);
	/* A second at most: the clock on the screen and the pace of commits go on. */
	if (poll(p, 3, 1000) < 0 && errno != EINTR)
		return -errno;
	return turn(data);
}

int data_room(struct data *data)
{
	struct restore *r = data->opt.restore;
	int err = 0;

	while (err >= 0 && (restore_files_open(r) >= restore_window(r) || TAILQ_EMPTY(&data->idle)))
		err = data_wait(data);
	return err < 0 ? err : 0;
}

int source_piece(struct data *data, struct source *s, const struct piece *piece)
{
	struct fetch_job *job;
	uint64_t size = (piece->end - piece->offset + SECTOR_MIN - 1) & ~(uint64_t)(SECTOR_MIN - 1);
	int err = 0;

	while (err >= 0 && !(job = TAILQ_FIRST(&data->idle)))
		err = data_wait(data);
	if (err < 0)
		return err;
	TAILQ_REMOVE(&data->idle, job, entry);
	job->owner = s;
	job->fd = s->fd;
	job->how = s->how;
	job->piece = *piece;
	job->file_size = s->size;
	job->sector = data->opt.sector;
	job->buffer = NULL;
	job->size = size < data->max ? (uint32_t)size : data->max;
	s->jobs++;
	job_start(data, job);
	return 0;
}

int data_drain(struct data *data)
{
	int err = 0;

	while (err >= 0 && !TAILQ_EMPTY(&data->sources))
		err = data_wait(data);
	return err < 0 ? err : 0;
}
