// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who learns of a data write that the device failed? SLOW is a btrfs on the cutdisk SLOWDISK,
 * which fails what it is told to fail. Without the word "ioerr" in EXPECT the loss must be silent:
 * that is the control.
 */
#include "encoded.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cmocka.h>

#define PAYLOAD (64 * 1024)
#define WRITES	4
#define FAILING 2 /* the number of the write that fails */

static unsigned char plain[EXTENT_UNENCODED], *payload;
static struct io_uring ring;

static void disk_control(const char *name, const char *text)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", getenv("SLOWDISK"), name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int file_open(const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", getenv("SLOW"), name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

static void drop_caches(int fd)
{
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static ssize_t write_by(bool ring_used, int fd, const struct btrfs_ioctl_encoded_io_args *args)
{
	if (!ring_used)
		return ioctl(fd, BTRFS_IOC_ENCODED_WRITE, args) < 0 ? -errno : PAYLOAD;
	prep_encoded_write(io_uring_get_sqe(&ring), fd, args);
	return ring_run_one(&ring);
}

/*
 * Writes and syncs WRITES extents, one of which fails; returns the fsync errors seen. Where fsync does
 * not wait for the data, the error may come after it, and meet the next write or the next fsync.
 */
static unsigned errors_seen(const char *name, bool by_ring)
{
	struct iovec iov = {payload, PAYLOAD};
	unsigned errors = 0, holes = 0;
	int fd = file_open(name);

	for (unsigned i = 0; i < WRITES; i++) {
		struct btrfs_ioctl_encoded_io_args args =
			extent_args(&iov, (uint64_t)i * EXTENT_UNENCODED);
		ssize_t written;

		extent_fill(i, PAYLOAD, plain, payload);
		if (i == FAILING)
			disk_control("fail", "1 65536\n");
		written = write_by(by_ring, fd, &args);
		if (written == -EIO && i > FAILING && !expected("sync") && !expected("ownerr"))
			written = write_by(by_ring, fd, &args);
		assert_int_equal(written, PAYLOAD);
		if (fsync(fd)) {
			assert_int_equal(errno, EIO);
			assert_true(i == FAILING || (i > FAILING && !expected("sync")));
			errors++;
		}
	}
	/* An error is reported once, and the neighbours are good. */
	sleep(1);
	errors += fsync(fd) != 0;
	drop_caches(fd);
	for (unsigned i = 0; i < WRITES; i++) {
		if (!extent_present(fd, (uint64_t)i * EXTENT_UNENCODED, i, PAYLOAD)) {
			assert_int_equal(i, FAILING);
			holes++;
		}
	}
	assert_int_equal(holes, 1);
	printf("%s: %u writes, 1 failed on the device: %u fsync errors, %u holes\n", name, WRITES,
	       errors, holes);
	close(fd);
	return errors;
}

static void test_error_after_ioctl(void **state)
{
	(void)state;
	assert_int_equal(errors_seen("error-ioctl", false), expected("ioerr"));
}

static void test_error_after_command(void **state)
{
	(void)state;
	if (!expected("uring"))
		skip();
	assert_int_equal(errors_seen("error-command", true), expected("ioerr"));
}

/* An error that happened long before the fsync, when no ordered extent is left to look at. */
static void test_late_fsync(void **state)
{
	struct iovec iov = {payload, PAYLOAD};
	struct btrfs_ioctl_encoded_io_args args = extent_args(&iov, EXTENT_UNENCODED);
	int fd = file_open("late");

	(void)state;
	extent_fill(9, PAYLOAD, plain, payload);
	assert_int_equal(ioctl(fd, BTRFS_IOC_ENCODED_WRITE, &args), PAYLOAD);
	assert_int_equal(fsync(fd), 0);
	disk_control("fail", "1 65536\n");
	args.offset = 0;
	assert_int_equal(ioctl(fd, BTRFS_IOC_ENCODED_WRITE, &args), PAYLOAD);
	sleep(2);
	assert_int_equal(fsync(fd) ? errno : 0, expected("ioerr") ? EIO : 0);
	assert_int_equal(fsync(fd), 0);
	close(fd);
}

/* The write after a failed one: its own result, where EXPECT says "ownerr", else that error. */
static void test_next_write(void **state)
{
	struct iovec iov = {payload, PAYLOAD};
	struct btrfs_ioctl_encoded_io_args args = extent_args(&iov, 0);
	int fd = file_open("next"), ret;

	(void)state;
	extent_fill(9, PAYLOAD, plain, payload);
	disk_control("fail", "1 65536\n");
	assert_int_equal(ioctl(fd, BTRFS_IOC_ENCODED_WRITE, &args), PAYLOAD);
	sleep(2);
	args.offset = EXTENT_UNENCODED;
	ret = ioctl(fd, BTRFS_IOC_ENCODED_WRITE, &args);
	if (expected("ioerr") && !expected("ownerr")) {
		assert_int_equal(ret, -1);
		assert_int_equal(errno, EIO);
	} else {
		assert_int_equal(ret, PAYLOAD);
		assert_int_equal(fsync(fd) ? errno : 0, expected("ioerr") ? EIO : 0);
	}
	close(fd);
}

static void test_feature_file(void **state)
{
	(void)state;
	assert_int_equal(access("/sys/fs/btrfs/features/encoded_write_sync", R_OK) == 0,
			 expected("sync"));
	assert_int_equal(access("/sys/fs/btrfs/features/encoded_write_zero_copy", R_OK) == 0,
			 expected("fixed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_after_ioctl),
		cmocka_unit_test(test_error_after_command),
		cmocka_unit_test(test_late_fsync),
		cmocka_unit_test(test_next_write),
		cmocka_unit_test(test_feature_file),
	};

	payload = aligned_alloc(PAGE_BYTES, PAYLOAD);
	if (!payload || !getenv("SLOW") || !getenv("SLOWDISK") || io_uring_queue_init(8, &ring, 0))
		return 99;
	return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
