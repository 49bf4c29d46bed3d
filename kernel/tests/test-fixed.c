// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Encoded writes from registered buffers. FILES: a directory on a quick btrfs; SLOW: one on the
 * cutdisk SLOWDISK, whose data writes take 200 ms.
 *
 * Where EXPECT lacks the word "fixed" the kernel must ignore the flag, down to accepting an index
 * that does not exist. With the word "bufindex" io_uring itself refuses such an index, whatever
 * the file system makes of the flag (6.12): there the index tells a program nothing.
 */
#include "fixed.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define NO_SUCH_BUF 77

static void test_layouts(void **state)
{
	static const struct {
		size_t at, size;
	} layouts[] = {
		{ 0, PAYLOAD },			 /* full pages only */
		{ PAGE_BYTES, PAYLOAD + 1 },	 /* a tail of one byte */
		{ 3 * PAGE_BYTES, PAYLOAD - 1 }, /* a tail of a page less a byte */
		{ 0, 120 * 1024 },
		{ 0, EXTENT_UNENCODED - 4096 },
		{ 2 * PAGE_BYTES, PAGE_BYTES },
		{ 2 * PAGE_BYTES, PAGE_BYTES - 1 }, /* nothing but a tail */
		{ 1, PAYLOAD },			    /* off the page boundary: copied */
		{ 512, PAYLOAD + 512 },
		{ SLOT_SIZE * (SLOTS - 1), EXTENT_UNENCODED - 4096 },
	};
	int fd = file_open("FILES", "layouts", 0);

	(void)state;
	for (unsigned i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		uint64_t offset = (uint64_t)i * EXTENT_UNENCODED;

		assert_int_equal(write_one(fd, layouts[i].at, layouts[i].size, i, offset),
				 layouts[i].size);
	}
	assert_int_equal(fsync(fd), 0);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	for (unsigned i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		uint64_t offset = (uint64_t)i * EXTENT_UNENCODED;

		assert_true(extent_present(fd, offset, i, layouts[i].size));
		assert_true(extent_encoded(fd, offset));
	}
	close(fd);
}

static void test_pieces(void **state)
{
	struct iovec iov[3] = { { arena, 8 * PAGE_BYTES },
				{ arena + 20 * PAGE_BYTES, 7 * PAGE_BYTES },
				{ arena + 40 * PAGE_BYTES, PAGE_BYTES + 100 } };
	unsigned char *whole = malloc(PAYLOAD + 100);
	struct btrfs_ioctl_encoded_io_args args = extent_args(iov, 0);
	int fd = file_open("FILES", "pieces", 0);

	(void)state;
	args.iovcnt = 3;
	extent_fill(5, PAYLOAD + 100, plain, whole);
	for (unsigned i = 0, at = 0; i < 3; at += iov[i++].iov_len)
		memcpy(iov[i].iov_base, whole + at, iov[i].iov_len);
	free(whole);
	prep_encoded_write_fixed(io_uring_get_sqe(&ring), fd, &args, 0);
	assert_int_equal(ring_run_one(&ring), PAYLOAD + 100);
	assert_true(extent_present(fd, 0, 5, PAYLOAD + 100));
	close(fd);
}

static void test_inline_extent(void **state)
{
	static unsigned char small[3000] = { 7 }, got[3000];
	struct iovec iov = { arena, extent_fill_small(small, sizeof(small), arena, PAYLOAD) };
	struct btrfs_ioctl_encoded_io_args args = extent_args(&iov, 0);
	int fd = file_open("FILES", "inline-fixed", 0);

	(void)state;
	args.len = args.unencoded_len = sizeof(small);
	prep_encoded_write_fixed(io_uring_get_sqe(&ring), fd, &args, 0);
	assert_int_equal(ring_run_one(&ring), (int)iov.iov_len);
	assert_int_equal(pread(fd, got, sizeof(got), 0), sizeof(got));
	assert_memory_equal(got, small, sizeof(got));
	close(fd);
}

