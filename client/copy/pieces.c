// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "copy/pieces.h"

int pieces_of_map(struct pieces *p)
{
	bool last = false;
	int err = 0;

	p->at = 0;
	while (!err && p->at < p->size && !last) {
		const struct fiemap_extent *e = p->map.fm_extents;

		err = p->unlock ? p->unlock(p->userdata) : 0;
		if (err)
			return err;
		p->map = (struct fiemap){
			.fm_start = p->at,
			.fm_length = p->size - p->at,
			.fm_extent_count = PIECES_MAP_EXTENTS,
		};
		if (ioctl(p->fd, FS_IOC_FIEMAP, &p->map) < 0)
			return PIECES_NO_MAP;
		if (!p->map.fm_mapped_extents)
			break;
		for (uint32_t i = 0; !err && i < p->map.fm_mapped_extents; i++, e++) {
			struct piece piece;

			last = e->fe_flags & FIEMAP_EXTENT_LAST;
			while (!err && plan_piece(e, p->size, p->max, &p->at, &piece))
				err = p->piece(p->userdata, &piece);
			if (e->fe_logical + e->fe_length > p->at)
				p->at = e->fe_logical + e->fe_length;
		}
	}
	return err;
}

int pieces_of_data(struct pieces *p)
{
	int err = 0;

	p->at = 0;
	while (!err && p->at < p->size) {
		off_t from = lseek(p->fd, (off_t)p->at, SEEK_DATA);
		off_t to = from < 0 ? from : lseek(p->fd, from, SEEK_HOLE);
		struct piece piece;

		if (from < 0 && errno == ENXIO)
			break;
		if (from < 0 || to < 0) { /* a filesystem without: all is data */
			from = (off_t)p->at;
			to = (off_t)p->size;
		}
		if ((uint64_t)to > p->size)
			to = (off_t)p->size;
		piece.offset = (uint64_t)from & ~(uint64_t)(p->sector - 1);
		if (piece.offset < p->at)
			piece.offset = p->at;
		while (!err && piece.offset < (uint64_t)to) {
			piece.end = (piece.offset / p->max + 1) * p->max;
			if (piece.end > (uint64_t)to)
				piece.end =
					((uint64_t)to + p->sector - 1) & ~(uint64_t)(p->sector - 1);
			if (piece.end > p->size)
				piece.end = p->size;
			p->at = piece.end;
			err = p->piece(p->userdata, &piece);
			piece.offset = p->at;
		}
		if (p->at < (uint64_t)to)
			p->at = (uint64_t)to;
	}
	return err;
}
