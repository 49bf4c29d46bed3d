/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_DIRS_H
#define EXTENTD_RECEIVE_DIRS_H

/*
 * Open descriptors of the directories of one subvolume, by path, the least recently used closed
 * first. Every descriptor was opened beneath the root without following a symbolic link.
 */

#include <stdbool.h>

#include "stream/command.h"
#include "stream/path.h"

struct dirs;

struct dir {
	int fd;	    /* stays open while fewer than limit other directories are asked for */
	bool plain; /* hands nothing down to what is made in it: no default ACL, no setgid, no
		     * properties, no inode flags */
};

/* root stays the caller's. limit: descriptors open at once. */
int dirs_new(int root, unsigned int limit, struct dirs **out);
void dirs_free(struct dirs *d);

/* The directory itself; empty is the root. Negative errno. */
int dirs_get(struct dirs *d, struct stream_string path, struct dir **out);
/* The directory that holds path, and path's last component. The root has none: -EINVAL. */
int dirs_parent(struct dirs *d, struct stream_string path, struct dir **out,
		char name[STREAM_NAME_MAX + 1]);

/* path was just made in a plain directory: it needs no look to be known as plain. */
void dirs_made(struct dirs *d, struct stream_string path);
/* Something that may be handed down was set on path. */
void dirs_changed(struct dirs *d, struct stream_string path);
/* path, and so all below it, is not what it was. */
void dirs_forget(struct dirs *d, struct stream_string path);

/* A regular file for reading, beneath root and through no symbolic link; or negative errno. */
int dirs_open_file(int root, struct stream_string path);

#endif
