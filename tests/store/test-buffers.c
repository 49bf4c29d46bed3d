// SPDX-License-Identifier: GPL-2.0-or-later

/* The table of registered memory, on whatever kernel there is: plain fixed writes use it too. */

#include <errno.h>
#include <liburing.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "store/buffers.h"

#define BYTES 65536U

static struct io_uring ring;
static struct buffers *buffers;
static char *memory;
static int file;

static int setup(void **state)
{
	if (io_uring_queue_init(4, &ring, 0) < 0)
		return 0;
	if (buffers_new(ring.ring_fd, &buffers) < 0) { /* before Linux 5.19 */
		io_uring_queue_exit(&ring);
		return 0;
	}
	memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	file = memfd_create("buffers", MFD_CLOEXEC);
	return memory == MAP_FAILED || file < 0;
}

static int teardown(void **state)
{
	if (buffers)
		io_uring_queue_exit(&ring);
	buffers_free(buffers);
	close(file);
	return munmap(memory, BYTES);
}

static int write_from(int number, const char *from, unsigned int len)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	struct io_uring_cqe *cqe;
	int r;

	if (!sqe)
		return -EBUSY;
	io_uring_prep_write_fixed(sqe, file, from, len, 0, number);
	assert_int_equal(io_uring_submit_and_wait(&ring, 1), 1);
	assert_int_equal(io_uring_peek_cqe(&ring, &cqe), 0);
	r = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return r;
}

static void test_added_and_removed(void **state)
{
	char got[5];
	int first, second;

	if (!buffers)
		skip();
	first = buffers_add(buffers, memory, BYTES / 2);
	second = buffers_add(buffers, memory + BYTES / 2, BYTES / 2);
	assert_true(first >= 0 && second >= 0 && first != second);

	strcpy(memory + BYTES / 2, "data");
	assert_int_equal(write_from(second, memory + BYTES / 2, 5), 5);
	assert_int_equal(pread(file, got, 5, 0), 5);
	assert_string_equal(got, "data");
	assert_int_equal(write_from(first, memory + BYTES / 2, 5), -EFAULT); /* not in that one */

	buffers_remove(buffers, second);
	assert_int_equal(write_from(second, memory + BYTES / 2, 5), -EFAULT);
	assert_int_equal(write_from(first, memory, 5), 5);
	assert_int_equal(buffers_add(buffers, memory + BYTES / 2, BYTES / 2), second);
	assert_int_equal(write_from(second, memory + BYTES / 2, 5), 5);
	buffers_remove(buffers, first);
	buffers_remove(buffers, second);
}

/* What can't be registered gets no number, and takes none from others. */
static void test_refused(void **state)
{
	void *read_only = mmap(NULL, BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int number;

	if (!buffers)
		skip();
	assert_int_equal(buffers_add(buffers, NULL, BYTES), -EFAULT);
	assert_int_equal(buffers_add(buffers, read_only, BYTES), -EFAULT);
	number = buffers_add(buffers, memory, BYTES);
	assert_int_equal(number, 0);
	buffers_remove(buffers, number);
	munmap(read_only, BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_added_and_removed),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
