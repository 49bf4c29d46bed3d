// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <time.h>

#include "base/cleanup.h"
#include "copy/identity.h"

#define SEARCH_BYTES 65536
/* A clock that ticks more slowly than files change: what is younger may change unseen. */
#define YOUNG_SECONDS 2

void identities_free(struct identities *ids)
{
	free(ids->list);
	*ids = (struct identities){ NULL };
}

static int add(struct identities *ids, const struct identity *id)
{
	if (ids->n == ids->room) {
		size_t room = ids->room ? 2 * ids->room : 16;
		void *more = reallocarray(ids->list, room, sizeof(*ids->list));

		if (!more)
			return -ENOMEM;
		ids->list = more;
		ids->room = room;
	}
	ids->list[ids->n++] = *id;
	return 0;
}

/* One item of the file's tree: an extent, or a part of one, or a hole. */
static int add_item(struct identities *ids, uint64_t offset, const char *bytes, size_t len)
{
	const size_t head = offsetof(struct btrfs_file_extent_item, disk_bytenr);
	struct btrfs_file_extent_item item;
	struct identity id = { .offset = offset };
	uint64_t key[4];

	if (len < head)
		return -EIO;
	memcpy(&item, bytes, len < sizeof(item) ? len : sizeof(item));
	if (item.type == BTRFS_FILE_EXTENT_INLINE) {
		id.len = le64toh(item.ram_bytes);
		id.of = XXH3_128bits(bytes + head, len - head);
		id.whole = true;
		return add(ids, &id);
	}
	if (len < sizeof(item))
		return -EIO;
	if (!item.disk_bytenr || item.type == BTRFS_FILE_EXTENT_PREALLOC)
		return 0; /* zeros */
	id.len = le64toh(item.num_bytes);
	key[0] = le64toh(item.disk_bytenr);
	key[1] = le64toh(item.generation);
	key[2] = le64toh(item.offset) - offset; /* splitting it changes nothing */
	key[3] = item.compression;
	id.of = XXH3_128bits(key, sizeof(key));
	id.whole = item.compression != 0;
	return add(ids, &id);
}

/* 0; 1 if the kernel does not say; or a negative errno. */
static int search(int fd, uint64_t inode, struct identities *ids)
{
	_cleanup_(freep) struct btrfs_ioctl_search_args_v2 *args =
		malloc(sizeof(*args) + SEARCH_BYTES);
	uint64_t next = 0;

	if (!args)
		return -ENOMEM;
	for (;;) {
		const char *at = (const char *)args->buf;

		memset(args, 0, sizeof(*args));
		args->key = (struct btrfs_ioctl_search_key){
			.min_objectid = inode,
			.max_objectid = inode,
			.min_type = BTRFS_EXTENT_DATA_KEY,
			.max_type = BTRFS_EXTENT_DATA_KEY,
			.min_offset = next,
			.max_offset = UINT64_MAX,
			.max_transid = UINT64_MAX,
			.nr_items = UINT32_MAX,
		};
		args->buf_size = SEARCH_BYTES;
		if (ioctl(fd, BTRFS_IOC_TREE_SEARCH_V2, args) < 0)
			return errno == EPERM || errno == ENOTTY ? 1 : -errno;
		if (!args->key.nr_items)
			return 0;
		for (uint32_t i = 0; i < args->key.nr_items; i++) {
			struct btrfs_ioctl_search_header h;
			int err;

			memcpy(&h, at, sizeof(h));
			err = add_item(ids, h.offset, at + sizeof(h), h.len);
			if (err < 0)
				return err;
			at += sizeof(h) + h.len;
			next = h.offset + 1;
		}
		if (!next)
			return 0;
	}
}

static int by_time(const struct stat *st, struct identities *ids)
{
	uint64_t key[5] = { st->st_dev, st->st_ino, (uint64_t)st->st_size,
			    (uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec };
	struct identity id = { .len = (uint64_t)st->st_size, .of = XXH3_128bits(key, sizeof(key)) };

	ids->n = 0;
	ids->known = st->st_ctim.tv_sec + YOUNG_SECONDS < time(NULL);
	return ids->known && id.len ? add(ids, &id) : 0;
}

int identities_read(int fd, const struct stat *st, struct identities *out)
{
	struct fiemap settled = { .fm_length = UINT64_MAX, .fm_flags = FIEMAP_FLAG_SYNC };
	struct statfs fs;
	int flags = 0, r;

	*out = (struct identities){ NULL };
	if (fstatfs(fd, &fs) < 0 || fs.f_type != BTRFS_SUPER_MAGIC ||
	    ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || flags & FS_NOCOW_FL)
		return by_time(st, out);
	/* What was written and has no extent yet gets one. */
	if (ioctl(fd, FS_IOC_FIEMAP, &settled) < 0)
		return -errno;
	r = search(fd, st->st_ino, out);
	if (r > 0)
		return by_time(st, out);
	out->known = r == 0;
	if (r < 0)
		identities_free(out);
	return r;
}

int identities_new(const struct identities *old, size_t *first, const struct identity *now,
		   struct identities *out)
{
	uint64_t at = now->offset, end = now->offset + now->len;
	int err = 0;

	/* Both are in order: what lies before this one lies before the next. */
	while (*first < old->n && old->list[*first].offset + old->list[*first].len <= at)
		++*first;
	for (size_t i = *first; !err && i < old->n && at < end; i++) {
		const struct identity *o = &old->list[i];
		uint64_t o_end = o->offset + o->len;

		if (o->offset >= end)
			break;
		if (o_end <= at || !XXH128_isEqual(o->of, now->of))
			continue;
		if (o->offset > at)
			err = add(out,
				  &(struct identity){ at, o->offset - at, now->of, now->whole });
		at = o_end;
	}
	if (!err && at < end)
		err = add(out, &(struct identity){ at, end - at, now->of, now->whole });
	return err;
}
