// SPDX-License-Identifier: GPL-2.0-or-later
/* The restore's second thread: its limits, its order, what it reports, and when it wakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "restore/lane.h"
#include "restore/limits.h"

#define PAYLOAD RESTORE_SMALL_BYTES

static uint8_t payload[PAYLOAD];

static struct restore_file *name_of(uintptr_t i)
{
	return (struct restore_file *)i; /* only handed through */
}

/* No btrfs: the kernel refuses every encoded write. */
static int file_make(void)
{
	int fd = memfd_create("lane", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void put(struct lane *lane, int fd, uintptr_t i, uint32_t size)
{
	struct extent_write w = {
		.payload = payload,
		.payload_len = size,
		.len = 131072,
		.unencoded_len = 131072,
		.compression = EXTENT_ZSTD,
	};

	assert_int_equal(lane_put(lane, name_of(i), fd, &w), 0);
}

static int take(struct lane *lane, uintptr_t i)
{
	struct lane_work *l = lane_take(lane, true);
	int result;

	assert_non_null(l);
	assert_ptr_equal(l->file, name_of(i));
	result = l->result;
	lane_drop(lane, l);
	return result;
}

static void is_full_of_works(void **state)
{
	struct lane *lane;
	int fd = file_make();

	assert_int_equal(lane_new(PAYLOAD_NONE, &lane), 0);
	assert_false(lane_busy(lane));
	assert_null(lane_take(lane, true)); /* nothing to wait for */
	for (uintptr_t i = 0; i < RESTORE_LANE_WORKS; i++) {
		assert_false(lane_full(lane));
		put(lane, fd, i, 1);
	}
	assert_true(lane_full(lane));
	for (uintptr_t i = 0; i < RESTORE_LANE_WORKS; i++) {
		assert_int_equal(take(lane, i), -ENOTTY);
		assert_false(lane_full(lane));
	}
	assert_false(lane_busy(lane));
	lane_free(lane);
	close(fd);
}

static void is_full_of_bytes(void **state)
{
	struct lane *lane;
	int fd = file_make();
	uintptr_t n = 0;

	assert_int_equal(lane_new(PAYLOAD_NONE, &lane), 0);
	for (; n < RESTORE_LANE_BYTES / PAYLOAD; n++) {
		assert_false(lane_full(lane));
		put(lane, fd, n, PAYLOAD);
	}
	assert_true(lane_full(lane));
	assert_int_equal(take(lane, 0), -ENOTTY);
	assert_false(lane_full(lane));
	lane_free(lane); /* with work under way */
	close(fd);
}

/* Only where decoding is what takes the time. */
static void is_behind_with_decoding(void **state)
{
	static const enum payload_level levels[] = { PAYLOAD_NONE, PAYLOAD_STRUCTURE,
						     PAYLOAD_FULL };
	int fd = file_make();

	for (size_t k = 0; k < sizeof(levels) / sizeof(*levels); k++) {
		struct lane *lane;

		assert_int_equal(lane_new(levels[k], &lane), 0);
		for (uintptr_t i = 0; i < RESTORE_LANE_DECODED / PAYLOAD; i++) {
			assert_false(lane_behind(lane));
			put(lane, fd, i, PAYLOAD);
		}
		assert_int_equal(lane_behind(lane), levels[k] == PAYLOAD_FULL);
		assert_int_equal(take(lane, 0), levels[k] ? PAYLOAD_BAD : -ENOTTY);
		assert_false(lane_behind(lane));
		lane_free(lane);
	}
	close(fd);
}

static void an_end_sets_the_times_and_closes(void **state)
{
	static const struct timespec times[2] = { { 1000000000, 1 }, { 1100000000, 2 } };
	int fd = file_make(), kept = dup(fd), path = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	struct lane *lane;
	struct stat st;

	assert_int_equal(lane_new(PAYLOAD_NONE, &lane), 0);
	assert_int_equal(lane_end(lane, name_of(1), fd, times), 0);
	assert_int_equal(lane_end(lane, name_of(2), path, times), 0); /* which can't be set there */
	assert_int_equal(take(lane, 1), 0);
	assert_int_equal(take(lane, 2), -EBADF);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(fcntl(path, F_GETFD), -1);
	assert_int_equal(fstat(kept, &st), 0);
	assert_int_equal(st.st_atim.tv_sec, 1000000000);
	assert_int_equal(st.st_mtim.tv_sec, 1100000000);
	assert_int_equal(st.st_mtim.tv_nsec, 2);
	lane_free(lane);
	close(kept);
}

static void plain_bytes_are_written(void **state)
{
	static const uint8_t bytes[4] = { 1, 2, 3, 4 };
	int fd = file_make(), path = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	struct extent_write w = {
		.payload = bytes,
		.payload_len = sizeof(bytes),
		.offset = 8,
		.len = sizeof(bytes),
		.unencoded_len = sizeof(bytes),
		.compression = EXTENT_NONE,
	};
	struct lane *lane;
	uint8_t now[16];

	assert_int_equal(lane_new(PAYLOAD_FULL, &lane), 0);
	assert_int_equal(lane_put(lane, name_of(1), fd, &w), 0);
	assert_int_equal(lane_put(lane, name_of(2), path, &w), 0);
	assert_int_equal(take(lane, 1), 0);
	assert_int_equal(take(lane, 2), -EBADF);
	assert_int_equal(pread(fd, now, sizeof(now), 0), 12);
	assert_memory_equal(now + 8, bytes, sizeof(bytes));
	lane_free(lane);
	close(path);
	close(fd);
}

/* Up to RESTORE_LANE_ROOM a piece of work is used again, beyond it is made for its payload; in
 * turns, so that one that was too small for the next would be noticed. */
static void payloads_about_as_large_as_its_room(void **state)
{
	static const uint32_t sizes[] = { RESTORE_LANE_ROOM, RESTORE_LANE_ROOM + 1,
					  RESTORE_LANE_ROOM - 1, PAYLOAD, RESTORE_LANE_ROOM };
	static uint8_t now[PAYLOAD];
	struct lane *lane;
	int fd = file_make();

	assert_int_equal(lane_new(PAYLOAD_FULL, &lane), 0);
	for (uintptr_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		struct extent_write w = { .payload = payload,
					  .payload_len = sizes[i % ARRAY_SIZE(sizes)],
					  .len = sizes[i % ARRAY_SIZE(sizes)],
					  .unencoded_len = sizes[i % ARRAY_SIZE(sizes)],
					  .compression = EXTENT_NONE };

		memset(payload, (int)i + 1, w.payload_len);
		assert_int_equal(lane_put(lane, name_of(i), fd, &w), 0);
		memset(payload, 0, w.payload_len); /* it was copied */
		assert_int_equal(take(lane, i), 0);
		assert_int_equal(pread(fd, now, w.payload_len, 0), w.payload_len);
		for (uint32_t at = 0; at < w.payload_len; at++)
			assert_int_equal(now[at], i + 1);
	}
	lane_free(lane);
	close(fd);
}

/* A batch is worth waking for; nobody asks for it. */
static void a_batch_wakes_it(void **state)
{
	int fds[RESTORE_LANE_BATCH];
	struct lane *lane;
	int left = RESTORE_LANE_BATCH;

	assert_int_equal(lane_new(PAYLOAD_NONE, &lane), 0);
	usleep(100000); /* asleep by now */
	for (uintptr_t i = 0; i < RESTORE_LANE_BATCH; i++) {
		fds[i] = file_make();
		assert_int_equal(lane_end(lane, name_of(i), fds[i], NULL), 0);
	}
	for (int tries = 0; tries < 1000 && left; tries++) {
		usleep(10000);
		left = 0;
		for (int i = 0; i < RESTORE_LANE_BATCH; i++)
			left += fcntl(fds[i], F_GETFD) >= 0;
	}
	assert_int_equal(left, 0);
	lane_free(lane);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_full_of_works),
		cmocka_unit_test(is_full_of_bytes),
		cmocka_unit_test(is_behind_with_decoding),
		cmocka_unit_test(an_end_sets_the_times_and_closes),
		cmocka_unit_test(plain_bytes_are_written),
		cmocka_unit_test(payloads_about_as_large_as_its_room),
		cmocka_unit_test(a_batch_wakes_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
