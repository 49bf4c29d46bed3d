/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERCUT_ENCODED_H
#define POWERCUT_ENCODED_H

/* One compressed extent as these tests write it: zstd of a pattern, straight to the kernel. */

#include <linux/btrfs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define ENCODED_MAX 131072u

struct encoded {
	uint32_t version, file;
	int fd; /* borrowed */
	uint64_t offset;
	uint32_t length; /* unencoded */
	uint32_t payload_length;
	uint8_t *payload; /* owned; ENCODED_MAX bytes */
	uint64_t before;  /* disk address the range had before the write; 0: none */
	bool inlined;	  /* found as an inline extent */
	int result;	  /* 0 or a negative errno: of the write, then of the check */
	struct iovec iov; /* for args, which the kernel reads until completion */
	struct btrfs_ioctl_encoded_io_args args;
};

/* Fills in payload and args from version, file, offset and length. Returns 0 or -errno. */
int encoded_prepare(struct encoded *extent);
void encoded_release(struct encoded *extent);
/* Blocking. Returns 0 or a negative errno, also left in extent->result. */
int encoded_write(struct encoded *extent);
/* The kernel's answer @res to a write of it: 0 or a negative errno. A short count is -EIO. */
int encoded_result(const struct encoded *extent, int res);
/* Reads the encoded bytes back: 0 when they are the payload, -EIO when not, -errno. */
int encoded_compare(const struct encoded *extent);

#endif
