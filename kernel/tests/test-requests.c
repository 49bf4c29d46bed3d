// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The encoded write as a request among others: iovecs, links, cancellation, fork, rings that go
 * away. FILES is a directory on btrfs; SLOW one on a cutdisk whose data writes take 200 ms, and
 * SLOWDISK that cutdisk's directory, so that "in flight" is not a matter of luck.
 */
#include "encoded.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define PAYLOAD (64 * 1024)
#define WRITES	16

struct batch {
	struct btrfs_ioctl_encoded_io_args args[WRITES];
	struct iovec iov[WRITES];
	unsigned char payload[WRITES][PAYLOAD];
};

static unsigned char plain[EXTENT_UNENCODED];
static struct batch *batch;
static struct io_uring ring;

static int file_open(const char *dir, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", getenv(dir), name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

static void batch_fill(void)
{
	for (unsigned i = 0; i < WRITES; i++) {
		batch->iov[i] = (struct iovec){batch->payload[i], PAYLOAD};
		batch->args[i] = extent_args(&batch->iov[i], (uint64_t)i * EXTENT_UNENCODED);
		extent_fill(i, PAYLOAD, plain, batch->payload[i]);
	}
}

static struct io_uring_sqe *batch_prep(struct io_uring *on, int fd, unsigned i, unsigned flags)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(on);

	assert_non_null(sqe);
	prep_encoded_write(sqe, fd, &batch->args[i]);
	sqe->flags |= flags;
	sqe->user_data = i;
	return sqe;
}

/* Each range holds its extent or nothing at all: no half, no neighbour's. */
static unsigned batch_present(int fd)
{
	static const unsigned char zeros[EXTENT_UNENCODED];
	static unsigned char got[EXTENT_UNENCODED];
	unsigned present = 0;

	for (unsigned i = 0; i < WRITES; i++) {
		uint64_t offset = (uint64_t)i * EXTENT_UNENCODED;
		ssize_t n;

		if (extent_present(fd, offset, i, PAYLOAD)) {
			present |= 1u << i;
			continue;
		}
		n = pread(fd, got, sizeof(got), (off_t)offset);
		assert_true(n >= 0);
		assert_memory_equal(got, zeros, (size_t)n);
	}
	return present;
}

static void test_iovecs(void **state)
{
	struct iovec iov[12];
	int fd = file_open("FILES", "iovecs");

	(void)state;
	/* More than UIO_FASTIOV pieces, none of them aligned. */
	batch_fill();
	for (unsigned i = 0, at = 0; i < 12; i++) {
		unsigned len = i == 11 ? PAYLOAD - at : 1001 + 333 * i;

		iov[i] = (struct iovec){batch->payload[0] + at, len};
		at += len;
	}
	batch->args[0].iov = iov;
	batch->args[0].iovcnt = 12;
	batch_prep(&ring, fd, 0, 0);
	assert_int_equal(ring_run_one(&ring), PAYLOAD);
	assert_true(extent_present(fd, 0, 0, PAYLOAD));
	assert_true(extent_encoded(fd, 0));
	close(fd);
}

static void test_bookend(void **state)
{
	static unsigned char got[EXTENT_UNENCODED];
	int fd = file_open("FILES", "bookend");

	(void)state;
	batch_fill();
	batch->args[0].unencoded_offset = 2 * PAGE_BYTES;
	batch->args[0].len = 3 * PAGE_BYTES;
	batch_prep(&ring, fd, 0, 0);
	assert_int_equal(ring_run_one(&ring), PAYLOAD);
	extent_fill(0, PAYLOAD, plain, batch->payload[0]);
	assert_int_equal(pread(fd, got, sizeof(got), 0), 3 * PAGE_BYTES);
	assert_memory_equal(got, plain + 2 * PAGE_BYTES, 3 * PAGE_BYTES);
	close(fd);
}

static void test_inline(void **state)
{
	static unsigned char small[2000] = {1}, got[2000];
	struct iovec iov = {batch->payload[0], 0};
	struct btrfs_ioctl_encoded_io_args args;
	int fd = file_open("FILES", "inline");

	(void)state;
	iov.iov_len = extent_fill_small(small, sizeof(small), batch->payload[0], PAYLOAD);
	args = extent_args(&iov, 0);
	args.len = args.unencoded_len = sizeof(small);
	prep_encoded_write(io_uring_get_sqe(&ring), fd, &args);
	assert_int_equal(ring_run_one(&ring), (int)iov.iov_len);
	assert_int_equal(pread(fd, got, sizeof(got), 0), sizeof(got));
	assert_memory_equal(got, small, sizeof(got));
	close(fd);
}

static void test_link(void **state)
{
	int fd = file_open("FILES", "link");

	(void)state;
	batch_fill();
	batch->args[2].flags = 1; /* refused */
	for (unsigned i = 0; i < 5; i++)
		batch_prep(&ring, fd, i, i < 4 ? IOSQE_IO_LINK : 0);
	assert_int_equal(io_uring_submit(&ring), 5);
	assert_int_equal(ring_result(&ring, 0), PAYLOAD);
	assert_int_equal(ring_result(&ring, 1), PAYLOAD);
	assert_int_equal(ring_result(&ring, 2), -EINVAL);
	assert_int_equal(ring_result(&ring, 3), -ECANCELED);
	assert_int_equal(ring_result(&ring, 4), -ECANCELED);
	assert_int_equal(batch_present(fd), 0x3);
	close(fd);
}

