// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Superblocks sit at fixed places. A tree node starts with its checksum and then the fsid, and
 * names the tree that owns it; payloads of a test never carry the fsid there. One bio may hold
 * several nodes: a single log-tree node in it makes the write a log write.
 */
#include "kind.h"

#include <endian.h>
#include <errno.h>
#include <linux/btrfs_tree.h>
#include <string.h>
#include <unistd.h>

#define SUPER_FIRST	   65536ULL	 /* fs/btrfs/fs.h: BTRFS_SUPER_INFO_OFFSET */
#define SUPER_SECOND	   (64ULL << 20) /* btrfs_sb_offset(1) */
#define SUPER_SIZE	   4096
#define SUPER_MAGIC_AT	   64
#define SUPER_MAGIC	   0x4D5F53665248425FULL /* "_BHRfS_M" */
#define SUPER_FSID_AT	   32
#define SUPER_NODE_SIZE_AT 148
#define NODE_FSID_AT	   32 /* struct btrfs_header */
#define NODE_OWNER_AT	   88

int kind_teller_init(int image_fd, struct kind_teller *out)
{
	uint8_t super[SUPER_SIZE];
	uint64_t magic;
	ssize_t n;

	n = pread(image_fd, super, sizeof(super), SUPER_FIRST);
	if (n < 0)
		return -errno;
	if (n != sizeof(super))
		return -EINVAL;
	memcpy(&magic, super + SUPER_MAGIC_AT, sizeof(magic));
	if (le64toh(magic) != SUPER_MAGIC)
		return -EINVAL;
	memcpy(out->fsid, super + SUPER_FSID_AT, sizeof(out->fsid));
	memcpy(&out->node_size, super + SUPER_NODE_SIZE_AT, sizeof(out->node_size));
	out->node_size = le32toh(out->node_size);
	return out->node_size ? 0 : -EINVAL;
}

enum history_kind kind_of_write(const struct kind_teller *teller, uint64_t offset,
				const uint8_t *payload, uint64_t length)
{
	enum history_kind kind = KIND_TREE;

	if (offset == SUPER_FIRST || offset == SUPER_SECOND)
		return KIND_SUPER;
	if (length < teller->node_size || memcmp(payload + NODE_FSID_AT, teller->fsid, 16))
		return KIND_DATA;
	for (uint64_t at = 0; at + teller->node_size <= length; at += teller->node_size) {
		uint64_t owner;

		memcpy(&owner, payload + at + NODE_OWNER_AT, sizeof(owner));
		if (le64toh(owner) == (uint64_t)BTRFS_TREE_LOG_OBJECTID)
			kind = KIND_LOG;
	}
	return kind;
}
