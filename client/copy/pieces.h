/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_COPY_PIECES_H
#define EXTENTD_COPY_PIECES_H

/*
 * A file cut into pieces that are read by themselves. Holes and what was only reserved are in none:
 * the file's size makes them holes again.
 */

#include <linux/fiemap.h>
#include "copy/plan.h"

#define PIECES_MAP_EXTENTS 256

struct pieces {
	int fd;
	uint64_t size; /* of the file */
	uint64_t max;  /* bytes of a piece */
	uint32_t sector;
	/* Takes each piece, in order. Other than 0 ends it, and is returned. */
	int (*piece)(void *userdata, const struct piece *piece);
	/* Before the file's extents are asked for: nobody here may hold its locks. NULL: nobody
	 * does. */
	int (*unlock)(void *userdata);
	void *userdata;
	uint64_t at; /* where it stopped */
	union {
		struct fiemap map;
		char map_room[sizeof(struct fiemap) +
			      PIECES_MAP_EXTENTS * sizeof(struct fiemap_extent)];
	};
};

#define PIECES_NO_MAP 1 /* the extents cannot be listed: errno says why */

/* By the map of its extents, to read them as they are. */
int pieces_of_map(struct pieces *p);
/* Between the holes, on multiples of max, so that extents come out whole. */
int pieces_of_data(struct pieces *p);

#endif
