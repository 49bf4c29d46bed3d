/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_MAP_H
#define EXTENTD_STORE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "store.h"

/* Looks at a file's extents with FIEMAP. In workers only: it waits for the inode's lock. */

/* For the extents that will have to be looked at: whether their range is a hole (or unwritten),
 * and if not, what to compare with. */
void map_before(struct extent_list *extents);

enum map_finding {
	MAP_ABSENT,  /* not all of the range holds written data */
	MAP_PLAIN,   /* it does, but more than a sector of it is not stored encoded */
	MAP_ENCODED, /* it does */
};

/*
 * For extents of one file, sorted by offset: what each one's range holds now. With wait, first
 * waits until every write to the file that the kernel had taken before the call has reached the
 * disk or failed: an fsync does not do that for encoded writes. 0 or -errno: then found[] says
 * nothing.
 */
int map_after(struct extent *const *extents, size_t n, int fd, bool wait, enum map_finding *found);

/* Waits until every write that the kernel had taken, to page cache or not, has ended in some way.
 */
void map_wait(int fd);

#endif
