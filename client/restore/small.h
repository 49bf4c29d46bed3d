/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RESTORE_SMALL_H
#define EXTENTD_RESTORE_SMALL_H

/*
 * Small extents of new files, written by this process itself and proved after the commit. small.c
 * says why, and why that is sound.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct extent_write;
struct lane;
struct lane_work;
struct restore;
struct restore_file;

struct small_extent {
	struct restore_file *file; /* held */
	uint64_t offset, len;
};

/* In the order in which they were written. */
struct small_list {
	struct small_extent *extents;
	size_t count, room;
};

struct small_writer {
	uint32_t limit; /* payload bytes; 0: we may not, or shall not */
	struct lane *lane;
};

/* validation as the session has it; $EXTENTD_SMALL_BYTES is the limit if it is set. */
int small_begin(struct small_writer *writer, unsigned int validation);
void small_end(struct small_writer *writer);
/* 0: taken with its buffer, and pending; 1: that is for somebody else to do; or negative errno. May
 * wait. */
int small_write(struct small_writer *writer, struct restore_file *file,
		const struct extent_write *w);
/* True: a plain one was taken with its buffer, and is pending. */
bool small_plain(struct small_writer *writer, struct restore_file *file,
		 const struct extent_write *w);
/* True: the file's times, and the end of its descriptor, are to come; false: somebody else's. */
bool small_end_file(struct small_writer *writer, struct restore_file *file);
/* One that is done, or NULL; see lane_take(). */
struct lane_work *small_take(struct small_writer *writer, bool wait);
/* It is in the kernel, and to be proved: 0 or -ENOMEM. */
int small_written(const struct lane_work *l);
/* What was written to this file is on disk, now: 0, -EIO, or another error. */
int small_prove(struct restore_file *file);
/* The same for a list, after a commit of all filesystems; empties it. What is lost was told. */
int small_prove_all(struct restore *r, struct small_list *list);
void small_drop(struct small_list *list);

#endif
