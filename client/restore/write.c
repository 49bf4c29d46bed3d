// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extents on their way. A sink says of each when it is in the kernel: then its file's attributes
 * may be set. What makes it durable is the commit of settle.c, one for all.
 *
 * Plain data needs nobody's privilege, and a pwrite() is less work than telling somebody else: it
 * is written in place, or by the sink's thread, and the commit in the end reports its errors. Not
 * so what lies in a buffer that the daemon can write from, unless it is little; nor what would
 * change a range that is not proved yet: the sink must know of that, for it will look at the range
 * again.
 */
#include <errno.h>

#include "restore/encoded.h"
#include "restore/job.h"

bool write_meets(const struct restore_file *file, uint64_t from, uint64_t to)
{
	const struct restore_unproved *u = &file->unproved;

	return u->any && (u->is_inline || (from < u->to && to > u->from));
}

void write_taken(struct restore_file *file, const struct extent_write *w, bool sent)
{
	struct restore_unproved *u = &file->unproved;
	uint64_t end = w->offset + w->len;

	file->pending += sent;
	/* Inline extents are at the start, and no larger than a sector, which is 64 KiB at most. To
	 * our own proof it is all one what they become when the file grows, see small.c. */
	u->is_inline |= sent && !w->offset && w->len < RESTORE_INLINE_MAX;
	if (!u->any || w->offset < u->from)
		u->from = w->offset;
	if (!u->any || end > u->to)
		u->to = end;
	u->any = true;
	if (end > file->written)
		file->written = end;
}

/* Of a file that could not be opened, of one that has no room, and of a lost session: once. */
static bool told_already(const struct restore_file *file, int result)
{
	return file->open_failed || file->r->broken || result == -ECONNRESET ||
	       (result == file->error && restore_is_full(result));
}

void write_done(struct restore_file *file, const struct write_result *w)
{
	struct restore *r = file->r;
	struct sink_stats *stats = &r->sink->stats;

	if (w->result) {
		if (!told_already(file, w->result))
			job_failed(r, RESTORE_WRITE, file->dir, file->name, w->offset, w->len,
				   -w->result, w->cause);
		if (!file->error)
			file->error = w->result;
	} else {
		stats->encoded += w->form == EXTENT_ENCODED;
		stats->decoded += w->form == EXTENT_DECODED;
		stats->plain += w->form == EXTENT_PLAIN;
		stats->file_bytes += w->len;
		settle_log(file, w->offset, w->len, w->id);
	}
	if (!w->pending)
		return;
	if (!--file->pending && file->finished) {
		r->finishing--;
		file_complete(file);
	}
}

static bool in_place(const struct restore_file *file, const struct extent_write *w)
{
	if (w->compression != EXTENT_NONE || w->encryption ||
	    write_meets(file, w->offset, w->offset + w->len))
		return false;
	return !(w->flags & EXTENT_BUFFER) ||
	       (file->fresh && file->handle < 0 && w->offset + w->len <= RESTORE_DIRECT_BYTES);
}

/*
 * The kernel takes an extent that ends inside a sector only where the file ends too. So one that
 * makes the file longer must not overtake it, or it would have to be decompressed.
 *
 * What the sink's thread has under way nobody else knows of, the daemon neither: a write that may
 * overlap it waits.
 */
static int order_keep(struct restore_file *file, const struct extent_write *w)
{
	uint64_t end = w->offset + w->len;
	int err = 0;

	while (err >= 0 && file->in_lane && w->offset < file->written)
		err = restore_wait(file->r, -1);
	if (!file->pending)
		file->ragged = 0;
	while (err >= 0 && file->ragged && end > file->ragged && file->pending)
		err = restore_wait(file->r, -1);
	if (end % RESTORE_SECTOR_MIN && end > file->ragged)
		file->ragged = end;
	if (!w->offset && end < RESTORE_INLINE_MAX && w->compression && !file->ragged)
		file->ragged = end;
	return err < 0 ? err : 0;
}

int restore_write(struct restore_file *file, struct extent_write *w)
{
	struct restore *r = file->r;
	struct write_result done = {
		.offset = w->offset,
		.len = w->len,
		.id = -1,
		.form = EXTENT_PLAIN,
		.cause = "the kernel refused the write",
	};
	int err;

	err = order_keep(file, w);
	if (err < 0) {
		if (w->flags & EXTENT_BUFFER)
			r->sink->drop(r->sink, (void *)(uintptr_t)w->payload);
		return err;
	}
	if (w->offset + w->len > file->end)
		file->end = w->offset + w->len;
	r->sink->stats.payload_bytes += w->payload_len;
	if (in_place(file, w)) {
		if (r->sink->plain && r->sink->plain(r->sink, file, w))
			return 0;
		done.result = write_plain(file->fd, w->payload, w->len, w->offset);
		if (w->offset + w->len > file->written)
			file->written = w->offset + w->len;
		if (w->flags & EXTENT_BUFFER)
			r->sink->drop(r->sink, (void *)(uintptr_t)w->payload);
		write_done(file, &done);
		return 0;
	}
	r->sink->text[0] = 0;
	err = r->sink->write(r->sink, file, w);
	if (err < 0 && err != -ECONNRESET) {
		done.result = err;
		done.cause = r->sink->text[0] ? r->sink->text : "the extent was not taken";
		write_done(file, &done);
		err = 0;
	}
	return err;
}

int restore_file_error(const struct restore_file *file)
{
	return file->error;
}

int restore_file_settle(struct restore_file *file)
{
	int err = 0;

	while (err >= 0 && file->pending)
		err = restore_wait(file->r, -1);
	return err < 0 ? err : file->error;
}
