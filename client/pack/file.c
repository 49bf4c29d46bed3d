// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Regular files. Nobody holds the source still: what is said of a file's content is what was read,
 * and whether it was the same file all the time is looked at behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "copy/tree.h"
#include "pack/inode.h"
#include "pack/queue.h"

static enum fetch_how file_how(struct pack *p, int fd, dev_t dev)
{
	struct statfs fs;

	if (!p->dev_known || p->dev != dev) {
		p->dev_known = true;
		p->dev = dev;
		p->dev_encoded = !fstatfs(fd, &fs) && fs.f_type == BTRFS_SUPER_MAGIC;
	}
	return p->dev_encoded ? FETCH_ENCODED : p->otherwise;
}

void file_failed(struct pack *p, struct pack_file *f, uint64_t offset, int error, const char *cause)
{
	/* The first error of a file is told; a bad disk would have thousands to tell. */
	if (!f->failed)
		pack_error(p, f->source, error, "at byte %llu: %s", (unsigned long long)offset,
			   cause);
	f->failed = true;
}

struct pack_file *file_free(struct pack_file *f)
{
	if (f) {
		closep(&f->fd);
		free(f->source);
		free(f);
	}
	return NULL;
}

int file_extent(struct pack *p, struct pack_file *f, struct fetch_job *job, struct stream_out *out)
{
	struct copy_stats *stats = p->opt->stats;
	uint64_t at = job->piece.offset, rest = (uint64_t)f->st.st_size - at;
	struct stream_command c = { .path = pack_string(f->path), .file_offset = at };

	if (job->len > rest) { /* it grew */
		job->len = rest;
		if (job->compression == EXTENT_NONE)
			job->payload_len = (uint32_t)rest;
	}
	if (job->compression == EXTENT_NONE) {
		c.op = STREAM_C_WRITE;
		stats->plain++;
	} else {
		c.op = STREAM_C_ENCODED_WRITE;
		c.present = STREAM_BIT(COMPRESSION);
		c.compression = job->compression;
		c.unencoded_file_len = job->len;
		c.unencoded_len = job->unencoded_len;
		c.unencoded_offset = job->unencoded_offset;
		if (job->how == FETCH_ENCODED)
			stats->read_encoded++;
		else
			stats->compressed++;
	}
	c.data = (struct stream_bytes){ job->buffer, job->payload_len };
	stats->bytes += job->len;
	stats->payload_bytes += job->payload_len;
	if (at + job->len > f->end)
		f->end = at + job->len;
	return stream_encode(out, &c);
}

static bool differ(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec || a->tv_nsec != b->tv_nsec;
}

static void look_again(struct pack *p, struct pack_file *f)
{
	struct stat now;

	if (fstat(f->fd, &now) < 0) {
		file_failed(p, f, f->end, errno, "cannot be looked at again");
		return;
	}
	if ((uint64_t)now.st_size < f->size)
		f->size = (uint64_t)now.st_size;
	if (now.st_size > f->st.st_size)
		file_failed(p, f, (uint64_t)f->st.st_size, 0, "grew while it was read");
	else if (now.st_size < f->st.st_size)
		file_failed(p, f, (uint64_t)now.st_size, 0, "shrank while it was read");
	else if (differ(&now.st_mtim, &f->st.st_mtim))
		file_failed(p, f, 0, 0, "changed while it was read");
}

int file_end(struct pack *p, struct pack_file *f, struct stream_out *out)
{
	struct stream_command c = {
		.op = STREAM_C_TRUNCATE,
		.path = pack_string(f->path),
	};
	int r = 0;

	look_again(p, f);
	c.size = f->size;
	if (f->end != f->size)
		r = stream_encode(out, &c);
	if (r)
		return r;
	r = attributes_put(out, f->path, &f->st);
	return r ?: capabilities_put(out, f->fd, f->path);
}

