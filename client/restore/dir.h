/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RESTORE_DIR_H
#define EXTENTD_RESTORE_DIR_H

/*
 * Directories. Each holds its parent, and is held by the caller until restore_dir_put(). There is
 * one struct for each directory, however it was reached: a rename is one of them changing its
 * place. Those used last are kept, with their descriptors, in a bounded cache.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "restore/name.h"

struct restore;
struct restore_dir;

/* label names the root in messages. Takes fd over, also on failure. */
int restore_root(struct restore *r, int fd, const char *label, struct restore_dir **out);
int restore_dir_open(struct restore_dir *parent, const char *name, struct restore_dir **out);
int restore_dir_make(struct restore_dir *parent, const char *name, mode_t mode,
		     struct restore_dir **out); /* -EEXIST */
struct restore_dir *restore_dir_get(struct restore_dir *dir);
struct restore_dir *restore_dir_put(struct restore_dir *dir); /* NULL */

/* For calls that the core has no function for. Valid until RESTORE_DIR_PINNED other directories
 * have been used; not to be closed. */
#define RESTORE_DIR_PINNED 8
int restore_dir_fd(struct restore_dir *dir);

struct restore_owner restore_dir_owner(struct restore_dir *dir); /* as far as it is known */
/* Hands nothing down to what is made in it: no default ACL, no setgid, no properties, no flags. */
bool restore_dir_is_plain(struct restore_dir *dir);
/* Something that may be handed down, or its mode, was changed by the caller. */
void restore_dir_changed(struct restore_dir *dir);
/* The directory was renamed by the caller: where it is found from now on. */
int restore_dir_moved(struct restore_dir *dir, struct restore_dir *parent, const char *name);

/* "label/a/b/name" (name may be NULL), for messages; -ENAMETOOLONG cuts at the front. */
int restore_path(struct restore_dir *dir, const char *name, char *out, size_t size);

/* At once. Failures are reported and not returned; cp's rule holds: owners that may not be set
 * without the privilege are passed over, and setuid bits with them. */
void restore_dir_set(struct restore_dir *dir, const struct restore_attr *attr);
/* As restore_file_xattr(). What a directory inherits (default ACLs) is taken away by
 * restore_dir_set() unless it was set this way: set extended attributes first. */
int restore_dir_xattr(struct restore_dir *dir, const char *name, const void *value, size_t len);
int restore_dir_xattr_remove(struct restore_dir *dir, const char *name);

#endif