static void test_refused(void **state)
{
	struct iovec iov = { arena, PAYLOAD };
	struct btrfs_ioctl_encoded_io_args args = extent_args(&iov, 0);
	int fd = file_open("FILES", "refused", 0);
	bool fixed = expected("fixed");

	(void)state;
	extent_fill(1, PAYLOAD, plain, arena);
	prep_encoded_write_fixed(io_uring_get_sqe(&ring), fd, &args, NO_SUCH_BUF);
	assert_int_equal(ring_run_one(&ring), fixed || expected("bufindex") ? -EFAULT : PAYLOAD);
	if (fixed) {
		iov.iov_base = plain; /* not in the buffer */
		prep_encoded_write_fixed(io_uring_get_sqe(&ring), fd, &args, 0);
		assert_int_equal(ring_run_one(&ring), -EFAULT);
		iov.iov_base = arena + ARENA_SIZE - PAGE_BYTES; /* over its end */
		prep_encoded_write_fixed(io_uring_get_sqe(&ring), fd, &args, 0);
		assert_int_equal(ring_run_one(&ring), -EFAULT);
		args.iovcnt = 1025;
		prep_encoded_write_fixed(io_uring_get_sqe(&ring), fd, &args, 0);
		assert_int_equal(ring_run_one(&ring), -EINVAL);
		args.iovcnt = 1UL << 32;
		prep_encoded_write_fixed(io_uring_get_sqe(&ring), fd, &args, 0);
		assert_int_equal(ring_run_one(&ring), -EINVAL);
	}
	close(fd);
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* With "fixed" the completion waits for the device, else it does not. */
static void test_completion_means_written(void **state)
{
	int fd = file_open("SLOW", "completion", 0);
	long took = milliseconds();

	(void)state;
	assert_int_equal(write_one(fd, 0, PAYLOAD, 3, 0), PAYLOAD);
	took = milliseconds() - took;
	printf("registered buffer, device delay %d ms: completion after %ld ms\n", DELAY_MS, took);
	if (expected("fixed"))
		assert_true(took >= DELAY_MS);
	else
		assert_true(took < DELAY_MS);
	assert_int_equal(fsync(fd), 0);
	close(fd);
}

/* ... and its result is that write's. */
static void test_own_error(void **state)
{
	char control[512];
	int fd = file_open("SLOW", "own-error", 0), fail;

	(void)state;
	if (!expected("fixed"))
		skip();
	snprintf(control, sizeof(control), "%s/fail", getenv("SLOWDISK"));
	fail = open(control, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write_one(fd, 0, PAYLOAD, 0, 0), PAYLOAD);
	assert_int_equal(write(fail, "1 65536\n", 8), 8);
	assert_int_equal(write_one(fd, 0, PAYLOAD, 1, EXTENT_UNENCODED), -EIO);
	assert_int_equal(write_one(fd, 0, PAYLOAD, 2, 2 * EXTENT_UNENCODED), PAYLOAD);
	assert_int_equal(fsync(fd), -1);
	assert_int_equal(errno, EIO);
	assert_true(extent_present(fd, 0, 0, PAYLOAD));
	assert_true(extent_present(fd, 2 * EXTENT_UNENCODED, 2, PAYLOAD));
	close(fail);
	close(fd);
}

static void test_dsync(void **state)
{
	int fd = file_open("SLOW", "dsync", O_DSYNC);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(write_one(fd, 0, PAYLOAD, i, (uint64_t)i * EXTENT_UNENCODED),
				 PAYLOAD);
	for (unsigned i = 0; i < 3; i++)
		assert_true(extent_present(fd, (uint64_t)i * EXTENT_UNENCODED, i, PAYLOAD));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_inline_extent),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_completion_means_written),
		cmocka_unit_test(test_own_error),
		cmocka_unit_test(test_dsync),
	};
	int wanted = group_wanted("fixed");

	if (wanted)
		return wanted == 1 ? 0 : wanted;
	return cmocka_run_group_tests_name("fixed", tests, group_start, NULL);
}
