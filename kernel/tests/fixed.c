// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixed.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <cmocka.h>

unsigned char plain[EXTENT_UNENCODED], *arena;
struct io_uring ring;

int file_open(const char *dir, const char *name, int flags)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", getenv(dir), name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | flags, 0600);
	assert_true(fd >= 0);
	return fd;
}

unsigned char *arena_new(void)
{
	unsigned char *map =
		mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(map != MAP_FAILED);
	return map;
}

int group_start(void **state)
{
	struct iovec whole;

	(void)state;
	arena = arena_new();
	whole = (struct iovec){ arena, ARENA_SIZE };
	return io_uring_queue_init(4 * SLOTS, &ring, 0) ||
	       io_uring_register_buffers(&ring, &whole, 1);
}

int write_one(int fd, size_t at, size_t size, unsigned seed, uint64_t offset)
{
	struct iovec iov = { arena + at, size };
	struct btrfs_ioctl_encoded_io_args args = extent_args(&iov, offset);

	extent_fill(seed, size, plain, arena + at);
	prep_encoded_write_fixed(io_uring_get_sqe(&ring), fd, &args, 0);
	return ring_run_one(&ring);
}

int group_wanted(const char *name)
{
	if (!expected("uring")) {
		printf("%s: no registered buffers for commands on this kernel: skipped\n", name);
		return 1;
	}
	return getenv("FILES") && getenv("SLOW") && getenv("SLOWDISK") ? 0 : 99;
}
