// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What becomes of writes from a registered buffer that are in flight: the buffer unregistered and
 * unmapped, the ring gone, the process killed, the content changed. FILES, SLOW and SLOWDISK as in
 * test-fixed.c.
 */
#include "fixed.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* SLOTS writes in flight from a buffer of @own that the caller then takes away somehow. */
static void in_flight(struct io_uring *own, unsigned char *from, int fd,
		      struct btrfs_ioctl_encoded_io_args *args, struct iovec *iov)
{
	struct iovec whole = { from, ARENA_SIZE };

	assert_int_equal(io_uring_queue_init(2 * SLOTS, own, 0), 0);
	assert_int_equal(io_uring_register_buffers(own, &whole, 1), 0);
	for (unsigned i = 0; i < SLOTS; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(own);

		iov[i] = (struct iovec){ from + (size_t)i * SLOT_SIZE, PAYLOAD };
		extent_fill(i, PAYLOAD, plain, iov[i].iov_base);
		args[i] = extent_args(&iov[i], (uint64_t)i * EXTENT_UNENCODED);
		prep_encoded_write_fixed(sqe, fd, &args[i], 0);
		sqe->user_data = i;
	}
	assert_int_equal(io_uring_submit(own), SLOTS);
	usleep(DELAY_MS * 1000 / 2); /* on their way to the device by now */
}

static void test_unregistered_in_flight(void **state)
{
	struct btrfs_ioctl_encoded_io_args args[SLOTS];
	struct iovec iov[SLOTS];
	struct io_uring own;
	unsigned char *from = arena_new();
	int fd = file_open("SLOW", "unregistered", 0), done = 0;

	(void)state;
	in_flight(&own, from, fd, args, iov);
	assert_int_equal(io_uring_unregister_buffers(&own), 0);
	munmap(from, ARENA_SIZE);
	for (unsigned i = 0; i < SLOTS; i++) {
		int res = ring_result(&own, i);

		/* One that was not issued yet finds no buffer, or none mapped. */
		assert_true(res == PAYLOAD || res == -EFAULT);
		if (res == PAYLOAD) {
			assert_true(extent_present(fd, args[i].offset, i, PAYLOAD));
			done++;
		}
	}
	printf("unregistered and unmapped with %d of %d writes in flight\n", done, SLOTS);
	assert_true(done > 0);
	io_uring_queue_exit(&own);
	close(fd);
}

static void test_ring_exit_in_flight(void **state)
{
	struct btrfs_ioctl_encoded_io_args args[SLOTS];
	struct iovec iov[SLOTS];
	struct io_uring own;
	unsigned char *from = arena_new();
	int fd = file_open("SLOW", "ring-exit", 0);
	unsigned present = 0;

	(void)state;
	in_flight(&own, from, fd, args, iov);
	io_uring_queue_exit(&own);
	munmap(from, ARENA_SIZE);
	usleep(3 * DELAY_MS * 1000);
	assert_int_equal(fsync(fd), 0);
	for (unsigned i = 0; i < SLOTS; i++)
		present += extent_present(fd, (uint64_t)i * EXTENT_UNENCODED, i, PAYLOAD);
	printf("ring gone with %u of %u writes in flight\n", present, SLOTS);
	close(fd);
}

/* A child is killed with writes in flight; a fork of it must not share the pinned pages. */
static void test_killed_in_flight(void **state)
{
	int fd = file_open("SLOW", "killed", 0), status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		struct btrfs_ioctl_encoded_io_args args[SLOTS];
		struct iovec iov[SLOTS];
		struct io_uring own;
		unsigned char *from = arena_new();

		in_flight(&own, from, fd, args, iov);
		if (!fork()) {
			memset(from, 0x55, ARENA_SIZE);
			_exit(0);
		}
		wait(NULL);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	usleep(3 * DELAY_MS * 1000);
	assert_int_equal(fsync(fd), 0);
	for (unsigned i = 0; i < SLOTS; i++) {
		uint64_t offset = (uint64_t)i * EXTENT_UNENCODED;

		if (extent_encoded(fd, offset))
			assert_true(extent_present(fd, offset, i, PAYLOAD));
	}
	close(fd);
}

/* What a caller that changes the buffer during the write can do: spoil this extent, no more. */
static void test_changed_in_flight(void **state)
{
	int fd = file_open("SLOW", "changed", 0), good = 0;
	struct iovec iov = { arena, PAYLOAD };
	struct btrfs_ioctl_encoded_io_args args = extent_args(&iov, EXTENT_UNENCODED);

	(void)state;
	if (!expected("fixed"))
		skip();
	assert_int_equal(write_one(fd, 0, PAYLOAD, 0, 0), PAYLOAD);
	extent_fill(1, PAYLOAD, plain, arena);
	prep_encoded_write_fixed(io_uring_get_sqe(&ring), fd, &args, 0);
	assert_int_equal(io_uring_submit(&ring), 1);
	for (unsigned i = 0; i < 200; i++) {
		arena[i * 300] ^= 0xff;
		usleep(1000);
	}
	assert_int_equal(ring_result(&ring, 0), PAYLOAD);
	assert_int_equal(write_one(fd, SLOT_SIZE, PAYLOAD, 2, 2 * EXTENT_UNENCODED), PAYLOAD);
	assert_int_equal(fsync(fd), 0);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	good = extent_present(fd, EXTENT_UNENCODED, 1, PAYLOAD);
	assert_true(extent_present(fd, 0, 0, PAYLOAD));
	assert_true(extent_present(fd, 2 * EXTENT_UNENCODED, 2, PAYLOAD));
	printf("buffer changed during the write: the extent reads %s, its neighbours are good\n",
	       good ? "as submitted" : "spoilt");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unregistered_in_flight),
		cmocka_unit_test(test_ring_exit_in_flight),
		cmocka_unit_test(test_killed_in_flight),
		cmocka_unit_test(test_changed_in_flight),
	};
	int wanted = group_wanted("flight");

	if (wanted)
		return wanted == 1 ? 0 : wanted;
	return cmocka_run_group_tests_name("flight", tests, group_start, NULL);
}
