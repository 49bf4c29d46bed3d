// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Encoded writes while allocations fail, one in PROBABILITY per cent, in this process and in the
 * io-wq threads that it makes:
 *
 *	test-memory FILE PROBABILITY
 *
 * Every request must complete, with its payload's size or with an error that a caller can act on.
 * What was written must be there afterwards, whatever failed beside it. A failed allocation inside
 * a transaction makes btrfs read-only; that ends the run early and is no failure of the test.
 * memory.sh arms failslab and fail_page_alloc for tasks that are marked by /proc/self/make-it-fail.
 */
#include "encoded.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAYLOAD (24 * 1024)
#define WRITES	64

static struct btrfs_ioctl_encoded_io_args args[WRITES];
static struct iovec iov[WRITES];
static unsigned char plain[EXTENT_UNENCODED];
static int result[WRITES];

/* Again until it succeeds: disarming takes allocations too. */
static void put(const char *path, const char *text)
{
	for (unsigned tries = 0; tries < 1000; tries++) {
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		bool done = fd >= 0 && write(fd, text, strlen(text)) > 0;

		if (fd >= 0)
			close(fd);
		if (done)
			return;
		if (errno != ENOMEM)
			break;
	}
	perror(path);
	exit(99);
}

static void arm(const char *probability)
{
	put("/sys/kernel/debug/failslab/probability", probability);
	put("/sys/kernel/debug/fail_page_alloc/probability", probability);
}

/* -ECANCELED: io_uring had no memory for its workers. */
static bool acceptable(int res)
{
	return res == PAYLOAD || res == -ENOMEM || res == -EIO || res == -EROFS || res == -EAGAIN ||
	       res == -EFAULT || res == -ECANCELED;
}

int main(int argc, char **argv)
{
	unsigned char *arena = mmap(NULL, (size_t)WRITES * PAYLOAD, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	struct iovec whole = {arena, (size_t)WRITES * PAYLOAD};
	unsigned written = 0, refused = 0, bad = 0;
	struct io_uring ring;
	int fd;

	if (argc != 3 || arena == MAP_FAILED)
		return 2;
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	put("/proc/self/make-it-fail", "1");
	if (fd < 0 || io_uring_queue_init(WRITES, &ring, 0) ||
	    io_uring_register_buffers(&ring, &whole, 1))
		return 99;
	for (unsigned i = 0; i < WRITES; i++) {
		iov[i] = (struct iovec){arena + (size_t)i * PAYLOAD, PAYLOAD};
		args[i] = extent_args(&iov[i], (uint64_t)i * EXTENT_UNENCODED);
		extent_fill(i, PAYLOAD, plain, iov[i].iov_base);
	}
	arm(argv[2]);
	for (unsigned i = 0; i < WRITES; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		/* Plain and registered ones in turn. */
		if (expected("fixed") && i % 2)
			prep_encoded_write_fixed(sqe, fd, &args[i], 0);
		else
			prep_encoded_write(sqe, fd, &args[i]);
		sqe->user_data = i;
	}
	for (unsigned left = WRITES; left;) {
		int n = io_uring_submit(&ring);

		if (n > 0)
			left -= (unsigned)n < left ? (unsigned)n : left;
		else if (n != -ENOMEM && n != -EAGAIN)
			break;
	}
	for (unsigned i = 0; i < WRITES; i++)
		result[i] = ring_result(&ring, i);
	arm("0");
	for (unsigned i = 0; i < WRITES; i++) {
		if (!acceptable(result[i])) {
			fprintf(stderr, "test-memory: write %u: %s\n", i, strerror(-result[i]));
			bad++;
		}
		if (result[i] != PAYLOAD)
			refused++;
		else if (extent_present(fd, args[i].offset, i, PAYLOAD))
			written++;
	}
	/* Read-only by now? Then the cache of what is not on disk is no measure. */
	if (fsync(fd) == 0 && written + refused != WRITES) {
		fprintf(stderr, "test-memory: %u writes succeeded and are not there\n",
			WRITES - written - refused);
		bad++;
	}
	printf("memory: %s %% of allocations fail: %u written, %u refused, %u bad\n", argv[2],
	       written, refused, bad);
	io_uring_queue_exit(&ring);
	return !!bad;
}
