/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Encoded writes for the kernel tests: extents of known content, and the two ways to write them.
 *
 * EXTENT_UNENCODED is BTRFS_MAX_UNCOMPRESSED of the kernel's fs/btrfs/compression.h.
 */
#pragma once

#include <liburing.h>
#include <linux/btrfs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define EXTENT_UNENCODED (128 * 1024)
#define PAGE_BYTES	 4096

#ifndef IORING_URING_CMD_FIXED
#define IORING_URING_CMD_FIXED (1U << 0)
#endif

/* What the kernel under test is expected to have, by the words in the variable EXPECT. */
bool expected(const char *feature);

/*
 * Fills @plain (EXTENT_UNENCODED bytes) with content that only @seed determines and @payload with
 * its zstd frame, zero-padded to exactly @size bytes. @size: 1024 .. EXTENT_UNENCODED - 4096.
 */
void extent_fill(unsigned seed, size_t size, unsigned char *plain, unsigned char *payload);

/* Compresses @size bytes of @plain into @payload of @room bytes; returns the frame's length. */
size_t extent_fill_small(const unsigned char *plain, size_t size, unsigned char *payload,
			 size_t room);

/* A whole extent at @offset whose payload is @iov. The struct is the caller's until completion. */
struct btrfs_ioctl_encoded_io_args extent_args(const struct iovec *iov, uint64_t offset);

/* Is the content of @seed and @size at @offset of @fd? false also for holes and read errors. */
bool extent_present(int fd, uint64_t offset, unsigned seed, size_t size);

/* The extent at @offset is flagged FIEMAP_EXTENT_ENCODED. */
bool extent_encoded(int fd, uint64_t offset);

/* The operation; liburing 2.3 has no helper for it. */
void prep_encoded_write(struct io_uring_sqe *sqe, int fd,
			const struct btrfs_ioctl_encoded_io_args *args);

/* The same with @index of the registered buffers. */
void prep_encoded_write_fixed(struct io_uring_sqe *sqe, int fd,
			      const struct btrfs_ioctl_encoded_io_args *args, unsigned index);

/* Submits, waits for one completion and returns its result. */
int ring_run_one(struct io_uring *ring);

/* The result of the completion with @user_data; waits for it, keeps others for later calls. */
int ring_result(struct io_uring *ring, uint64_t user_data);
