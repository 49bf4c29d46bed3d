// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One file of the source: how its content is read, and in which pieces. Holes and what was only
 * reserved are not read at all; the file's size makes them holes again.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "copy/identity.h"
#include "copy/source.h"

/* Read and written at once, by this thread: handing it to another would take longer. */
#define SOURCE_SMALL 16384
/* Inline in the tree, compressed or not. */
#define SOURCE_INCOMPRESSIBLE 2048

static enum fetch_how source_how(struct data *data, int fd, dev_t dev)
{
	struct statfs fs;

	if (!data->dev_known || data->dev != dev) {
		data->dev_known = true;
		data->dev = dev;
		/* Extents on 4 KiB boundaries do not fit a destination with larger sectors. */
		data->dev_encoded = data->opt.encoded && !fstatfs(fd, &fs) &&
				    fs.f_type == BTRFS_SUPER_MAGIC &&
				    (uint32_t)fs.f_bsize == data->opt.sector;
	}
	if (data->dev_encoded)
		return data->by_daemon ? FETCH_DAEMON : FETCH_ENCODED;
	return data->otherwise;
}

/* The ring's rule: while it reads an inode, nothing else here may want that inode's locks. */
static int wait_same_inode(struct data *data, const struct source *s)
{
	struct source *other = TAILQ_FIRST(&data->sources);
	int err = 0;

	while (err >= 0 && other) {
		if (other == s || other->ino != s->ino || other->dev != s->dev || !other->jobs) {
			other = TAILQ_NEXT(other, entry);
			continue;
		}
		err = data_wait(data);
		other = TAILQ_FIRST(&data->sources);
	}
	return err < 0 ? err : 0;
}

static int own_jobs_wait(struct data *data, const struct source *s)
{
	int err = 0;

	while (err >= 0 && s->jobs)
		err = data_wait(data);
	return err < 0 ? err : 0;
}

static int pieces_of_map(struct data *data, struct source *s)
{
	uint64_t start = 0;
	bool last = false;
	int err = 0;

	while (!err && start < s->size && !last && !s->failed) {
		const struct fiemap_extent *e = data->map.fm_extents;

		err = own_jobs_wait(data, s);
		if (err < 0)
			return err;
		data->map = (struct fiemap){
			.fm_start = start,
			.fm_length = s->size - start,
			.fm_extent_count = COPY_MAP_EXTENTS,
		};
		if (ioctl(s->fd, FS_IOC_FIEMAP, &data->map) < 0) {
			source_failed(data, s, start, errno, "its extents cannot be listed");
			return 0;
		}
		if (!data->map.fm_mapped_extents)
			break;
		for (uint32_t i = 0; !err && i < data->map.fm_mapped_extents; i++, e++) {
			struct piece piece;

			last = e->fe_flags & FIEMAP_EXTENT_LAST;
			while (!err && plan_piece(e, s->size, data->max, &start, &piece))
				err = source_piece(data, s, &piece);
			if (e->fe_logical + e->fe_length > start)
				start = e->fe_logical + e->fe_length;
		}
	}
	return err;
}

/* Between the holes, on multiples of the piece size, so that extents come out whole. */
static int pieces_of_data(struct data *data, struct source *s)
{
	uint64_t at = 0;
	int err = 0;

	while (!err && at < s->size && !s->failed) {
		off_t from = lseek(s->fd, (off_t)at, SEEK_DATA);
		off_t to = from < 0 ? from : lseek(s->fd, from, SEEK_HOLE);
		struct piece piece;

		if (from < 0 && errno == ENXIO)
			break;
		if (from < 0 || to < 0) { /* a filesystem without: all is data */
			from = (off_t)at;
			to = (off_t)s->size;
		}
		if ((uint64_t)to > s->size)
			to = (off_t)s->size;
		piece.offset = (uint64_t)from & ~(uint64_t)(data->opt.sector - 1);
		if (piece.offset < at)
			piece.offset = at;
		while (!err && piece.offset < (uint64_t)to && !s->failed) {
			piece.end = (piece.offset / data->max + 1) * data->max;
			if (piece.end > (uint64_t)to)
				piece.end = ((uint64_t)to + data->opt.sector - 1) &
					    ~(uint64_t)(data->opt.sector - 1);
			if (piece.end > s->size)
				piece.end = s->size;
			at = piece.end;
			err = source_piece(data, s, &piece);
			piece.offset = at;
		}
		if (at < (uint64_t)to)
			at = (uint64_t)to;
	}
	return err;
}

