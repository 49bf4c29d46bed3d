// SPDX-License-Identifier: GPL-2.0-or-later
/* libextent against daemons that break the protocol, trickle, vanish, or never answer. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/peer.h"
#include "wire/codes.h"
#include "wire/limits.h"

static int calls;
static int last_result;

static void count(struct extent_session *s, const struct extent_completion *c)
{
	calls++;
	last_result = c->result;
}

static int64_t a_write(struct extent_session *s, int file, uint64_t offset, enum extent_ack ack)
{
	static char payload[512];
	struct extent_write w = { .file = file,
				  .offset = offset,
				  .len = 4096,
				  .unencoded_len = 4096,
				  .payload = payload,
				  .payload_len = sizeof(payload),
				  .compression = EXTENT_ZLIB,
				  .ack = ack };

	return extent_write(s, &w, count, NULL);
}

/* Two writes and a sync under way, all sent. *first is the first write's id. */
static struct extent_session *busy(struct peer *p, int64_t *first)
{
	int file;
	struct extent_session *s = peer_session_file(p, &file);
	int64_t second;

	calls = 0;
	*first = a_write(s, file, 0, EXTENT_WRITTEN);
	second = a_write(s, file, 4096, EXTENT_WRITTEN);
	assert_true(*first > 0 && second > *first);
	assert_true(extent_sync(s, file, count, NULL) > second);
	assert_int_equal(extent_process(s), 0);
	return s;
}

/* All three completed with -ECONNRESET, the session over with error and a text that says why. */
static void ends(struct extent_session *s, struct peer *p, int error, const char *why)
{
	int file, n = extent_wait(s, 1000);
	struct extent_completion c;

	assert_int_equal(n, 3);
	assert_int_equal(calls, 3);
	assert_int_equal(last_result, -ECONNRESET);
	assert_int_equal(extent_process(s), error);
	assert_int_equal(extent_wait(s, -1), error);
	assert_int_equal(extent_pending(s), 0);
	if (!strstr(extent_error_text(s), why))
		fail_msg("'%s' does not say '%s'", extent_error_text(s), why);
	assert_int_equal(a_write(s, 0, 0, EXTENT_WRITTEN), error);
	assert_int_equal(extent_open_fd(s, 0, "x", 0, NULL, NULL, &file), error);
	assert_int_equal(file, -1);
	assert_null(extent_buffer_get(s, 1)); /* the daemon may still read those it has */
	assert_int_equal(extent_next_completion(s, &c), 0);
	assert_int_equal(extent_drain(s), -ECONNRESET);
	extent_disconnect(s);
	peer_close(p);
}

static void test_closed(void **state)
{
	struct peer p;
	int64_t id;
	struct extent_session *s = busy(&p, &id);

	shutdown(p.fd, SHUT_RDWR);
	ends(s, &p, -ECONNRESET, "closed the connection");
}

static void test_closed_inside_reply(void **state)
{
	struct peer p;
	int64_t id;
	struct extent_session *s = busy(&p, &id);

	peer_send_raw(&p, "\x38\0\0\0\x84", 5);
	shutdown(p.fd, SHUT_WR);
	ends(s, &p, -ECONNRESET, "in the middle of a reply");
}

/* What was acknowledged before the end keeps its result. */
static void test_closed_after_acks(void **state)
{
	struct peer p;
	int64_t id;
	struct extent_session *s = busy(&p, &id);

	peer_ack_ok(&p, (uint64_t)id, WIRE_WRITTEN);
	assert_int_equal(extent_process(s), 1);
	assert_int_equal(last_result, 0);
	close(p.fd); /* with our requests unread: ECONNRESET, not an end of file */
	p.fd = -1;
	assert_int_equal(extent_process(s), 2);
	assert_int_equal(last_result, -ECONNRESET);
	assert_int_equal(extent_process(s), -ECONNRESET);
	extent_disconnect(s);
	peer_close(&p);
}

