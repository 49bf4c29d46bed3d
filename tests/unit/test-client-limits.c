// SPDX-License-Identifier: GPL-2.0-or-later
/* Credits, buffers, handles and ids at their limits, and the life of what is beyond them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/peer.h"
#include "wire/codes.h"

static char payload[131072];
static int calls;

static void count(struct extent_session *s, const struct extent_completion *c)
{
	calls++;
}

static int64_t a_write(struct extent_session *s, int file, uint32_t len, extent_callback done)
{
	struct extent_write w = { .file = file,
				  .len = len,
				  .unencoded_len = len,
				  .payload = payload,
				  .payload_len = len,
				  .ack = EXTENT_WRITTEN };

	return extent_write(s, &w, done, NULL);
}

/* Answers the announcement of the arena that comes with the first buffer. */
static void arena_ready(struct extent_session *s, struct peer *p)
{
	union wire_frame f;

	extent_buffer_put(s, extent_buffer_get(s, 1));
	assert_int_equal(extent_process(s), 0);
	peer_take(p, WIRE_TYPE_ARENA, &f);
	peer_ack_ok(p, f.h.id, 0);
	assert_int_equal(extent_process(s), 0);
}

static void test_request_credit(void **state)
{
	struct peer p;
	int file;
	struct extent_session *s = peer_session_file(&p, &file);
	int64_t first = 0;

	arena_ready(s, &p);
	for (int i = 0; i < 8; i++) {
		int64_t id = extent_sync(s, -1, count, NULL);

		assert_true(id > 0);
		first = first ? first : id;
	}
	assert_int_equal(extent_pending(s), 8);
	assert_int_equal(extent_sync(s, -1, count, NULL), -EAGAIN);
	assert_int_equal(extent_close(s, file, count, NULL), -EAGAIN);
	assert_int_equal(a_write(s, file, 1, count), -EAGAIN);
	assert_non_null(strstr(extent_error_text(s), "all 8 request credits"));
	extent_process(s);
	peer_ack_ok(&p, (uint64_t)first + 3, 0);
	assert_int_equal(extent_process(s), 1);
	assert_true(extent_close(s, file, count, NULL) > 0);
	assert_int_equal(extent_sync(s, -1, count, NULL), -EAGAIN);
	extent_disconnect(s);
	peer_close(&p);
}

static void test_small_pool(void **state)
{
	struct wire_hello_reply l = peer_limits;
	struct extent_session *s;
	union wire_frame f;
	struct peer p;
	int file;

	l.credit_bytes = 131072 + 4096;
	l.max_arena_bytes = 1 << 20;
	s = peer_session(&p, &l);
	setenv("EXTENTD_POOL_BYTES", "1048576", 1);
	assert_true(extent_open_fd(s, 0, NULL, 0, count, NULL, &file) > 0);
	assert_true(a_write(s, file, 4095, count) > 0);
	assert_int_equal(a_write(s, file, 131072 + 1, count), -EMSGSIZE);
	assert_int_equal(a_write(s, file, 131072, count), -EAGAIN); /* the pool is one chunk */
	unsetenv("EXTENTD_POOL_BYTES");
	extent_process(s);
	peer_take(&p, WIRE_TYPE_OPEN, &f);
	peer_take(&p, WIRE_TYPE_ARENA, &f);
	peer_take(&p, WIRE_TYPE_WRITE_, &f);
	peer_ack_ok(&p, f.h.id, WIRE_WRITTEN);
	assert_int_equal(extent_process(s), 1);
	assert_true(a_write(s, file, 131072, count) > 0);
	extent_disconnect(s);
	peer_close(&p);
}

static void test_byte_credit(void **state)
{
	struct wire_hello_reply l = peer_limits;
	struct extent_session *s;
	union wire_frame f;
	struct peer p;
	int file;

	l.credit_requests = 64;
	s = peer_session(&p, &l);
	assert_true(extent_open_fd(s, 0, NULL, 0, count, NULL, &file) > 0);
	extent_process(s);
	peer_take(&p, WIRE_TYPE_OPEN, &f);
	arena_ready(s, &p);
	for (int i = 0; i < 8; i++) /* the whole megabyte */
		assert_true(a_write(s, file, 131072, count) > 0);
	assert_int_equal(a_write(s, file, 1, count), -EAGAIN);
	assert_non_null(strstr(extent_error_text(s), "all 1048576 bytes of credit"));
	assert_true(extent_sync(s, file, count, NULL) > 0); /* costs no bytes */
	extent_process(s);
	for (int i = 0; i < 8; i++)
		peer_take(&p, WIRE_TYPE_WRITE_, &f);
	peer_ack_error(&p, f.h.id, WIRE_E_WRITE_FAILED, ENOSPC); /* gives them back as well */
	assert_int_equal(extent_process(s), 1);
	assert_true(a_write(s, file, 131071, count) > 0);
	assert_int_equal(a_write(s, file, 2, count), -EAGAIN);
	extent_disconnect(s);
	peer_close(&p);
}

