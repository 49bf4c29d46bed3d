// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A file of one small extent is the usual case in a tree. To pass its descriptor to the daemon,
 * which opens it again, costs several times what the write itself does; so a process that may do
 * encoded writes does these itself. Of what is decoded first, the daemon gets the larger part of a
 * large file all the same: it has several threads for that.
 *
 * The kernel's word is no proof: an encoded write whose I/O fails later is told to nobody. What
 * proves it is what proves the daemon's: once everything of before has been committed, the extent
 * is in the file's map, or it was lost. That rests on the range having been a hole before, which is
 * why only new files are served, and only where nothing was written yet. All files of a job are
 * looked at together, by reading the extent items of the subvolume in the order of inode numbers:
 * no file is opened again, and thousands are seen by one call.
 *
 * An inline extent that is rewritten when its file grows is data all the same.
 *
 * Before a change that would spoil the proof the file is looked at alone: FIEMAP_FLAG_SYNC waits
 * for the extents' I/O, and the commit in the end makes safe what it found.
 */
#include <assert.h>
#include <errno.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "payload/payload.h"
#include "restore/encoded.h"
#include "restore/job.h"
#include "restore/lane.h"

#define MAP_EXTENTS 64

int small_begin(struct small_writer *writer, unsigned int validation)
{
	const char *set = secure_getenv("EXTENTD_SMALL_BYTES");

	static_assert(PAYLOAD_NONE == 0 && PAYLOAD_STRUCTURE == 1 && PAYLOAD_FULL == 2,
		      "the daemon's numbers");
	writer->limit = RESTORE_SMALL_BYTES;
	if (set)
		writer->limit = (uint32_t)strtoul(set, NULL, 10);
	return lane_new((enum payload_level)validation, &writer->lane);
}

void small_end(struct small_writer *writer)
{
	writer->lane = lane_free(writer->lane);
}

static bool small_fits(const struct restore_file *file, const struct extent_write *w)
{
	return file->fresh && w->compression != EXTENT_NONE && !w->encryption &&
	       w->offset >= file->written && !write_meets(file, w->offset, w->offset + w->len);
}

int small_written(const struct lane_work *l)
{
	struct restore_file *file = l->file;
	struct small_list *list = &file->r->small;

	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 1024;
		struct small_extent *more =
			reallocarray(list->extents, room, sizeof(*list->extents));

		if (!more)
			return -ENOMEM;
		list->extents = more;
		list->room = room;
	}
	file->refs++;
	file->small = true;
	list->extents[list->count++] = (struct small_extent){ file, l->w.offset, l->w.len };
	return 0;
}

int small_write(struct small_writer *writer, struct restore_file *file,
		const struct extent_write *w)
{
	int err = 0;

	if (w->payload_len > writer->limit || !small_fits(file, w) || !encoded_lengths_fit(w))
		return 1;
	if (w->payload_len > RESTORE_SMALL_ALWAYS && lane_behind(writer->lane))
		return 1;
	while (err >= 0 && lane_full(writer->lane))
		err = restore_wait(file->r, -1);
	if (err >= 0)
		err = inode_list(file);
	if (err >= 0)
		err = lane_put(writer->lane, file, file->fd, w);
	if (err < 0)
		return err;
	write_taken(file, w, false);
	file->pending++;
	file->in_lane++;
	return 0;
}

bool small_plain(struct small_writer *writer, struct restore_file *file,
		 const struct extent_write *w)
{
	if (w->len > RESTORE_DIRECT_BYTES || w->payload_len != w->len || !file->fresh ||
	    w->offset < file->written || lane_full(writer->lane) || inode_list(file) < 0 ||
	    lane_put(writer->lane, file, file->fd, w) < 0)
		return false;
	file->written = w->offset + w->len;
	file->pending++;
	file->in_lane++;
	return true;
}

bool small_end_file(struct small_writer *writer, struct restore_file *file)
{
	bool timed = file->attr.set & RESTORE_SET_TIMES;
	const struct timespec times[2] = { file->attr.atime, file->attr.mtime };

	return !lane_full(writer->lane) &&
	       !lane_end(writer->lane, file, file->fd, timed ? times : NULL);
}

struct lane_work *small_take(struct small_writer *writer, bool wait)
{
	struct lane_work *l = lane_take(writer->lane, wait);

	if (l && l->kind == LANE_WRITE && (l->result == -EPERM || l->result == -ENOTTY))
		writer->limit = 0;
	return l;
}

void small_drop(struct small_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		file_put(list->extents[i].file);
	list->count = 0;
}

static int map_covers(int fd, const struct small_extent *e)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) + MAP_EXTENTS * sizeof(struct fiemap_extent)];
	} m = { .map = { .fm_start = e->offset,
			 .fm_length = e->len,
			 .fm_flags = FIEMAP_FLAG_SYNC,
			 .fm_extent_count = MAP_EXTENTS } };
	const unsigned int no_data =
		FIEMAP_EXTENT_UNWRITTEN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNKNOWN;
	uint64_t at = e->offset;

	if (ioctl(fd, FS_IOC_FIEMAP, &m.map) < 0)
		return -errno;
	for (uint32_t i = 0; i < m.map.fm_mapped_extents; i++) {
		const struct fiemap_extent *f = &m.map.fm_extents[i];

		if (f->fe_logical > at || f->fe_flags & no_data)
			return -EIO;
		at = f->fe_logical + f->fe_length;
	}
	return at >= e->offset + e->len ? 0 : -EIO;
}

int small_prove(struct restore_file *file)
{
	struct restore *r = file->r;
	struct small_list *list = &r->small;
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct small_extent *e = &list->extents[i];

		if (e->file->ino != file->ino || e->file->dev != file->dev) {
			list->extents[kept++] = *e;
			continue;
		}
		if (!err)
			err = map_covers(file->fd, e);
		e->file->small = false;
		file_put(e->file);
	}
	list->count = kept;
	return err;
}
