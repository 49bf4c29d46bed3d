/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_COPY_LINKS_H
#define EXTENTD_COPY_LINKS_H

#include <sys/types.h>
#include "restore/restore.h"

/*
 * Which source inode with several names became which name in the destination. Memory grows with
 * the number of such inodes.
 */
struct links;

struct link {
	struct restore_dir *dir; /* held by the table; NULL where name is a path */
	char *name;
};

int links_new(struct links **out);
struct links *links_free(struct links *links);

/* NULL if it was not seen yet. */
const struct link *links_find(struct links *links, dev_t dev, ino_t ino);
int links_add(struct links *links, dev_t dev, ino_t ino, struct restore_dir *dir, const char *name);

#endif
