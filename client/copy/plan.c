// SPDX-License-Identifier: GPL-2.0-or-later

#include "copy/plan.h"

bool plan_piece(const struct fiemap_extent *extent, uint64_t size, uint64_t max, uint64_t *at,
		struct piece *out)
{
	uint64_t start = extent->fe_logical;
	uint64_t end = start + extent->fe_length;
	unsigned int whole = FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_DELALLOC |
			     FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DATA_INLINE;

	if (end < start || end > size)
		end = size;
	if (extent->fe_flags & FIEMAP_EXTENT_UNWRITTEN)
		return false;
	if (start < *at)
		start = *at;
	if (start >= end)
		return false;
	if (!(extent->fe_flags & whole) && end - start > max)
		end = start + max;
	*out = (struct piece){ start, end };
	*at = end;
	return true;
}
