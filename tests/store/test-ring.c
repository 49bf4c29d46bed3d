/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The ring cannot be used to get around the system call filter. Its descriptor is taken out of
 * /proc, as somebody inside the process would, and operations are put into it that are no writes.
 */

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "store/store.h"

#define THREADS 4U
#define BATCH	8U

static struct event_base *base;
static struct store *store;
static struct io_uring ring;

static int find_ring(void)
{
	for (int fd = 3; fd < 64; fd++) {
		char path[64], target[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof(target) - 1) > 0 &&
		    !strcmp(target, "anon_inode:[io_uring]"))
			return fd;
	}
	return -1;
}

/* Where in its memory a ring keeps what: the same for every ring of one size. */
static int layout_of(unsigned int entries, struct io_uring_params *p)
{
	struct io_uring same;
	int r;

	memset(p, 0, sizeof(*p));
	r = io_uring_queue_init_params(entries, &same, p);
	if (r == 0)
		io_uring_queue_exit(&same);
	return r;
}

static int setup(void **state)
{
	static const long types[] = { TMPFS_MAGIC, 0 };
	struct store_options options = { .backend = STORE_URING,
					 .blocking_threads = THREADS,
					 .cpu_threads = 1,
					 .batch = BATCH,
					 .filesystem_types = types };
	struct io_uring_params p;
	int fd;

	base = event_base_new();
	if (store_new(base, &options, &store) < 0) /* no io_uring, or no command for it */
		return 0;
	fd = find_ring();
	if (fd < 0)
		return -1;
	/* Ask for what the ring itself says it has. */
	for (unsigned int entries = 1; entries <= 4096; entries *= 2) {
		if (layout_of(entries, &p) < 0 || io_uring_queue_mmap(fd, &p, &ring) < 0)
			continue;
		ring.ring_fd = ring.enter_ring_fd = fd; /* liburing 2.9 leaves that to the caller */
		if (*ring.sq.kring_entries == entries)
			return 0;
		munmap(ring.sq.sqes, ring.sq.ring_entries * sizeof(struct io_uring_sqe));
	}
	return -1;
}

static int teardown(void **state)
{
	store_free(store);
	event_base_free(base);
	return 0;
}

static int result_of(void (*prepare)(struct io_uring_sqe *sqe))
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	struct io_uring_cqe *cqe;
	int r;

	assert_non_null(sqe);
	prepare(sqe);
	r = io_uring_submit(&ring);
	if (r < 0)
		return r;
	r = io_uring_wait_cqe(&ring, &cqe);
	if (r < 0)
		return r;
	r = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return r;
}

static void nop(struct io_uring_sqe *sqe)
{
	io_uring_prep_nop(sqe);
}

static void open_file(struct io_uring_sqe *sqe)
{
	io_uring_prep_openat(sqe, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
}

static void rename_file(struct io_uring_sqe *sqe)
{
	io_uring_prep_renameat(sqe, AT_FDCWD, "/nonexistent", AT_FDCWD, "/nonexistent2", 0);
}

static void read_file(struct io_uring_sqe *sqe)
{
	static char byte;

	io_uring_prep_read(sqe, 0, &byte, 1, 0);
}

static void make_socket(struct io_uring_sqe *sqe)
{
	io_uring_prep_rw(45 /* IORING_OP_SOCKET, Linux 5.19 */, sqe, 2, NULL, 0, 1);
}

static void drained_write(struct io_uring_sqe *sqe)
{
	io_uring_prep_write(sqe, -1, "", 1, 0);
	sqe->flags |= IOSQE_IO_DRAIN;
}

static void plain_write(struct io_uring_sqe *sqe)
{
	io_uring_prep_write(sqe, -1, "", 1, 0);
}

static void test_forbidden(void **state)
{
	if (!store)
		skip();
	assert_int_equal(result_of(nop), -EACCES);
	assert_int_equal(result_of(open_file), -EACCES);
	assert_int_equal(result_of(rename_file), -EACCES);
	assert_int_equal(result_of(read_file), -EACCES);
	assert_int_equal(result_of(make_socket), -EACCES);
	assert_int_equal(result_of(drained_write), -EACCES);
}

/* The test can tell: what is allowed gets as far as the wrong descriptor. */
static void test_allowed(void **state)
{
	if (!store)
		skip();
	assert_int_equal(result_of(plain_write), -EBADF);
}

static void test_registering(void **state)
{
	static const unsigned int operations[] = { IORING_REGISTER_FILES, IORING_REGISTER_BUFFERS,
						   IORING_REGISTER_PERSONALITY,
						   IORING_REGISTER_RESTRICTIONS };

	if (!store)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		long r = syscall(SYS_io_uring_register, ring.ring_fd, operations[i], NULL, 0);

		assert_int_equal(r, -1);
		if (errno != EACCES && errno != EBADFD)
			fail_msg("registering %u: %s", operations[i], strerror(errno));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_registering),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
