/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERCUT_KIND_H
#define POWERCUT_KIND_H

/* Tells what a write to a btrfs disk carries, from its bytes alone. */

#include "history.h"

struct kind_teller {
	uint8_t fsid[16];
	uint32_t node_size;
};

/* Reads the superblock of @image_fd. Returns 0, -EINVAL when it is no btrfs, or another errno. */
int kind_teller_init(int image_fd, struct kind_teller *out);

enum history_kind kind_of_write(const struct kind_teller *teller, uint64_t offset,
				const uint8_t *payload, uint64_t length);

#endif
