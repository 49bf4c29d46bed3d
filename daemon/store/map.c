// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "extent.h"
#include "file.h"
#include "inode.h"
#include "map.h"
#include "readback.h"

#define MAP_EXTENTS 128

/* A window of the file's map that moves forward. */
struct map {
	int fd;
	uint32_t flags;
	uint64_t from, to; /* what entries describe */
	unsigned int next; /* first entry that may matter for what is asked next */
	union {
		struct fiemap fiemap;
		char room[sizeof(struct fiemap) + MAP_EXTENTS * sizeof(struct fiemap_extent)];
	};
};

/* end: how far the map may be needed. */
static int map_load(struct map *m, uint64_t from, uint64_t end)
{
	const struct fiemap_extent *last;

	m->fiemap = (struct fiemap){
		.fm_start = from,
		.fm_length = end - from,
		.fm_flags = m->flags,
		.fm_extent_count = MAP_EXTENTS,
	};
	while (ioctl(m->fd, FS_IOC_FIEMAP, &m->fiemap) < 0)
		if (errno != EINTR)
			return -errno;
	m->flags = 0;
	m->from = from;
	m->to = end;
	m->next = 0;
	if (m->fiemap.fm_mapped_extents == MAP_EXTENTS) {
		last = &m->fiemap.fm_extents[MAP_EXTENTS - 1];
		m->to = last->fe_logical + last->fe_length;
	}
	return 0;
}

static bool is_data(const struct fiemap_extent *f)
{
	return !(f->fe_flags &
		 (FIEMAP_EXTENT_UNWRITTEN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNKNOWN));
}

struct tally {
	uint64_t data, encoded; /* bytes */
	bool touched;		/* anything at all is there */
};

/*
 * What [from, to) holds. Ranges come in ascending order. end: of the last range that will be asked
 * for.
 */
static int map_count(struct map *m, uint64_t from, uint64_t to, uint64_t end, struct tally *out)
{
	*out = (struct tally){ 0 };
	while (from < to) {
		const struct fiemap_extent *f;
		uint64_t f_end, low, high;
		int r;

		if (from < m->from || from >= m->to) {
			r = map_load(m, from, end);
			if (r < 0)
				return r;
		}
		if (m->next == m->fiemap.fm_mapped_extents) {
			from = m->to; /* a hole up to the window's end */
			continue;
		}
		f = &m->fiemap.fm_extents[m->next];
		f_end = f->fe_logical + f->fe_length;
		if (f_end <= from) {
			m->next++;
			continue;
		}
		if (f->fe_logical >= to)
			return 0;
		low = f->fe_logical > from ? f->fe_logical : from;
		high = f_end < to ? f_end : to;
		if (is_data(f))
			out->data += high - low;
		if (is_data(f) && f->fe_flags & FIEMAP_EXTENT_ENCODED)
			out->encoded += high - low;
		if (!(f->fe_flags & FIEMAP_EXTENT_UNWRITTEN))
			out->touched = true;
		from = high;
	}
	return 0;
}

void map_before(struct extent_list *extents)
{
	struct extent *e;

	TAILQ_FOREACH(e, extents, entry) {
		struct map m = { .fd = e->file->fd };
		struct tally tally;

		if (e->fresh || !readback_needed(e))
			continue;
		/* Extents of a chain come in any order; most chains get along with one call. */
		if (map_count(&m, e->from, e->to, e->to, &tally) == 0)
			e->fresh = !tally.touched;
		if (!e->fresh)
			readback_prepare(e);
	}
}

int map_after(struct extent *const *extents, size_t n, int fd, bool wait, enum map_finding *found)
{
	struct map m = { .fd = fd, .flags = wait ? FIEMAP_FLAG_SYNC : 0 };
	uint64_t end = extents[n - 1]->to;

	for (size_t i = 0; i < n; i++) {
		const struct extent *e = extents[i];
		uint64_t size = e->offset + e->len - e->from;
		struct tally tally;
		int r;

		/* Up to the last byte, not the sector's end: an inline extent ends there. */
		r = map_count(&m, e->from, e->from + size, end, &tally);
		if (r < 0)
			return r;
		/* The last sector may have been stored anew: see readback.c. */
		found[i] = tally.data != size					    ? MAP_ABSENT
			   : size - tally.encoded > e->file->inode->fs->sector_size ? MAP_PLAIN
										    : MAP_ENCODED;
	}
	return 0;
}

void map_wait(int fd)
{
	struct fiemap ask = { .fm_length = 1, .fm_flags = FIEMAP_FLAG_SYNC };

	/* It waits for all of the file, whatever it is asked for. EIO: one of them has failed, as
	 * whoever asks for errors is told. */
	while (ioctl(fd, FS_IOC_FIEMAP, &ask) < 0 && errno == EINTR)
		;
}
