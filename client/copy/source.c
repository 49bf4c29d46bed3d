// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One file of the source: how its content is read, and in which pieces.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
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

#define ENOUGH 2 /* of a file that failed */

static int planned(void *userdata, const struct piece *piece)
{
	struct source *s = userdata;

	return s->failed ? ENOUGH : source_piece(s->data, s, piece);
}

static int unlock(void *userdata)
{
	struct source *s = userdata;

	return own_jobs_wait(s->data, s);
}

static int cut(struct data *data, struct source *s)
{
	struct pieces *p = &data->pieces;
	int err;

	p->fd = s->fd;
	p->size = s->size;
	p->max = data->max;
	p->sector = data->opt.sector;
	p->piece = planned;
	p->unlock = unlock;
	p->userdata = s;
	err = s->how == FETCH_ENCODED || s->how == FETCH_DAEMON ? pieces_of_map(p)
								: pieces_of_data(p);
	if (err == PIECES_NO_MAP)
		source_failed(data, s, p->at, errno, "its extents cannot be listed");
	return err < 0 ? err : 0;
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
		return cut(data, s);
	}
	if (s->size <= SOURCE_SMALL &&
	    (s->how == FETCH_PLAIN || s->size <= SOURCE_INCOMPRESSIBLE) &&
	    lseek(s->fd, 0, SEEK_HOLE) >= (off_t)s->size)
		return copy_small(data, s);
	return cut(data, s);
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