static void test_error_frame(void **state)
{
	union wire_frame f = { .error = { .h.type = WIRE_TYPE_ERROR,
					  .position = 4242,
					  .code = WIRE_E_CREDIT,
					  .text_len = 9 } };
	struct peer p;
	int64_t id;
	struct extent_session *s = busy(&p, &id);

	peer_send(&p, &f, "too\033many", 9); /* 8 bytes and a zero */
	ends(s, &p, -ENOBUFS, "at byte 4242 of what it was sent: ");
}

/* The daemon says why and closes; our sending fails first, and the reason must not be lost. */
static void test_error_frame_behind_epipe(void **state)
{
	union wire_frame f = { .error = { .h.type = WIRE_TYPE_ERROR, .code = WIRE_E_SHUTDOWN } };
	struct extent_session *s;
	struct peer p;
	int64_t id;

	s = busy(&p, &id);
	assert_true(extent_sync(s, -1, count, NULL) > 0);
	peer_send(&p, &f, NULL, 0);
	shutdown(p.fd, SHUT_RDWR);
	assert_int_equal(extent_process(s), 4);
	assert_int_equal(extent_process(s), -ESHUTDOWN);
	assert_non_null(strstr(extent_error_text(s), "stopping"));
	extent_disconnect(s);
	peer_close(&p);
}

static void test_text_is_printable(void **state)
{
	union wire_frame f = {
		.error = { .h.type = WIRE_TYPE_ERROR, .code = WIRE_E_INTERNAL, .text_len = 6 }
	};
	struct peer p;
	int64_t id;
	struct extent_session *s = busy(&p, &id);

	peer_send(&p, &f, "a\033[2J\n", 6);
	ends(s, &p, -EIO, ": a?[2J?");
}