static int copy_small(struct data *data, struct source *s)
{
	struct fetch_job job = {
		.owner = s,
		.fd = s->fd,
		.how = FETCH_PLAIN,
		.piece = { 0, s->size },
		.size = (uint32_t)s->size,
	};
	int err = 0;

	while (err >= 0 && !(job.buffer = extent_buffer_get(data->opt.session, job.size)))
		err = data_wait(data);
	if (err < 0)
		return err;
	fetch_now(&job);
	if (!job.error && job.len)
		return job_write(data, &job);
	source_failed(data, s, 0, -job.error,
		      job.error ? "cannot be read" : "shrank while it was read");
	s->attr.size = 0;
	extent_buffer_put(data->opt.session, job.buffer);
	return 0;
}

static int source_read(struct data *data, struct source *s)
{
	struct piece whole = { 0, s->size };

	if (!s->size)
		return 0;
	if (s->how == FETCH_ENCODED || s->how == FETCH_DAEMON) {
		int err = wait_same_inode(data, s);

		if (err < 0)
			return err;
		/* Most files are one extent: then the map has nothing to tell. */
		if (s->size <= data->max && lseek(s->fd, 0, SEEK_HOLE) >= (off_t)s->size)
			return source_piece(data, s, &whole);
		return pieces_of_map(data, s);
	}
	if (s->size <= SOURCE_SMALL &&
	    (s->how == FETCH_PLAIN || s->size <= SOURCE_INCOMPRESSIBLE) &&
	    lseek(s->fd, 0, SEEK_HOLE) >= (off_t)s->size)
		return copy_small(data, s);
	return pieces_of_data(data, s);
}

static int pieces_of_ranges(struct data *data, struct source *s, const struct identities *ranges)
{
	int err = s->how == FETCH_ENCODED || s->how == FETCH_DAEMON ? wait_same_inode(data, s) : 0;

	for (size_t i = 0; !err && i < ranges->n && !s->failed; i++) {
		const struct identity *range = &ranges->list[i];
		uint64_t at = range->offset, end = range->offset + range->len;

		if (end > s->size)
			end = s->size;
		while (!err && at < end && !s->failed) {
			struct piece piece = { at, end };

			if (!range->whole && end - at > data->max)
				piece.end = at + data->max;
			at = piece.end;
			err = source_piece(data, s, &piece);
		}
	}
	return err;
}

int data_copy(struct data *data, int fd, const struct stat *st, const char *path,
	      struct restore_file *file, const struct restore_attr *attr)
{
	return data_copy_ranges(data, fd, st, path, file, attr, NULL);
}

int data_copy_ranges(struct data *data, int fd, const struct stat *st, const char *path,
		     struct restore_file *file, const struct restore_attr *attr,
		     const struct identities *ranges)
{
	struct source *s = calloc(1, sizeof(*s));
	int err;

	if (!s || !(s->path = strdup(path))) {
		free(s);
		close(fd);
		restore_file_finish(file, attr);
		return -ENOMEM;
	}
	s->file = file;
	s->attr = *attr;
	s->attr.set |= RESTORE_SET_SIZE;
	s->attr.size = s->size = (uint64_t)st->st_size;
	s->fd = fd;
	s->handle = -1;
	s->data = data;
	s->dev = st->st_dev;
	s->ino = st->st_ino;
	s->how = source_how(data, fd, st->st_dev);
	TAILQ_INSERT_TAIL(&data->sources, s, entry);

	err = ranges ? pieces_of_ranges(data, s, ranges) : source_read(data, s);
	s->planned = true;
	source_end(data, s);
	return err;
}
