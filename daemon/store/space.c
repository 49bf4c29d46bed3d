// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "space.h"
#include "wire/limits.h"

/*
 * What may be between two commits: COMMIT_AT_EXTENTS of settle.c, and SETTLE_AT_EXTENTS. Each
 * extent needs some 300 bytes of items (file extent, extent, checksums), and a changed leaf is
 * written anew, with its path, while the old one is still held.
 */
#define METADATA_RESERVE (16 * MIB)
#define RESERVE_SHARE	 32 /* of a small filesystem: the 32nd part */

#define SPACES_MAX 64

/* Bytes of all devices, and of those the ones that belong to no block group yet. */
static bool devices(int fd, uint64_t *total, uint64_t *unallocated)
{
	struct btrfs_ioctl_fs_info_args info = { 0 };

	*total = *unallocated = 0;
	if (ioctl(fd, BTRFS_IOC_FS_INFO, &info) < 0)
		return false;
	for (uint64_t id = 0; id <= info.max_id; id++) {
		struct btrfs_ioctl_dev_info_args dev = { .devid = id };

		if (ioctl(fd, BTRFS_IOC_DEV_INFO, &dev) < 0)
			continue;
		*total += dev.total_bytes;
		*unallocated += dev.total_bytes - dev.bytes_used;
	}
	return true;
}

bool space_is_low(int fd)
{
	_cleanup_(freep) struct btrfs_ioctl_space_args *args = NULL;
	uint64_t room = 0, reserve = 0, total, unallocated, needed;

	args = calloc(1, sizeof(*args) + SPACES_MAX * sizeof(args->spaces[0]));
	if (!args)
		return false;
	args->space_slots = SPACES_MAX;
	if (ioctl(fd, BTRFS_IOC_SPACE_INFO, args) < 0)
		return false;
	for (uint64_t i = 0; i < args->total_spaces && i < SPACES_MAX; i++) {
		const struct btrfs_ioctl_space_info *s = &args->spaces[i];

		if (s->flags & BTRFS_SPACE_INFO_GLOBAL_RSV)
			reserve += s->total_bytes;
		else if (s->flags & BTRFS_BLOCK_GROUP_METADATA)
			room += s->total_bytes - s->used_bytes;
	}
	room = room > reserve ? room - reserve : 0;
	if (room >= METADATA_RESERVE || !devices(fd, &total, &unallocated))
		return false; /* most have some: then the devices need not be asked */
	/* New metadata may take the unallocated bytes twice (DUP, RAID1). */
	needed =
		total / RESERVE_SHARE < METADATA_RESERVE ? total / RESERVE_SHARE : METADATA_RESERVE;
	return room + unallocated / 2 < needed;
}
