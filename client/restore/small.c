// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A file of one small extent is the usual case in a tree. To pass its descriptor to the daemon,
 * which opens it again, costs several times what the write itself does; so a process that may do
 * encoded writes does these itself.
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

#define MAP_EXTENTS 64

int small_begin(struct small_writer *writer, unsigned int validation)
{
	const char *set = secure_getenv("EXTENTD_SMALL_BYTES");

	static_assert(PAYLOAD_NONE == 0 && PAYLOAD_STRUCTURE == 1 && PAYLOAD_FULL == 2,
		      "the daemon's numbers");
	writer->level = (enum payload_level)validation;
	writer->limit = writer->level == PAYLOAD_FULL ? RESTORE_SMALL_BYTES : RESTORE_SMALL_TRUSTED;
	if (set)
		writer->limit = (uint32_t)strtoul(set, NULL, 10);
	return payload_scratch_new(&writer->scratch);
}

void small_end(struct small_writer *writer)
{
	writer->scratch = payload_scratch_free(writer->scratch);
}

static bool small_fits(const struct restore_file *file, const struct extent_write *w)
{
	return file->fresh && w->compression != EXTENT_NONE && !w->encryption &&
	       w->offset >= file->written && !write_meets(file, w->offset, w->offset + w->len);
}

static int remember(struct restore_file *file, const struct extent_write *w)
{
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
	list->extents[list->count++] = (struct small_extent){ file, w->offset, w->len };
	return 0;
}

/* As strictly as the daemon would. */
static int check(struct small_writer *writer, struct sink *sink, const struct extent_write *w)
{
	struct payload_fault fault = { 0 };
	int r;

	if (writer->level == PAYLOAD_NONE)
		return 0;
	r = payload_check_part(writer->scratch, w->compression, w->payload, w->payload_len,
			       w->unencoded_len, w->unencoded_offset + w->len, writer->level,
			       &fault);
	if (r != PAYLOAD_BAD)
		return r;
	snprintf(sink->text, sizeof(sink->text), "%s (payload byte %llu)",
		 payload_fault_text(fault.code), (unsigned long long)fault.position);
	return -EBADMSG;
}

int small_write(struct small_writer *writer, struct sink *sink, struct restore_file *file,
		const struct extent_write *w)
{
	int err;

	if (w->payload_len > writer->limit || !small_fits(file, w) || !encoded_lengths_fit(w))
		return 1;
	err = check(writer, sink, w);
	if (err < 0)
		return err;
	err = encoded_write(file->fd, w);
	if (err < 0) {
		if (err == -EPERM || err == -ENOTTY)
			writer->limit = 0;
		return 1;
	}
	err = inode_list(file) ?: remember(file, w);
	if (err < 0)
		return err;
	write_taken(file, w, false);
	write_done(file, &(struct write_result){
				 .offset = w->offset,
				 .len = w->len,
				 .id = -1,
				 .form = EXTENT_ENCODED,
			 });
	return 0;
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
