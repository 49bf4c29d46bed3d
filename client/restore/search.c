// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All small extents of a job, looked for in the trees of their subvolumes.
 */
#include <endian.h>
#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "restore/job.h"

#define SEARCH_BYTES (64u << 10)

static int by_inode(const void *a, const void *b)
{
	const struct small_extent *x = a, *y = b;

	if (x->file->dev != y->file->dev)
		return x->file->dev < y->file->dev ? -1 : 1;
	if (x->file->ino != y->file->ino)
		return x->file->ino < y->file->ino ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* How much of the file, from the key's offset, an extent item says is data on disk. */
static uint64_t item_data(const char *bytes, uint32_t size)
{
	struct btrfs_file_extent_item item;

	if (size < offsetof(struct btrfs_file_extent_item, disk_bytenr))
		return 0;
	memset(&item, 0, sizeof(item));
	memcpy(&item, bytes, size < sizeof(item) ? size : sizeof(item));
	if (item.type == BTRFS_FILE_EXTENT_INLINE)
		return le64toh(item.ram_bytes);
	if (item.type != BTRFS_FILE_EXTENT_REG || size < sizeof(item) || !item.disk_bytenr)
		return 0;
	return le64toh(item.num_bytes);
}

/* The walk over one subvolume's items, beside a sorted part of the list. */
struct search {
	struct small_extent *at, *end;
	uint64_t covered; /* up to here at's range is on disk */
};

static void search_next(struct search *s)
{
	s->at++;
	s->covered = s->at < s->end ? s->at->offset : 0;
}

/* A key behind at's range, or the end: at has all that it will get. */
static void search_verdict(struct search *s)
{
	const struct small_extent *e = s->at;
	struct restore *r = e->file->r;

	if (s->covered < e->offset + e->len && !e->file->removed) {
		r->sync_error = -EIO;
		settle_strike(r, e->file, e->offset);
		job_failed(r, RESTORE_LOST, e->file->dir, e->file->name, e->offset, e->len, EIO,
			   "the data did not reach the disk, or the range was changed by "
			   "somebody else meanwhile");
	}
	search_next(s);
}

/* Items come in order; a range may be covered by several, and one may cover several ranges. */
static void search_item(struct search *s, const struct btrfs_ioctl_search_header *h,
			const char *bytes)
{
	uint64_t end = h->offset + item_data(bytes, h->len);

	while (s->at < s->end && s->at->file->ino <= h->objectid) {
		bool same = s->at->file->ino == h->objectid;

		if (same && h->offset <= s->covered && end > s->covered)
			s->covered = end;
		if (same && h->offset < s->at->offset + s->at->len &&
		    s->covered < s->at->offset + s->at->len)
			return; /* the next item may continue it */
		search_verdict(s);
	}
}

static void search_passed(struct search *s, const struct btrfs_ioctl_search_header *h)
{
	while (s->at < s->end &&
	       (s->at->file->ino < h->objectid ||
		(s->at->file->ino == h->objectid && h->type > BTRFS_EXTENT_DATA_KEY)))
		search_verdict(s);
}

static int search_run(int fd, struct search *s)
{
	_cleanup_(freep) struct btrfs_ioctl_search_args_v2 *args =
		malloc(sizeof(*args) + SEARCH_BYTES);
	struct btrfs_ioctl_search_header h = { 0 };

	if (!args)
		return -ENOMEM;
	while (s->at < s->end) {
		const char *p = (const char *)args->buf;
		bool same = h.objectid == s->at->file->ino && h.type == BTRFS_EXTENT_DATA_KEY;

		memset(args, 0, sizeof(*args));
		args->buf_size = SEARCH_BYTES;
		args->key.nr_items = UINT32_MAX;
		args->key.min_objectid = s->at->file->ino;
		args->key.max_objectid = s->end[-1].file->ino;
		args->key.min_type = args->key.max_type = BTRFS_EXTENT_DATA_KEY;
		args->key.min_offset = same ? h.offset + 1 : 0;
		args->key.max_offset = args->key.max_transid = UINT64_MAX;
		if (ioctl(fd, BTRFS_IOC_TREE_SEARCH_V2, args) < 0)
			return -errno;
		if (!args->key.nr_items) {
			while (s->at < s->end)
				search_verdict(s);
			break;
		}
		for (uint32_t i = 0; i < args->key.nr_items && s->at < s->end; i++) {
			memcpy(&h, p, sizeof(h));
			if (h.type == BTRFS_EXTENT_DATA_KEY)
				search_item(s, &h, p + sizeof(h));
			else /* others lie in between, and may be all that there is */
				search_passed(s, &h);
			p += sizeof(h) + h.len;
		}
	}
	return 0;
}

static int device_fd(const struct restore *r, dev_t dev)
{
	for (unsigned int i = 0; i < r->filesystem_count; i++)
		if (r->filesystems[i].dev == dev)
			return r->filesystems[i].fd;
	return -1;
}

int small_prove_all(struct restore *r, struct small_list *list)
{
	struct small_extent *end = list->extents + list->count;
	int err = 0;

	qsort(list->extents, list->count, sizeof(*list->extents), by_inode);
	for (struct small_extent *first = list->extents, *next; first < end && !err; first = next) {
		struct search s = { .at = first, .covered = first->offset };

		for (next = first; next < end && next->file->dev == first->file->dev;)
			next++;
		s.end = next;
		err = search_run(device_fd(r, first->file->dev), &s);
	}
	if (err) {
		r->sync_error = err;
		job_failed(r, RESTORE_SYNC, NULL, NULL, 0, 0, -err,
			   "what was written could not be looked at");
	}
	small_drop(list);
	return err;
}
