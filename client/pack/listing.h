/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_PACK_LISTING_H
#define EXTENTD_PACK_LISTING_H

#include <stddef.h>

/* The names in a directory, each once: one that is changed meanwhile may show a name twice. In the
 * order of the inodes, which is that of the disk where they lie beside each other. */
struct listing {
	struct listed **list;
	size_t n, room;
};

struct listed {
	unsigned long long ino;
	char name[];
};

/* Of the open directory fd, whose position moves. 0 or negative errno; to be freed in any case. */
int listing_read(int fd, struct listing *out);
void listing_free(struct listing *l);

/* Leaves one of those that have the same name, and sorts. */
void listing_settle(struct listing *l);
int listing_add(struct listing *l, unsigned long long ino, const char *name);

#endif
