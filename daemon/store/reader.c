// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Reading extents as they lie on disk.
 *
 * An encoded read gives the whole extent, also where the file shows only a part of it. The rest
 * may be what the file held before, or what another file holds that shares the extent: bytes
 * that the client has no right to, however it came by its descriptor. (That is why the kernel
 * keeps the call to CAP_SYS_ADMIN.) So an extent is handed out as it is only where the file
 * shows all of it; otherwise the client gets the content, by a plain read through its own
 * descriptor. For the same reason the kernel never reads into the client's arena: what it reads
 * is looked at first, in memory that is the daemon's alone.
 *
 * The sector in which a file ends is shown whole: nobody but a writer of encoded extents can
 * have put anything behind the end, and a truncation rewrites the sector.
 *
 * Readings of one user and filesystem go together, as one batch on one lane (writer.h): first
 * through the ring, where there is one, all at once; then, in a worker, through what may block
 * (plain reads, looking for holes) and the copy into the arena.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "arena.h"
#include "engine.h"
#include "file.h"
#include "inode.h"
#include "reader.h"
#include "user.h"
#include "wire/codes.h"
#include "wire/limits.h"
#include "writer.h"

struct batch {
	struct job job;
	struct store *store;
	struct user *user;
	struct filesystem *fs;
	TAILQ_HEAD(, reading) readings;
	unsigned int n;
	unsigned int unanswered; /* by the ring */
};

#define batch_of(j) ((struct batch *)((char *)(j)-offsetof(struct batch, job)))

#define NOT_ASKED (-EAGAIN) /* the ring's answer too, where it would have had to wait */

static void refuse(struct reading *r, uint32_t code, int error)
{
	r->code = code;
	r->kernel_errno = error;
}

void reader_prepare(struct reading *r)
{
	r->iov = (struct iovec){ .iov_base = r->memory, .iov_len = r->room };
	r->args = (struct btrfs_ioctl_encoded_io_args){
		.iov = &r->iov,
		.iovcnt = 1,
		.offset = (int64_t)r->offset,
	};
}

static bool all_zero(const unsigned char *p, size_t n)
{
	return !n || (!p[0] && !memcmp(p, p + 1, n - 1));
}

static void answer_plain(struct reading *r, size_t len)
{
	r->kind = len ? WIRE_READ_PLAIN : WIRE_READ_END;
	r->len = r->unencoded_len = len;
	r->payload_len = (uint32_t)len;
}

/* A hole from the offset on, if there is one: zeros are how the kernel shows it. */
static bool answer_hole(struct reading *r)
{
	off_t data, end;

	if (!file_is_ours(r->file)) /* the peer would find its position moved */
		return false;
	data = lseek(r->file->fd, (off_t)r->offset, SEEK_DATA);
	if (data < 0 && errno == ENXIO) { /* up to the end of the file */
		end = lseek(r->file->fd, 0, SEEK_END);
		data = end > (off_t)r->offset ? end : -1;
	}
	if (data <= (off_t)r->offset)
		return false;
	r->kind = WIRE_READ_HOLE;
	r->len = r->unencoded_len = (uint64_t)data - r->offset;
	r->payload_len = 0;
	return true;
}