/* All sizes, to the last byte of the pool; then all back, and all again as the largest. */
static void test_buffers(void **state)
{
	struct peer p;
	int file;
	struct extent_session *s = peer_session_file(&p, &file);
	static const size_t sizes[] = { 1, 4096, 4097, 8192, 10000, 65536, 70000, 131072 };
	uint8_t *held[256];
	size_t n;

	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		for (n = 0; n < 256 && (held[n] = extent_buffer_get(s, sizes[k])); n++) {
			assert_int_equal((uintptr_t)held[n] % 4096, 0);
			memset(held[n], (int)n, sizes[k]);
		}
		assert_true(n * sizes[k] <= 1 << 20 && n >= 8);
		if (!(sizes[k] & (sizes[k] - 1)) && sizes[k] >= 4096)
			assert_int_equal(n * sizes[k], 1 << 20);
		assert_int_equal(a_write(s, file, 1, NULL), -EAGAIN);
		assert_non_null(strstr(extent_error_text(s), "payload buffers are in use"));
		for (size_t i = 0; i < n; i++) {
			for (size_t b = 0; b < sizes[k]; b += 511)
				assert_int_equal(held[i][b], (uint8_t)i);
			extent_buffer_put(s, held[i]);
		}
	}
	assert_null(extent_buffer_get(s, 131073));
	extent_buffer_put(s, NULL);
	extent_disconnect(s);
	peer_close(&p);
}

static void test_buffer_must_be_the_callers(void **state)
{
	struct peer p;
	int file;
	struct extent_session *s = peer_session_file(&p, &file);
	uint8_t *b = extent_buffer_get(s, 4096);
	struct extent_write w = { .file = file,
				  .payload = b,
				  .payload_len = 4097,
				  .ack = EXTENT_WRITTEN,
				  .flags = EXTENT_BUFFER };

	assert_int_equal(extent_write(s, &w, NULL, NULL), -EINVAL); /* longer than the buffer */
	w.payload = b + 1;
	w.payload_len = 4096;
	assert_int_equal(extent_write(s, &w, NULL, NULL), -EINVAL);
	w.payload = b + 4096; /* nobody's */
	w.payload_len = 1;
	assert_int_equal(extent_write(s, &w, NULL, NULL), -EINVAL);
	w.payload = payload;
	assert_int_equal(extent_write(s, &w, NULL, NULL), -EINVAL);
	w.payload = b;
	w.flags = EXTENT_BUFFER | 2;
	assert_int_equal(extent_write(s, &w, NULL, NULL), -EINVAL);
	w.flags = EXTENT_BUFFER;
	w.ack = (enum extent_ack)(256 + EXTENT_WRITTEN); /* a byte on the wire */
	assert_int_equal(extent_write(s, &w, NULL, NULL), -EINVAL);
	w.ack = EXTENT_WRITTEN;
	w.payload_len = 0;
	assert_int_equal(extent_write(s, &w, NULL, NULL), -EINVAL);
	w.payload_len = 4096;
	w.file = -1;
	assert_int_equal(extent_write(s, &w, NULL, NULL), -EBADF);
	w.file = file + 1;
	assert_int_equal(extent_write(s, &w, NULL, NULL), -EBADF);
	w.file = file;
	assert_true(extent_write(s, &w, NULL, NULL) > 0);
	extent_disconnect(s);
	peer_close(&p);
}

