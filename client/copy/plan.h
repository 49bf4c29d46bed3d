/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_COPY_PLAN_H
#define EXTENTD_COPY_PLAN_H

/*
 * Which pieces of a file are read, from a map of its extents. A piece is read from its start,
 * one extent after the other, until its end; different pieces are read at the same time.
 */

#include <linux/fiemap.h>
#include <stdbool.h>
#include <stdint.h>

struct piece {
	uint64_t offset, end; /* bytes of the file */
};

/*
 * The next piece of the extent at or after *at, and *at behind it; false when the extent has
 * nothing more below size. Compressed extents are one piece, for one read brings one whole extent:
 * cut, it would be stored twice. Plain ones are cut at max bytes from their start. What was only
 * reserved (fallocate) has no data. What is not on disk yet may still become compressed: one piece.
 */
bool plan_piece(const struct fiemap_extent *extent, uint64_t size, uint64_t max, uint64_t *at,
		struct piece *out);

#endif
