// SPDX-License-Identifier: GPL-2.0-or-later
#include "encoded.h"

#include <errno.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <zstd.h>

static void die(const char *what)
{
	fprintf(stderr, "encoded: %s\n", what);
	exit(99);
}

bool expected(const char *feature)
{
	const char *list = getenv("EXPECT");
	size_t len = strlen(feature);

	while (list && *list) {
		size_t word = strcspn(list, " ");

		if (word == len && !strncmp(list, feature, len))
			return true;
		list += word + strspn(list + word, " ");
	}
	return false;
}

void extent_fill(unsigned seed, size_t size, unsigned char *plain, unsigned char *payload)
{
	uint64_t x = 0x9e3779b97f4a7c15u * (seed + 1);
	size_t used;

	/* As many bytes that do not compress as leave room for the frame's headers. */
	memset(plain, 'e', EXTENT_UNENCODED);
	for (size_t i = 0; i + 512 < size; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		plain[i] = (unsigned char)x;
	}
	memset(payload, 0, size);
	used = ZSTD_compress(payload, size, plain, EXTENT_UNENCODED, 1);
	if (ZSTD_isError(used))
		die(ZSTD_getErrorName(used));
}

size_t extent_fill_small(const unsigned char *plain, size_t size, unsigned char *payload,
			 size_t room)
{
	size_t used = ZSTD_compress(payload, room, plain, size, 1);

	if (ZSTD_isError(used))
		die(ZSTD_getErrorName(used));
	return used;
}

struct btrfs_ioctl_encoded_io_args extent_args(const struct iovec *iov, uint64_t offset)
{
	return (struct btrfs_ioctl_encoded_io_args){
		.iov = iov,
		.iovcnt = 1,
		.offset = (__s64)offset,
		.len = EXTENT_UNENCODED,
		.unencoded_len = EXTENT_UNENCODED,
		.compression = BTRFS_ENCODED_IO_COMPRESSION_ZSTD,
	};
}

bool extent_present(int fd, uint64_t offset, unsigned seed, size_t size)
{
	static unsigned char want[EXTENT_UNENCODED], got[EXTENT_UNENCODED];
	unsigned char *payload = malloc(size);

	if (!payload)
		die("no memory");
	extent_fill(seed, size, want, payload);
	free(payload);
	memset(got, 0, sizeof(got));
	if (pread(fd, got, sizeof(got), (off_t)offset) != (ssize_t)sizeof(got))
		return false;
	return !memcmp(want, got, sizeof(got));
}

bool extent_encoded(int fd, uint64_t offset)
{
	struct {
		struct fiemap map;
		struct fiemap_extent extent;
	} query = {
		.map = {.fm_start = offset, .fm_length = EXTENT_UNENCODED, .fm_extent_count = 1}};

	if (ioctl(fd, FS_IOC_FIEMAP, &query.map) || query.map.fm_mapped_extents != 1)
		return false;
	return query.extent.fe_flags & FIEMAP_EXTENT_ENCODED;
}

void prep_encoded_write(struct io_uring_sqe *sqe, int fd,
			const struct btrfs_ioctl_encoded_io_args *args)
{
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, args, 0, 0);
	sqe->off = 0;
	sqe->cmd_op = BTRFS_IOC_ENCODED_WRITE;
}

void prep_encoded_write_fixed(struct io_uring_sqe *sqe, int fd,
			      const struct btrfs_ioctl_encoded_io_args *args, unsigned index)
{
	prep_encoded_write(sqe, fd, args);
	sqe->rw_flags = (int)IORING_URING_CMD_FIXED;
	sqe->buf_index = (__u16)index;
}

int ring_run_one(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int ret = io_uring_submit(ring);

	if (ret < 0)
		return ret;
	ret = io_uring_wait_cqe(ring, &cqe);
	if (ret < 0)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

#define KEPT_MAX 256

int ring_result(struct io_uring *ring, uint64_t user_data)
{
	static struct {
		struct io_uring *ring;
		uint64_t user_data;
		int res;
	} kept[KEPT_MAX];
	static size_t count;
	struct io_uring_cqe *cqe;

	for (size_t i = 0; i < count; i++) {
		if (kept[i].ring == ring && kept[i].user_data == user_data) {
			int res = kept[i].res;

			kept[i] = kept[--count];
			return res;
		}
	}
	for (;;) {
		uint64_t found;
		int res, ret;

		ret = io_uring_wait_cqe(ring, &cqe);
		if (ret == -EINTR)
			continue;
		if (ret)
			die("io_uring_wait_cqe failed");
		found = cqe->user_data;
		res = cqe->res;
		io_uring_cqe_seen(ring, cqe);
		if (found == user_data)
			return res;
		if (count == KEPT_MAX)
			die("more completions kept than KEPT_MAX");
		kept[count].ring = ring;
		kept[count].user_data = found;
		kept[count++].res = res;
	}
}
