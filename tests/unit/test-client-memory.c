// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A session from attach to the last completion, with the Nth allocation failing, for every N.
 * Each run must end with an error that somebody was told, or with all the work done; nothing may
 * leak (the descriptors are counted here, the memory by ASan).
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/peer.h"
#include "wire/codes.h"

static int fail_at = -1, allocations;

static int fails(void)
{
	if (allocations++ != fail_at)
		return 0;
	errno = ENOMEM;
	return 1;
}

/* The linker sends the library's calls here: see meson.build. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
char *__real_strdup(const char *s);
void *__real_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
char *__wrap_strdup(const char *s);
void *__wrap_mmap64(void *at, size_t n, int prot, int flags, int fd, off_t off);
void *__real_mmap64(void *at, size_t n, int prot, int flags, int fd, off_t off);

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

void *__wrap_mmap64(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
	return fails() ? MAP_FAILED : __real_mmap64(at, n, prot, flags, fd, off);
}

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* 0 if all was done and reported, else the first error that a call or completion returned. */
static int work(struct extent_session *s, struct peer *p)
{
	char payload[100] = "data";
	struct extent_write w = { .payload = payload,
				  .payload_len = sizeof(payload),
				  .ack = EXTENT_WRITTEN };
	union wire_frame lost = { .lost = { .h.type = WIRE_TYPE_LOST_, .code = WIRE_E_LOST } };
	struct extent_completion c;
	union wire_frame f;
	int64_t open, write;

	open = extent_open_fd(s, 0, "file", 0, NULL, NULL, &w.file);
	if (open < 0)
		return (int)open;
	write = extent_write(s, &w, NULL, NULL);
	if (write < 0)
		return (int)write;
	assert_int_equal(extent_process(s), 0);
	peer_take(p, WIRE_TYPE_OPEN, &f);
	peer_opened(p, &f.open);
	peer_take(p, WIRE_TYPE_ARENA, &f);
	peer_ack_ok(p, f.h.id, 0);
	peer_take(p, WIRE_TYPE_WRITE_, &f);
	peer_ack_ok(p, f.h.id, WIRE_WRITTEN);
	lost.lost.target = f.h.id;
	peer_send(p, &lost, NULL, 0);

	if (extent_process(s) != 3)
		return extent_process(s);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(extent_next_completion(s, &c), 1);
		assert_true(strlen(extent_completion_text(s, &c)) > 5);
	}
	assert_int_equal(c.kind, EXTENT_OP_LOST);
	return 0;
}

static int run(int nth)
{
	union wire_frame f = { .hello_reply = peer_limits };
	struct peer p = { .descriptor = -1 };
	struct extent_session *s;
	int pair[2], error;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	p.fd = pair[0];
	peer_send(&p, &f, NULL, 0);
	allocations = 0;
	fail_at = nth;
	error = extent_attach(pair[1], &s);
	if (!error) {
		peer_take(&p, WIRE_TYPE_HELLO, &f);
		error = work(s, &p);
		extent_disconnect(s);
	}
	fail_at = -1;
	peer_close(&p);
	return error;
}

static void test_every_allocation(void **state)
{
	int before = descriptors(), total, failed = 0;

	assert_int_equal(run(-1), 0);
	total = allocations;
	assert_true(total >= 6);
	for (int n = 0; n < total; n++) {
		int error = run(n);

		if (error)
			failed++;
		if (error && error != -ENOMEM)
			fail_msg("allocation %d: error %d", n, error);
	}
	assert_true(failed >= 6);
	assert_int_equal(descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_allocation) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