static void test_handles(void **state)
{
	struct extent_session *s;
	struct peer p;
	int file[4], more, again;
	union wire_frame f;

	s = peer_session(&p, NULL);
	for (int i = 0; i < 4; i++) {
		assert_true(extent_open_fd(s, 0, "x", 0, count, NULL, &file[i]) > 0);
		for (int k = 0; k < i; k++)
			assert_int_not_equal(file[i], file[k]);
	}
	assert_int_equal(extent_open_fd(s, 0, "x", 0, count, NULL, &more), -EMFILE);
	assert_int_equal(extent_open_fd(s, -1, "x", 0, count, NULL, &more), -EINVAL);
	assert_int_equal(extent_open_fd(s, 0, "x", EXTENT_CREATE, count, NULL, &more), -EINVAL);
	assert_int_equal(extent_open_path(s, "x", 64, 0, count, NULL, &more), -EINVAL);
	assert_int_equal(extent_open_path(s, "", 0, 0, count, NULL, &more), -ENOENT);

	/* Free for reuse as soon as CLOSE is queued, in turn: 0 is taken, 1 is next. */
	assert_true(extent_close(s, file[2], count, NULL) > 0);
	assert_int_equal(extent_close(s, file[2], count, NULL), -EBADF);
	assert_true(extent_close(s, file[1], count, NULL) > 0);
	assert_true(extent_open_fd(s, 0, "new", 0, count, NULL, &again) > 0);
	assert_int_equal(again, file[1]);
	extent_process(s);
	for (int i = 0; i < 4; i++)
		peer_take(&p, WIRE_TYPE_OPEN, &f);
	peer_take(&p, WIRE_TYPE_CLOSE, &f);
	assert_int_equal(f.close.handle, file[2]);
	peer_take(&p, WIRE_TYPE_CLOSE, &f);
	peer_take(&p, WIRE_TYPE_OPEN, &f);
	assert_int_equal(f.open.handle, again);
	assert_int_equal(p.tail_len, 3);
	extent_disconnect(s);
	peer_close(&p);
}

/* The answer to an OPEN whose handle is another file's by now changes nothing of that file. */
static void test_late_open_reply(void **state)
{
	struct wire_hello_reply l = peer_limits;
	struct extent_session *s;
	struct peer p;
	struct extent_file_info info;
	struct extent_completion c = { .kind = EXTENT_OP_WRITE, .id = 1 };
	union wire_frame old, f;
	int file, again;

	l.max_files = 1;
	s = peer_session(&p, &l);
	assert_true(extent_open_fd(s, 0, "old", 0, count, NULL, &file) > 0);
	assert_true(extent_close(s, file, count, NULL) > 0);
	assert_true(extent_open_fd(s, 0, "new", 0, count, NULL, &again) > 0);
	assert_int_equal(file, again);
	extent_process(s);
	peer_take(&p, WIRE_TYPE_OPEN, &old);
	peer_opened(&p, &old.open);
	assert_int_equal(extent_process(s), 1);
	assert_int_equal(extent_file_info(s, again, &info), -EAGAIN);
	peer_take(&p, WIRE_TYPE_CLOSE, &f);
	peer_take(&p, WIRE_TYPE_OPEN, &f);
	peer_ack_error(&p, f.h.id, WIRE_E_APPEND, 0);
	assert_int_equal(extent_process(s), 1);
	assert_int_equal(extent_file_info(s, again, &info), -EBADF);

	/* A request of the old file is not told by the new one's name. */
	assert_string_equal(extent_completion_text(s, &c),
			    "write of 0 bytes at offset 0 of handle 0: done");
	c.id = (int64_t)f.h.id + 1;
	assert_string_equal(extent_completion_text(s, &c),
			    "write of 0 bytes at offset 0 of 'new': done");
	extent_disconnect(s);
	peer_close(&p);
}

/* One request that is never answered, while ids go several times round the table. */
static void test_ids_go_round(void **state)
{
	struct peer p;
	struct extent_session *s = peer_session(&p, NULL);
	union wire_frame f;
	int64_t stuck = extent_sync(s, -1, count, NULL), last = stuck;

	assert_true(stuck > 0);
	extent_process(s);
	peer_take(&p, WIRE_TYPE_SYNC, &f);
	calls = 0;
	for (int i = 0; i < 1000; i++) {
		int64_t id = extent_sync(s, -1, count, NULL);

		assert_true(id > last);
		last = id;
		assert_int_equal(extent_process(s), 0);
		peer_take(&p, WIRE_TYPE_SYNC, &f);
		assert_int_equal(f.h.id, id);
		peer_ack_ok(&p, f.h.id, 0);
		assert_int_equal(extent_process(s), 1);
	}
	assert_int_equal(calls, 1000);
	peer_ack_ok(&p, (uint64_t)stuck, 0);
	assert_int_equal(extent_process(s), 1);
	assert_int_equal(extent_pending(s), 0);
	extent_disconnect(s);
	peer_close(&p);
}

