// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "buffers.h"

#define BUFFERS_MAX 1024

struct buffers {
	int ring_fd;
	bool taken[BUFFERS_MAX];
};

static int buffers_register(int ring_fd, unsigned int op, const void *arg, unsigned int n)
{
	return syscall(__NR_io_uring_register, ring_fd, op, arg, n) < 0 ? -errno : 0;
}

int buffers_new(int ring_fd, struct buffers **out)
{
	struct io_uring_rsrc_register table = { .nr = BUFFERS_MAX,
						.flags = IORING_RSRC_REGISTER_SPARSE };
	struct buffers *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->ring_fd = ring_fd;
	r = buffers_register(ring_fd, IORING_REGISTER_BUFFERS2, &table, sizeof(table));
	if (r < 0) {
		free(b);
		return r;
	}
	*out = b;
	return 0;
}

void buffers_free(struct buffers *b)
{
	free(b);
}

static int buffers_set(struct buffers *b, unsigned int number, struct iovec iov)
{
	uint64_t tag = 0;
	struct io_uring_rsrc_update2 update = {
		.offset = number, .data = (uintptr_t)&iov, .tags = (uintptr_t)&tag, .nr = 1
	};

	return buffers_register(b->ring_fd, IORING_REGISTER_BUFFERS_UPDATE, &update,
				sizeof(update));
}

int buffers_add(struct buffers *b, void *base, uint64_t bytes)
{
	unsigned int number = 0;
	int r;

	while (number < BUFFERS_MAX && b->taken[number])
		number++;
	if (number == BUFFERS_MAX)
		return -ENOSPC;
	r = buffers_set(b, number, (struct iovec){ .iov_base = base, .iov_len = bytes });
	if (r < 0)
		return r;
	b->taken[number] = true;
	return (int)number;
}

void buffers_remove(struct buffers *b, int number)
{
	buffers_set(b, (unsigned int)number, (struct iovec){ 0 });
	b->taken[number] = false;
}