/* Frames that cannot be right, each against a session of its own. */
static void test_malformed_frames(void **state)
{
	static const struct {
		uint32_t length;
		uint16_t type, flags;
	} bad[] = {
		{ 16, 0, 0 },		{ 16, 0x80, 0 },      { 16, 0x87, 0 },
		{ 16, UINT16_MAX, 0 },	{ 48, 0x01, 0 },      { 88, 0x05, 0 },
		{ 0, 0x84, 0 },		{ 15, 0x84, 0 },      { 23, 0x84, 0 },
		{ 25, 0x84, 0 },	{ 24, 0x84, 1 },      { UINT32_MAX, 0x84, 0 },
		{ 16 * 1024, 0x84, 0 }, { 24 + 8, 0x83, 0 },  { 80, 0x81, 0 },
		{ 32 + 513, 0x86, 0 },	{ 56, 0x85, 0x8000 }, { INT32_MAX, 0x86, 0 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t bytes[128] = {};
		struct peer p;
		int64_t id;
		struct extent_session *s = busy(&p, &id);

		for (int b = 0; b < 4; b++)
			bytes[b] = (uint8_t)(bad[i].length >> 8 * b);
		bytes[4] = (uint8_t)bad[i].type;
		bytes[5] = (uint8_t)(bad[i].type >> 8);
		bytes[6] = (uint8_t)bad[i].flags;
		bytes[7] = (uint8_t)(bad[i].flags >> 8);
		peer_send_raw(&p, bytes, sizeof(bytes));
		ends(s, &p, -EPROTO, "malformed reply from extentd at byte ");
	}
}

static void bad_ack(const struct wire_ack *change)
{
	struct wire_ack a = *change;
	struct peer p;
	int64_t id;
	struct extent_session *s = busy(&p, &id);

	if (!a.id)
		a.id = (uint64_t)id;
	peer_ack(&p, &a);
	ends(s, &p, -EPROTO, "malformed reply from extentd");
}

static void test_malformed_acks(void **state)
{
	static const struct wire_ack bad[] = {
		{ .id = 1000000, .level = 2 }, /* never sent */
		{ .id = UINT64_MAX, .level = 2 },
		{ .id = 1, .level = 2 }, /* the OPEN, answered long ago */
		{ .level = 0 },		 /* below what was asked for */
		{ .level = 1 },
		{ .level = 4 },
		{ .level = 2, .form = 4 },
		{ .level = 2, .kernel_errno = 5 }, /* done, and not */
		{ .code = 50, .kernel_errno = -5 },
		{ .code = 50, .kernel_errno = INT32_MIN },
		{ .code = 50, .kernel_errno = 4096 },
		{ .level = 2, .reserved0 = 1 },
		{ .level = 2, .reserved1 = 1 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		bad_ack(&bad[i]);
}

static void test_acknowledged_twice(void **state)
{
	struct peer p;
	int64_t id;
	struct extent_session *s = busy(&p, &id);

	peer_ack_ok(&p, (uint64_t)id, WIRE_WRITTEN);
	peer_ack_ok(&p, (uint64_t)id, WIRE_WRITTEN);
	assert_int_equal(extent_process(s), 3);
	assert_int_equal(extent_process(s), -EPROTO);
	extent_disconnect(s);
	peer_close(&p);
}

static void test_acknowledged_before_it_was_sent(void **state)
{
	int file;
	struct peer p;
	struct extent_session *s = peer_session_file(&p, &file);
	int size = 4096;
	int64_t id = 0;

	calls = 0;
	setsockopt(extent_fd(s), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (int i = 0; i < 7; i++) { /* more than the socket takes */
		static char payload[131072];
		struct extent_write w = { .file = file,
					  .payload = payload,
					  .payload_len = sizeof(payload),
					  .ack = EXTENT_WRITTEN };

		id = extent_write(s, &w, count, NULL);
		assert_true(id > 0);
	}
	assert_int_equal(extent_process(s), 0);
	assert_int_equal(extent_events(s), 1 | 4);
	peer_ack_ok(&p, (uint64_t)id, WIRE_WRITTEN);
	assert_int_equal(extent_process(s), 7);
	assert_int_equal(extent_process(s), -EPROTO);
	extent_disconnect(s);
	peer_close(&p);
}

/* Replies that contradict their requests. */
static void test_wrong_replies(void **state)
{
	union wire_frame bad[] = {
		{ .open_reply = { .h = { .type = WIRE_TYPE_OPEN_REPLY, .id = 0 /* set below */ },
				  .sector_size = 4096,
				  .max_payload = 1,
				  .max_unencoded = 1 } },
		{ .status_reply = { .h = { .type = WIRE_TYPE_STATUS_REPLY } } },
		{ .lost = { .h = { .type = WIRE_TYPE_LOST_ }, .target = 0, .code = 52 } },
		{ .lost = { .h = { .type = WIRE_TYPE_LOST_ }, .target = 1U << 30, .code = 52 } },
		{ .lost = { .h = { .type = WIRE_TYPE_LOST_ }, .target = 1, .code = 0 } },
		{ .lost = { .h = { .type = WIRE_TYPE_LOST_ },
			    .target = 1,
			    .code = 52,
			    .handle = 4 } },
		{ .lost = { .h = { .type = WIRE_TYPE_LOST_ },
			    .target = 1,
			    .code = 52,
			    .kernel_errno = -1 } },
		{ .hello_reply = peer_limits },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct peer p;
		int64_t id;
		struct extent_session *s = busy(&p, &id);

		bad[i].h.id = (uint64_t)id;
		peer_send(&p, &bad[i], NULL, 0);
		ends(s, &p, -EPROTO, "malformed reply from extentd");
	}
}

static void test_wrong_open_reply(void **state)
{
	static const struct wire_open_reply bad[] = {
		{ .handle = 1, .sector_size = 4096, .max_payload = 1, .max_unencoded = 1 },
		{ .sector_size = 0, .max_payload = 1, .max_unencoded = 1 },
		{ .sector_size = 4095, .max_payload = 1, .max_unencoded = 1 },
		{ .sector_size = 4096, .max_payload = 0, .max_unencoded = 1 },
		{ .sector_size = 4096, .max_payload = 1, .max_unencoded = 0 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct peer p;
		struct extent_session *s = peer_session(&p, NULL);
		union wire_frame f = { .open_reply = bad[i] };
		int file;

		calls = 0;
		f.h.type = WIRE_TYPE_OPEN_REPLY;
		f.h.id = (uint64_t)extent_open_fd(s, 0, "x", 0, count, NULL, &file);
		assert_int_equal(extent_process(s), 0);
		peer_send(&p, &f, NULL, 0);
		assert_int_equal(extent_process(s), 1);
		assert_int_equal(last_result, -ECONNRESET);
		assert_int_equal(extent_process(s), -EPROTO);
		extent_disconnect(s);
		peer_close(&p);
	}
}

/* The bytes of several replies, cut in every possible place and then one at a time. */
static void test_trickle(void **state)
{
	for (size_t step = 1; step < 90; step++) {
		struct peer p;
		int64_t id;
		struct extent_session *s = busy(&p, &id);
		int pair[2], delivered = 0;
		uint8_t bytes[4096];
		struct peer script = { .descriptor = -1 };
		ssize_t n;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		script.fd = pair[0];
		peer_ack_ok(&script, (uint64_t)id, WIRE_WRITTEN);
		peer_ack_error(&script, (uint64_t)id + 2, WIRE_E_SYNC_FAILED, EIO);
		peer_ack_ok(&script, (uint64_t)id + 1, WIRE_DURABLE);
		n = read(pair[1], bytes, sizeof(bytes));
		for (ssize_t at = 0; at < n; at += (ssize_t)step) {
			size_t now = (size_t)(n - at) < step ? (size_t)(n - at) : step;

			peer_send_raw(&p, bytes + at, now);
			delivered += extent_process(s);
		}
		assert_int_equal(delivered, 3);
		assert_int_equal(extent_pending(s), 0);
		close(pair[0]);
		close(pair[1]);
		extent_disconnect(s);
		peer_close(&p);
	}
}

static void hello_fails(const struct wire_hello_reply *reply, int error)
{
	union wire_frame f = { .hello_reply = *reply };
	struct extent_session *s = (void *)1;
	struct peer p = { .descriptor = -1 };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	p.fd = pair[0];
	peer_send(&p, &f, NULL, 0);
	assert_int_equal(extent_attach(pair[1], &s), error);
	assert_null(s);
	assert_true(strlen(extent_error_text(NULL)) > 10);
	assert_int_equal(fcntl(pair[1], F_GETFD), -1); /* it was ours, and is closed */
	close(p.fd);
}

static void test_bad_hello(void **state)
{
	struct wire_hello_reply l;

#define HELLO_FAILS(change)                                                                        \
	l = peer_limits;                                                                           \
	l.change;                                                                                  \
	hello_fails(&l, -EPROTO)
	HELLO_FAILS(magic = 1);
	HELLO_FAILS(version = 0);
	HELLO_FAILS(version = 2);
	HELLO_FAILS(features = 4);
	HELLO_FAILS(credit_requests = 0);
	HELLO_FAILS(credit_bytes = 131071);
	HELLO_FAILS(max_files = 0);
	HELLO_FAILS(max_payload = 0);
	HELLO_FAILS(max_unencoded = 0);
	HELLO_FAILS(h.flags = 1);
	HELLO_FAILS(reserved = 1);
}

static void test_refused_at_hello(void **state)
{
	union wire_frame f = { .error = { .h.type = WIRE_TYPE_ERROR, .code = WIRE_E_ACCESS } };
	struct extent_session *s;
	struct peer p = { .descriptor = -1 };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	p.fd = pair[0];
	peer_send(&p, &f, NULL, 0);
	close(p.fd);
	assert_int_equal(extent_attach(pair[1], &s), -EACCES);
	assert_non_null(strstr(extent_error_text(NULL), "Access"));
}

static void test_no_daemon(void **state)
{
	struct extent_session *s;
	char longer[200];

	assert_int_equal(extent_connect("/nonexistent/socket", &s), -ENOENT);
	assert_non_null(strstr(extent_error_text(NULL), "/nonexistent/socket"));
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	assert_int_equal(extent_connect(longer, &s), -ENAMETOOLONG);
	assert_int_equal(extent_attach(-1, &s), -EBADF);
}

/* A daemon may grant what it likes: the library's own tables stay bounded. */
static void test_enormous_grants(void **state)
{
	struct wire_hello_reply l = peer_limits;
	struct extent_limits got;
	struct extent_session *s;
	struct peer p;

	l.credit_requests = l.max_files = l.max_payload = l.max_unencoded = UINT32_MAX;
	l.credit_bytes = l.max_arena_bytes = UINT64_MAX;
	s = peer_session(&p, &l);
	extent_get_limits(s, &got);
	assert_int_equal(got.credit_requests, 16384);
	assert_int_equal(got.max_files, 65536);
	assert_int_equal(got.max_payload, LIMIT_PAYLOAD_BYTES);
	assert_non_null(extent_buffer_get(s, LIMIT_PAYLOAD_BYTES));
	assert_null(extent_buffer_get(s, LIMIT_PAYLOAD_BYTES + 1));
	extent_disconnect(s);
	peer_close(&p);
}

/* Reports of lost writes nobody fetches are bounded too, and the end is not silent. */
static void test_flood_of_losses(void **state)
{
	union wire_frame f = {
		.lost = { .h.type = WIRE_TYPE_LOST_, .code = WIRE_E_LOST, .len = 4096 }
	};
	struct extent_completion c;
	struct peer p;
	int64_t id;
	struct extent_session *s = busy(&p, &id);
	int n = 0;

	peer_ack_ok(&p, (uint64_t)id, WIRE_WRITTEN);
	assert_int_equal(extent_process(s), 1);
	f.lost.target = (uint64_t)id;
	for (int i = 0; i <= LIMIT_UNSETTLED && n >= 0; i++) {
		peer_send(&p, &f, NULL, 0);
		n = extent_process(s);
	}
	assert_int_equal(extent_process(s), -ENOBUFS);
	for (n = 0; extent_next_completion(s, &c); n++)
		assert_int_equal(c.kind, EXTENT_OP_LOST);
	assert_int_equal(n, LIMIT_UNSETTLED);
	assert_string_equal(extent_completion_text(s, &c),
			    "acknowledged write of 4096 bytes at offset 0 of 'the file': the data "
			    "did not reach the disk, or the range was changed by somebody else "
			    "meanwhile");
	extent_disconnect(s);
	peer_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_closed_inside_reply),
		cmocka_unit_test(test_closed_after_acks),
		cmocka_unit_test(test_error_frame),
		cmocka_unit_test(test_error_frame_behind_epipe),
		cmocka_unit_test(test_text_is_printable),
		cmocka_unit_test(test_malformed_frames),
		cmocka_unit_test(test_malformed_acks),
		cmocka_unit_test(test_acknowledged_twice),
		cmocka_unit_test(test_acknowledged_before_it_was_sent),
		cmocka_unit_test(test_wrong_replies),
		cmocka_unit_test(test_wrong_open_reply),
		cmocka_unit_test(test_trickle),
		cmocka_unit_test(test_bad_hello),
		cmocka_unit_test(test_refused_at_hello),
		cmocka_unit_test(test_no_daemon),
		cmocka_unit_test(test_enormous_grants),
		cmocka_unit_test(test_flood_of_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