/* Read and written at once, by this thread: handing it to another would take longer. */
static int file_small(struct pack *p, struct pack_file *f)
{
	struct fetch_job job = {
		.fd = f->fd,
		.how = f->how == FETCH_ENCODED ? FETCH_ENCODED : FETCH_PLAIN,
		.piece = { 0, (uint64_t)f->st.st_size },
		.buffer = p->small,
		.size = sizeof(p->small),
	};
	int r;

	fetch_now(&job);
	if (job.error && job.how == FETCH_ENCODED) {
		p->dev_encoded &= job.error != -EPERM;
		job.how = FETCH_PLAIN;
		fetch_now(&job);
	}
	if (job.error || !job.len) {
		f->size = 0;
		file_failed(p, f, 0, -job.error,
			    job.error ? "cannot be read" : "shrank while it was read");
		return 0;
	}
	r = file_extent(p, f, &job, &p->out);
	return r ?: stream_out_add(&p->out, job.buffer, job.payload_len);
}

struct reading {
	struct pack *p;
	struct pack_file *f;
};

#define ENOUGH 2 /* of a file that failed */

static int read_piece(void *userdata, const struct piece *piece)
{
	struct reading *r = userdata;

	return r->f->failed ? ENOUGH : queue_read(r->p, r->f, piece);
}

static int file_read(struct pack *p, struct pack_file *f)
{
	struct reading reading = { p, f };
	struct pieces *pieces = &p->pieces;
	uint64_t size = (uint64_t)f->st.st_size;
	int r;

	pieces->fd = f->fd;
	pieces->size = size;
	pieces->max = PAYLOAD_UNENCODED_MAX;
	pieces->sector = PACK_SECTOR;
	pieces->piece = read_piece;
	pieces->userdata = &reading;
	if (f->how != FETCH_ENCODED)
		r = pieces_of_data(pieces);
	/* Most files are one extent: then the map has nothing to tell. */
	else if (size <= PAYLOAD_UNENCODED_MAX && lseek(f->fd, 0, SEEK_HOLE) >= (off_t)size)
		r = read_piece(&reading, &(struct piece){ 0, size });
	else
		r = pieces_of_map(pieces);
	if (r == PIECES_NO_MAP)
		file_failed(p, f, pieces->at, errno, "its extents cannot be listed");
	return r < 0 ? r : 0;
}

static int file_content(struct pack *p, struct pack_file *f)
{
	off_t size = f->st.st_size;
	int r = 0, last;

	if (size > PACK_SMALL) {
		r = file_read(p, f);
		last = queue_last(p, f);
		return r ?: last;
	}
	if (size && (lseek(f->fd, 0, SEEK_DATA) >= 0 || errno != ENXIO)) /* not all a hole */
		r = file_small(p, f);
	if (!r)
		r = file_end(p, f, &p->out);
	file_free(f);
	return r ?: queue_turn(p, false);
}

static struct pack_file *file_new(struct pack *p, int fd, const struct stat *st)
{
	struct pack_file *f = calloc(1, sizeof(*f));

	if (f)
		f->source = strdup(p->path);
	if (!f || !f->source) {
		free(f);
		return NULL;
	}
	f->path = f->source + p->skip;
	f->fd = fd;
	f->st = *st;
	f->size = (uint64_t)st->st_size;
	f->how = file_how(p, fd, st->st_dev);
	return f;
}

int file_pack(struct pack *p, int dir, const char *name)
{
	const char *path = p->path + p->skip;
	struct stream_command c = { .op = STREAM_C_MKFILE, .path = pack_string(path) };
	_cleanup_(closep) int fd = entry_open(dir, name, 0);
	struct pack_file *f;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0) {
		pack_error(p, p->path, fd < 0 ? -fd : errno, "cannot be opened");
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		pack_error(p, p->path, 0, "became something else while it was looked at");
		return 0;
	}
	if (link_put(p, &st, path, &r))
		return r;
	c.ino = ++p->ino;
	p->opt->stats->files++;
	r = pack_command(p, &c);
	if (!r)
		r = xattrs_put(p, fd, -1, NULL, path);
	if (r)
		return r;
	link_remember(p, &st, path);
	f = file_new(p, fd, &st);
	if (!f)
		return -ENOMEM;
	steal_fd(&fd);
	return file_content(p, f);
}