/* Completions nobody fetches stop new requests, and say so, rather than growing. */
static void test_unfetched(void **state)
{
	struct peer p;
	struct extent_session *s = peer_session(&p, NULL);
	struct extent_completion c;
	union wire_frame f;
	int64_t id;
	int n = 0;

	while ((id = extent_sync(s, -1, NULL, NULL)) > 0) {
		extent_process(s);
		peer_take(&p, WIRE_TYPE_SYNC, &f);
		peer_ack_ok(&p, f.h.id, 0);
		assert_int_equal(extent_process(s), 1);
		assert_true(n++ < 100);
	}
	assert_int_equal(id, -ENOBUFS);
	assert_int_equal(n, 16);
	assert_non_null(strstr(extent_error_text(s), "extent_next_completion()"));
	for (id = 0; extent_next_completion(s, &c); n--) {
		assert_true(c.id > id); /* in order */
		id = c.id;
	}
	assert_int_equal(n, 0);
	assert_true(extent_sync(s, -1, NULL, NULL) > 0);
	extent_disconnect(s);
	peer_close(&p);
}

static void misbehave(struct extent_session *s, const struct extent_completion *c)
{
	calls++;
	assert_int_equal(extent_process(s), -EDEADLK);
	assert_int_equal(extent_sync_wait(s, -1), -EDEADLK);
	assert_int_equal(extent_drain(s), -EDEADLK);
	assert_true(extent_sync(s, -1, count, NULL) > 0); /* but this it may */
}

static void test_callbacks(void **state)
{
	struct peer p;
	struct extent_session *s = peer_session(&p, NULL);
	union wire_frame f;

	calls = 0;
	assert_true(extent_sync(s, -1, misbehave, NULL) > 0);
	extent_process(s);
	peer_take(&p, WIRE_TYPE_SYNC, &f);
	peer_ack_ok(&p, f.h.id, 0);
	assert_int_equal(extent_process(s), 1);
	assert_int_equal(calls, 1);
	peer_take(&p, WIRE_TYPE_SYNC, &f); /* sent by the same extent_process() */
	extent_disconnect(s);
	peer_close(&p);
}

static void test_wait_times_out(void **state)
{
	struct peer p;
	struct extent_session *s = peer_session(&p, NULL);

	assert_int_equal(extent_wait(s, 0), 0);
	assert_int_equal(extent_wait(s, 20), 0);
	extent_disconnect(s);
	peer_close(&p);
}

static void test_drain_tells_the_first_error(void **state)
{
	struct peer p;
	struct extent_session *s = peer_session(&p, NULL);
	union wire_frame f;

	for (int i = 0; i < 3; i++)
		assert_true(extent_sync(s, -1, count, NULL) > 0);
	extent_process(s);
	for (int i = 0; i < 3; i++) {
		peer_take(&p, WIRE_TYPE_SYNC, &f);
		if (i)
			peer_ack_error(&p, f.h.id, WIRE_E_SYNC_FAILED, i == 1 ? EROFS : EIO);
		else
			peer_ack_ok(&p, f.h.id, 0);
	}
	assert_int_equal(extent_drain(s), -EROFS);
	assert_int_equal(extent_drain(s), 0);
	extent_disconnect(s);
	peer_close(&p);
}

static void test_status(void **state)
{
	struct peer p;
	struct extent_session *s = peer_session(&p, NULL);
	const uint8_t two[] = { 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80 };
	const uint64_t *values;
	union wire_frame f = { .status_reply = { .h = { .type = WIRE_TYPE_STATUS_REPLY, .id = 1 },
						 .count = 2 } };

	assert_int_equal(extent_counters(s, &values), 0);
	peer_send(&p, &f, two, sizeof(two)); /* ahead of the request that it answers */
	assert_true(extent_status(s, count, NULL) == 1);
	assert_int_equal(extent_process(s), 1);
	assert_int_equal(extent_counters(s, &values), 2);
	assert_int_equal(values[0], 0x201);
	assert_true(values[1] == UINT64_C(1) << 63);
	extent_disconnect(s);
	peer_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_credit),
		cmocka_unit_test(test_small_pool),
		cmocka_unit_test(test_byte_credit),
		cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_buffer_must_be_the_callers),
		cmocka_unit_test(test_handles),
		cmocka_unit_test(test_late_open_reply),
		cmocka_unit_test(test_ids_go_round),
		cmocka_unit_test(test_unfetched),
		cmocka_unit_test(test_callbacks),
		cmocka_unit_test(test_wait_times_out),
		cmocka_unit_test(test_drain_tells_the_first_error),
		cmocka_unit_test(test_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