static void test_hard_link(void **state)
{
	int fd = file_open("FILES", "hardlink");

	(void)state;
	batch_fill();
	batch->args[2].flags = 1;
	for (unsigned i = 0; i < 5; i++)
		batch_prep(&ring, fd, i, i < 4 ? IOSQE_IO_HARDLINK : 0);
	assert_int_equal(io_uring_submit(&ring), 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(ring_result(&ring, i), i == 2 ? -EINVAL : PAYLOAD);
	assert_int_equal(batch_present(fd), 0x1b);
	close(fd);
}

/* After submission the ring's entries are the application's again. */
static void test_entries_reused(void **state)
{
	for (unsigned flags = 0; flags <= IOSQE_IO_LINK; flags += IOSQE_IO_LINK) {
		int fd = file_open("FILES", "reused");

		(void)state;
		batch_fill();
		for (unsigned i = 0; i < 8; i++)
			batch_prep(&ring, fd, i, i < 7 ? flags : 0);
		assert_int_equal(io_uring_submit(&ring), 8);
		memset(ring.sq.sqes, 0xff, *ring.sq.kring_entries * sizeof(*ring.sq.sqes));
		for (unsigned i = 0; i < 8; i++)
			assert_int_equal(ring_result(&ring, i), PAYLOAD);
		assert_int_equal(batch_present(fd), 0xff);
		close(fd);
	}
}

/* A write that was cancelled is not there, one that was not is; which is which is a race. */
static void test_cancel(void **state)
{
	unsigned written = 0;
	int fd = file_open("FILES", "cancel");

	(void)state;
	batch_fill();
	for (unsigned i = 0; i < WRITES; i++)
		batch_prep(&ring, fd, i, IOSQE_ASYNC);
	assert_int_equal(io_uring_submit(&ring), WRITES);
	for (unsigned i = WRITES; i-- > 0;) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		io_uring_prep_cancel64(sqe, i, 0);
		sqe->user_data = 100 + i;
	}
	io_uring_submit(&ring);
	for (unsigned i = 0; i < WRITES; i++) {
		int res = ring_result(&ring, i), cancel = ring_result(&ring, 100 + i);

		assert_true(res == PAYLOAD || res == -ECANCELED || res == -EINTR);
		assert_true(cancel == 0 || cancel == -ENOENT || cancel == -EALREADY);
		if (res == PAYLOAD)
			written |= 1u << i;
	}
	assert_int_equal(batch_present(fd), written);
	close(fd);
}

/* The child changes its copy of the payload while the parent's writes wait for their worker. */
static void test_fork(void **state)
{
	int fd = file_open("FILES", "fork"), status;
	pid_t pid;

	(void)state;
	batch_fill();
	for (unsigned i = 0; i < WRITES; i++)
		batch_prep(&ring, fd, i, IOSQE_ASYNC);
	assert_int_equal(io_uring_submit(&ring), WRITES);
	pid = fork();
	if (!pid) {
		memset(batch->payload, 0xee, sizeof(batch->payload));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (unsigned i = 0; i < WRITES; i++)
		assert_int_equal(ring_result(&ring, i), PAYLOAD);
	assert_int_equal(batch_present(fd), 0xffff);
	close(fd);
}

static void test_ring_exit(void **state)
{
	struct io_uring own;
	int fd = file_open("SLOW", "exit");

	(void)state;
	batch_fill();
	assert_int_equal(io_uring_queue_init(WRITES, &own, 0), 0);
	for (unsigned i = 0; i < WRITES; i++)
		batch_prep(&own, fd, i, 0);
	assert_int_equal(io_uring_submit(&own), WRITES);
	io_uring_queue_exit(&own);
	assert_int_equal(fsync(fd), 0);
	batch_present(fd);
	close(fd);
}

/* The same by a kill, with the payload's memory going away too. */
static void test_killed(void **state)
{
	int fd = file_open("SLOW", "killed"), status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		struct io_uring own;

		batch_fill();
		if (io_uring_queue_init(WRITES, &own, 0))
			_exit(1);
		for (unsigned i = 0; i < WRITES; i++)
			batch_prep(&own, fd, i, i % 2 ? IOSQE_ASYNC : 0);
		io_uring_submit(&own);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(fsync(fd), 0);
	batch_present(fd);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iovecs),	  cmocka_unit_test(test_bookend),
		cmocka_unit_test(test_inline),	  cmocka_unit_test(test_link),
		cmocka_unit_test(test_hard_link), cmocka_unit_test(test_entries_reused),
		cmocka_unit_test(test_cancel),	  cmocka_unit_test(test_fork),
		cmocka_unit_test(test_ring_exit), cmocka_unit_test(test_killed),
	};

	if (!expected("uring")) {
		puts("requests: no operation on this kernel: skipped");
		return 0;
	}
	batch = mmap(NULL, sizeof(*batch), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	if (batch == MAP_FAILED || !getenv("FILES") || !getenv("SLOW") ||
	    io_uring_queue_init(2 * WRITES, &ring, 0))
		return 99;
	return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
