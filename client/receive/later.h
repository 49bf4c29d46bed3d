/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_LATER_H
#define EXTENTD_RECEIVE_LATER_H

/*
 * Times that are set later: at most one pair for each path, following the path when it or a
 * directory above it is renamed. Knows nothing of the filesystem.
 */

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "stream/command.h"

struct later;

int later_new(struct later **out);
void later_free(struct later *l);

size_t later_count(const struct later *l); /* paths with times */
/* More than so many paths, or names that lead to them and take as much memory. */
bool later_full(const struct later *l, size_t paths);

/* Remembers c's times for c->path, in place of those it may have had. 0 or -ENOMEM. */
int later_set(struct later *l, const struct stream_command *c);

struct later_times {
	struct timespec atime, mtime;
	uint64_t position; /* of the command that brought them */
};

/* Has the path times, or something above it? */
enum later_place { LATER_NONE, LATER_HERE, LATER_ABOVE };
enum later_place later_look(struct later *l, struct stream_string path);

/* Takes the times of a path out; false if it has none. */
bool later_take(struct later *l, struct stream_string path, struct later_times *times);

/* Whatever was at to, and below it, is gone; what was at from is there now. 0 or -ENOMEM. */
int later_rename(struct later *l, struct stream_string from, struct stream_string to);

/* The path was removed. */
void later_drop(struct later *l, struct stream_string path);

/*
 * Takes out everything, deepest paths first, until the callback returns something else than 0;
 * that is returned, and what is left stays.
 */
typedef int (*later_fn)(void *userdata, struct stream_string path, const struct later_times *times);
int later_take_all(struct later *l, later_fn fn, void *userdata);

#endif
