/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_COPY_UPDATE_H
#define EXTENTD_COPY_UPDATE_H

/*
 * What a copy knows from the last time: of each path, the identities of its content, and which
 * inode of the copy holds it. It is kept in a file beside the copy, and replaced after everything
 * is safe on disk. Where it is missing, damaged or does not fit what is found, all is copied.
 */

#include <stdbool.h>
#include <sys/stat.h>
#include "copy/identity.h"

struct update;

/* source and copy are the two roots, as the walk names them; neither need exist. read: where the
 * source is to be looked at. */
int update_new(const char *source, const char *read, const char *copy, struct update **out);
struct update *update_free(struct update *update);

/*
 * Removes from the copy what was copied the last time and is not in the source any more, or is
 * something else now. 0, or a negative errno for what could not be removed.
 */
int update_remove(struct update *update);

/* The source's path, as the walk names it, below its root. */
const char *update_path(const struct update *update, const char *path);

/*
 * A file of the source, before it is read: remembers its identities. 1: the copy (dir, name) holds
 * it as it was the last time, and *out are the ranges that are to be written; what is a hole now
 * has been made one. 0: everything is to be written, and nothing stands in its place. Or a negative
 * errno.
 */
int update_file(struct update *update, const char *path, int fd, const struct stat *st, int dir,
		const char *name, struct identities *out);

/* Something else: a directory, a link. */
int update_other(struct update *update, const char *path, mode_t type);

/* Writes down what is known now. All of it must be safe on disk; after a run with errors, which is
 * not complete, only what is there is written down, so that it goes when it has gone from the
 * source. */
int update_save(struct update *update, bool complete);

#endif
