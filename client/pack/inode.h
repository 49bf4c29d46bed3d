/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_PACK_INODE_H
#define EXTENTD_PACK_INODE_H

/* What all kinds of inodes have, as commands. 0 or what ends all. */

#include "pack/job.h"

int attributes_put(struct stream_out *out, const char *path, const struct stat *st);
/* But for capabilities, which have to come last. fd >= 0, or the name in dir, not followed. */
int xattrs_put(struct pack *p, int fd, int dir, const char *name, const char *path);
int capabilities_put(struct stream_out *out, int fd, const char *path);
/* True if the inode is in the stream under another name: then it gets this one, and *r is right. */
bool link_put(struct pack *p, const struct stat *st, const char *path, int *r);
void link_remember(struct pack *p, const struct stat *st, const char *path);

#endif