/* The content of the file, up to the next hole and no more than max bytes. */
static void read_plain(struct reading *r, size_t max)
{
	off_t hole = file_is_ours(r->file) ? lseek(r->file->fd, (off_t)r->offset, SEEK_HOLE) : -1;
	size_t have = 0;

	if (max > r->room)
		max = r->room;
	if (hole > (off_t)r->offset && (uint64_t)hole - r->offset < max)
		max = (size_t)((uint64_t)hole - r->offset);
	while (have < max) {
		ssize_t n = pread(r->file->fd, (char *)r->memory + have, max - have,
				  (off_t)(r->offset + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			refuse(r, WIRE_E_READ_FAILED, errno);
			return;
		}
		if (n == 0)
			break;
		have += (size_t)n;
	}
	answer_plain(r, have);
}

/* Does the file show all of the extent, but for the rest of its last sector? */
static bool whole(const struct reading *r)
{
	const struct btrfs_ioctl_encoded_io_args *a = &r->args;
	uint64_t sector = r->file->inode->fs->sector_size;

	return !a->unencoded_offset && a->len <= a->unencoded_len &&
	       a->unencoded_len - a->len < sector &&
	       (a->len == a->unencoded_len || a->unencoded_len % sector == 0);
}

static void answer_encoded(struct reading *r)
{
	const struct btrfs_ioctl_encoded_io_args *a = &r->args;

	if (r->result == 0) {
		r->kind = WIRE_READ_END;
	} else if (a->compression == BTRFS_ENCODED_IO_COMPRESSION_NONE && !a->encryption) {
		answer_plain(r, (size_t)r->result);
		if (all_zero(r->memory, (size_t)r->result))
			answer_hole(r);
	} else if (!a->encryption && whole(r)) {
		r->kind = WIRE_READ_ENCODED;
		r->len = a->len;
		r->unencoded_len = a->unencoded_len;
		r->compression = a->compression;
		r->payload_len = (uint32_t)r->result;
	} else {
		read_plain(r, a->len);
	}
}

static int read_encoded(struct reading *r)
{
	int n;

	reader_prepare(r);
	do
		n = ioctl(r->file->fd, BTRFS_IOC_ENCODED_READ, &r->args);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* What decides is the kernel's answer about the extent that it has just read. */
static void finish(struct reading *r)
{
	if (r->code)
		return;
	/* -EOPNOTSUPP, -ENOTTY: the ring's, of a kernel whose btrfs does not know the command. */
	if (r->file->encoded &&
	    (r->result == NOT_ASKED || r->result == -EOPNOTSUPP || r->result == -ENOTTY))
		r->result = read_encoded(r);
	if (!r->file->encoded || r->result == -EPERM || r->result == -ENOTTY) {
		if (!answer_hole(r))
			read_plain(r, r->room);
	} else if (r->result == -ENOBUFS) {
		refuse(r, WIRE_E_READ_ROOM, ENOBUFS);
	} else if (r->result < 0) {
		refuse(r, WIRE_E_READ_FAILED, -r->result);
	} else {
		answer_encoded(r);
	}
}

static void batch_run(struct job *job)
{
	struct reading *r;

	TAILQ_FOREACH(r, &batch_of(job)->readings, entry) {
		int error;

		finish(r);
		if (r->code || !r->arena || !r->payload_len)
			continue;
		error = arena_put(r->arena, r->arena_offset, r->memory, r->payload_len);
		if (error)
			refuse(r, WIRE_E_ARENA_CLOSED, -error);
	}
}

static void batch_done(struct job *job)
{
	struct batch *b = batch_of(job);
	struct store *store = b->store;
	struct reading *r;

	while ((r = TAILQ_FIRST(&b->readings))) {
		struct file *file = r->file;

		TAILQ_REMOVE(&b->readings, r, entry);
		if (r->memory && (r->arena || r->code || !r->payload_len)) {
			store_release(store, b->user, r->memory, r->room);
			r->memory = NULL;
		}
		store->counters.reads_failed += r->code != 0;
		store->counters.reads_encoded += !r->code && r->kind == WIRE_READ_ENCODED;
		store->counters.read_bytes += r->code ? 0 : r->payload_len;
		r->notify(r); /* may free it */
		file_unref(file);
	}
	lane_give(store, b->user, b->fs);
	filesystem_unref(b->fs);
	user_unref(b->user);
	free(b);
}

static void batch_work(struct batch *b)
{
	b->job.run = batch_run;
	b->job.done = batch_done;
	workers_queue(b->store->blocking, NULL, &b->job);
}

void reader_completed(struct reading *r, int result)
{
	r->result = result;
	if (!--r->batch->unanswered)
		batch_work(r->batch);
}

/* The next readings of the user that fit, which are at least one. */
static struct batch *batch_new(struct store *store, struct user *user, struct filesystem *fs)
{
	struct batch *b = calloc(1, sizeof(*b));
	struct reading *r;

	if (!b)
		return NULL;
	TAILQ_INIT(&b->readings);
	while ((r = TAILQ_FIRST(&user->readings)) && b->n < store->options.batch &&
	       r->file->inode->fs == fs && store_has_room(store, user, r->room)) {
		r->memory = store_hold(store, user, r->room);
		if (!r->memory)
			refuse(r, WIRE_E_NO_MEMORY, 0);
		TAILQ_REMOVE(&user->readings, r, entry);
		TAILQ_INSERT_TAIL(&b->readings, r, entry);
		r->batch = b;
		r->result = NOT_ASKED;
		b->n++;
	}
	b->store = store;
	b->user = user_ref(user);
	b->fs = filesystem_ref(fs);
	return b;
}

static void batch_submit(struct batch *b)
{
	struct engine *ring = b->store->ring;
	struct reading *r;

	if (!ring || !TAILQ_FIRST(&b->readings)->file->encoded) {
		batch_work(b);
		return;
	}
	TAILQ_FOREACH(r, &b->readings, entry) {
		if (r->code)
			continue;
		reader_prepare(r);
		b->unanswered += ring_read(ring, r);
	}
	if (!b->unanswered)
		batch_work(b);
}

/* False: no lane, or no memory. */
static bool user_pump(struct store *store, struct user *user)
{
	while (!TAILQ_EMPTY(&user->readings)) {
		struct filesystem *fs = TAILQ_FIRST(&user->readings)->file->inode->fs;
		struct batch *b;

		if (!store_has_room(store, user, TAILQ_FIRST(&user->readings)->room) ||
		    lane_take(store, user, fs) < 0)
			return false;
		b = batch_new(store, user, fs);
		if (!b) { /* not lane_give(), which would have us try again at once */
			store->lanes--;
			user->lanes--;
			fs->lanes--;
			return false;
		}
		batch_submit(b);
	}
	return true;
}

void reader_pump(struct store *store)
{
	struct user_list waiting = TAILQ_HEAD_INITIALIZER(waiting);
	struct user *user;

	while ((user = TAILQ_FIRST(&store->readers))) {
		TAILQ_REMOVE(&store->readers, user, reader_entry);
		if (user_pump(store, user))
			user->reader = false;
		else
			TAILQ_INSERT_TAIL(&waiting, user, reader_entry);
	}
	TAILQ_CONCAT(&store->readers, &waiting, reader_entry);
}

void reader_start(struct reading *r)
{
	struct user *user = r->file->user;
	struct store *store = r->file->store;

	file_ref(r->file);
	TAILQ_INSERT_TAIL(&user->readings, r, entry);
	if (!user->reader) {
		user->reader = true;
		TAILQ_INSERT_TAIL(&store->readers, user, reader_entry);
	}
	writer_pump_later(store);
}
