// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each order works on one file's part of the batch at a time ("run of one descriptor"), except
 * syncfs, which covers all. The map check looks for a whole, encoded extent at a new address.
 * FIEMAP merges neighbours, so an extent is looked up by coverage.
 */
#include "settle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MAP_EXTENTS 512 /* of one FIEMAP call: more than any batch can have */

_Atomic unsigned long settle_fallbacks;

struct map {
	union {
		struct fiemap head;
		char room[sizeof(struct fiemap) + MAP_EXTENTS * sizeof(struct fiemap_extent)];
	};
};

static int map_read(int fd, uint64_t from, uint64_t to, uint32_t flags, struct map *out)
{
	out->head = (struct fiemap){
		.fm_start = from,
		.fm_length = to - from,
		.fm_flags = flags,
		.fm_extent_count = MAP_EXTENTS,
	};
	return ioctl(fd, FS_IOC_FIEMAP, &out->head) < 0 ? -errno : 0;
}

/* The disk address of @offset and the flags there; 0 for a hole. */
static uint64_t map_lookup(const struct map *map, uint64_t offset, uint64_t *end, uint32_t *flags)
{
	for (uint32_t i = 0; i < map->head.fm_mapped_extents; i++) {
		const struct fiemap_extent *e = &map->head.fm_extents[i];

		if (offset < e->fe_logical || offset >= e->fe_logical + e->fe_length)
			continue;
		*end = e->fe_logical + e->fe_length;
		*flags = e->fe_flags;
		return e->fe_physical + (offset - e->fe_logical);
	}
	*end = offset;
	*flags = 0;
	return 0;
}

static int encoded_check(const struct encoded *extent, const struct map *map)
{
	uint64_t physical, end;
	uint32_t flags;

	physical = map_lookup(map, extent->offset, &end, &flags);
	if (!(flags & FIEMAP_EXTENT_ENCODED))
		return -EIO;
	if (flags & (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNWRITTEN))
		return -EIO;
	if (flags & FIEMAP_EXTENT_DATA_INLINE)
		return 0;
	if (end < extent->offset + extent->length || physical == extent->before)
		return -EIO;
	return 0;
}

static unsigned int run_of_fd(const struct encoded *extents, unsigned int n)
{
	unsigned int i = 1;

	while (i < n && extents[i].fd == extents[0].fd)
		i++;
	return i;
}

static uint64_t run_end(const struct encoded *extents, unsigned int n)
{
	return extents[n - 1].offset + extents[n - 1].length;
}

static void check_run(struct encoded *extents, unsigned int n, const struct map *map, int error)
{
	for (unsigned int i = 0; i < n; i++)
		if (!extents[i].result)
			extents[i].result = error ? error : encoded_check(&extents[i], map);
}

static void fail_run(struct encoded *extents, unsigned int n, int error)
{
	for (unsigned int i = 0; i < n; i++)
		if (!extents[i].result)
			extents[i].result = error;
}

static void map_and_check(struct encoded *extents, unsigned int n)
{
	_cleanup_(freep) struct map *map = malloc(sizeof(*map));
	int r = -ENOMEM;

	if (map)
		r = map_read(extents[0].fd, extents[0].offset, run_end(extents, n), 0, map);
	check_run(extents, n, map, r);
}

static void sync_run(struct encoded *extents, unsigned int n)
{
	if (fsync(extents[0].fd) < 0)
		fail_run(extents, n, -errno);
}

/* One call per contiguous range; only over extents whose write succeeded. */
static void fallocate_runs(const struct encoded *extents, unsigned int n)
{
	for (unsigned int i = 0, k; i < n; i = k) {
		k = i + 1;
		if (extents[i].result)
			continue;
		while (k < n && !extents[k].result &&
		       extents[k].offset == extents[k - 1].offset + extents[k - 1].length)
			k++;
		/* Advisory: it may say EIO for a neighbour, ENOSPC on a full disk. The check tells.
		 */
		(void)!fallocate(extents[i].fd, FALLOC_FL_KEEP_SIZE, extents[i].offset,
				 run_end(extents + i, k - i) - extents[i].offset);
	}
}

static void order_fallocate(struct encoded *extents, unsigned int n)
{
	for (unsigned int i = 0, k; i < n; i += k) {
		k = run_of_fd(extents + i, n - i);
		fallocate_runs(extents + i, k);
		map_and_check(extents + i, k);
		sync_run(extents + i, k);
	}
}

static void fiemap_run(struct encoded *extents, unsigned int n)
{
	_cleanup_(freep) struct map *map = malloc(sizeof(*map));
	uint64_t from = extents[0].offset, to = run_end(extents, n);
	int r = -ENOMEM;

	if (map)
		r = map_read(extents[0].fd, from, to, FIEMAP_FLAG_SYNC, map);
	if (map && r < 0) {
		/* It waited for all, then gave the error of one: the plain map tells which. */
		settle_fallbacks++;
		r = map_read(extents[0].fd, from, to, 0, map);
	}
	check_run(extents, n, map, r);
}

static void order_fiemap(struct encoded *extents, unsigned int n)
{
	for (unsigned int i = 0, k; i < n; i += k) {
		k = run_of_fd(extents + i, n - i);
		fiemap_run(extents + i, k);
		sync_run(extents + i, k);
	}
}

static void order_syncfs(struct encoded *extents, unsigned int n)
{
	int r = syncfs(extents[0].fd) < 0 ? -errno : 0;

	for (unsigned int i = 0, k; i < n; i += k) {
		k = run_of_fd(extents + i, n - i);
		if (r < 0)
			fail_run(extents + i, k, r);
		else
			map_and_check(extents + i, k);
	}
}

static void order_nowait(struct encoded *extents, unsigned int n)
{
	for (unsigned int i = 0, k; i < n; i += k) {
		k = run_of_fd(extents + i, n - i);
		map_and_check(extents + i, k);
		sync_run(extents + i, k);
	}
}

static void order_fsync(struct encoded *extents, unsigned int n)
{
	for (unsigned int i = 0, k; i < n; i += k) {
		k = run_of_fd(extents + i, n - i);
		sync_run(extents + i, k);
	}
}

#define ENTRY(name) { #name, order_##name },
static const struct settle_order orders[] = { SETTLE_ORDERS(ENTRY) };
#undef ENTRY

const struct settle_order *settle_order_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++)
		if (!strcmp(orders[i].name, name))
			return &orders[i];
	return NULL;
}

int settle_prepare(struct encoded *extents, unsigned int n)
{
	_cleanup_(freep) struct map *map = malloc(sizeof(*map));
	uint64_t end;
	uint32_t flags;
	int r;

	if (!map)
		return -ENOMEM;
	for (unsigned int i = 0, k; i < n; i += k) {
		k = run_of_fd(extents + i, n - i);
		r = map_read(extents[i].fd, extents[i].offset, run_end(extents + i, k), 0, map);
		if (r < 0)
			return r;
		for (unsigned int j = i; j < i + k; j++)
			extents[j].before = map_lookup(map, extents[j].offset, &end, &flags);
	}
	return 0;
}
