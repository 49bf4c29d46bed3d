// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "replicate/estimate.h"

#define BUFFER_BYTES (256u << 10)

static uint64_t item_bytes(const uint8_t *data, uint32_t len, uint64_t since)
{
	struct btrfs_file_extent_item e = { 0 };

	memcpy(&e, data, len < sizeof(e) ? len : sizeof(e));
	if (le64toh(e.generation) <= since)
		return 0;
	if (e.type == BTRFS_FILE_EXTENT_INLINE)
		return len - offsetof(struct btrfs_file_extent_item, disk_bytenr);
	if (!e.disk_bytenr || e.type != BTRFS_FILE_EXTENT_REG)
		return 0;
	/* A compressed extent is sent whole, of a plain one the part that is used. */
	return e.compression ? le64toh(e.disk_num_bytes) : le64toh(e.num_bytes);
}

uint64_t estimate(int fd, uint64_t id, uint64_t since)
{
	_cleanup_(freep) struct btrfs_ioctl_search_args_v2 *args =
		malloc(sizeof(*args) + BUFFER_BYTES);
	struct btrfs_ioctl_search_header h;
	uint64_t total = 0;

	if (!args)
		return 0;
	memset(args, 0, sizeof(*args));
	args->key = (struct btrfs_ioctl_search_key){
		.tree_id = id,
		.min_objectid = BTRFS_FIRST_FREE_OBJECTID,
		.max_objectid = BTRFS_LAST_FREE_OBJECTID,
		.max_offset = UINT64_MAX,
		.min_transid = since + 1,
		.max_transid = UINT64_MAX,
		.min_type = 0,
		.max_type = UINT8_MAX,
	};
	for (;;) {
		const uint8_t *p = (const uint8_t *)args->buf;

		args->key.nr_items = UINT32_MAX;
		args->buf_size = BUFFER_BYTES;
		if (ioctl(fd, BTRFS_IOC_TREE_SEARCH_V2, args))
			return 0;
		if (!args->key.nr_items)
			return total;
		for (uint32_t i = 0; i < args->key.nr_items; i++) {
			memcpy(&h, p, sizeof(h));
			p += sizeof(h);
			if (h.type == BTRFS_EXTENT_DATA_KEY)
				total += item_bytes(p, h.len, since);
			p += h.len;
		}
		/* Behind the last one. */
		args->key.min_objectid = h.objectid;
		args->key.min_type = h.type;
		args->key.min_offset = h.offset + 1;
		if (!args->key.min_offset && ++args->key.min_type > UINT8_MAX) {
			args->key.min_type = 0;
			args->key.min_objectid++;
		}
	}
}
