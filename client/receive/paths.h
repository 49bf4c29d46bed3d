/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_PATHS_H
#define EXTENTD_RECEIVE_PATHS_H

/*
 * From a stream's paths to the core's directories and names. Paths have passed the guard; no
 * symbolic link is followed.
 */

#include "restore/restore.h"
#include "stream/command.h"
#include "stream/path.h"

struct paths;

/* root stays the caller's, and is held. */
int paths_new(struct restore_dir *root, struct paths **out);
void paths_free(struct paths *p);

/* The directory itself; empty is the root. To be put. */
int paths_dir(struct paths *p, struct stream_string path, struct restore_dir **out);
/* The directory that holds path, to be put, and path's last component. -EINVAL for the root. */
int paths_parent(struct paths *p, struct stream_string path, struct restore_dir **out,
		 char name[STREAM_NAME_MAX + 1]);
/* Some name was taken from what it stood for. */
void paths_changed(struct paths *p);

/* A regular file for reading, beneath root and through no symbolic link; or negative errno. */
int paths_open_file(int root, struct stream_string path);

static inline void restore_dir_putp(struct restore_dir **dir)
{
	restore_dir_put(*dir);
}

#endif
