// SPDX-License-Identifier: GPL-2.0-or-later
/* READ in libextent: whose the buffer is, payloads that come in pieces, and answers that cannot be.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "client/peer.h"
#include "wire/codes.h"

static uint8_t payload[1 << 17];

static struct extent_session *begin(struct peer *p, int *file)
{
	struct wire_hello_reply l = peer_limits;
	struct extent_session *s;
	union wire_frame f;

	l.features |= WIRE_FEATURE_READ;
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7 + i / 256);
	s = peer_session(p, &l);
	assert_true(extent_open_path(s, "/x", EXTENT_READ, 0, NULL, NULL, file) > 0);
	extent_process(s);
	peer_take(p, WIRE_TYPE_OPEN, &f);
	assert_int_equal(f.open.open_flags, WIRE_OPEN_READ);
	peer_opened(p, &f.open);
	extent_drain(s);
	for (struct extent_completion c; extent_next_completion(s, &c);)
		;
	return s;
}

static void end(struct extent_session *s, struct peer *p)
{
	extent_disconnect(s);
	peer_close(p);
}

/* Queues one and has the peer take it. The arena's announcement may come before. */
static struct wire_read ask(struct extent_session *s, struct peer *p, struct extent_read *r)
{
	union wire_frame f;

	assert_true(extent_read(s, r, NULL, NULL) > 0);
	extent_process(s);
	peer_take(p, WIRE_TYPE_READ, &f);
	return f.read;
}

static union wire_frame answer_to(const struct wire_read *q)
{
	return (union wire_frame){ .read_reply = {
					   .h = { .type = WIRE_TYPE_READ_REPLY, .id = q->h.id },
					   .offset = q->offset,
					   .len = 131072,
					   .unencoded_len = 131072,
					   .arena = q->arena,
					   .payload_len = 5000,
					   .compression = EXTENT_ZSTD,
					   .kind = WIRE_READ_ENCODED,
				   } };
}

static int result_of(struct extent_session *s)
{
	struct extent_completion c;

	assert_int_equal(extent_next_completion(s, &c), 1);
	assert_int_equal(c.kind, EXTENT_OP_READ);
	return c.result;
}

static void skip_arena(struct extent_session *s, struct peer *p, bool grant)
{
	union wire_frame f;
	void *b = extent_buffer_get(s, 1);

	assert_non_null(b);
	extent_buffer_put(s, b);
	extent_process(s);
	peer_take(p, WIRE_TYPE_ARENA, &f);
	if (grant)
		peer_ack_ok(p, f.h.id, 0);
	else
		peer_ack_error(p, f.h.id, WIRE_E_USER_LIMIT, 0);
	extent_process(s);
}

static void test_unknown_to_the_daemon(void **state)
{
	struct extent_limits l;
	struct peer p;
	struct extent_session *s = peer_session(&p, NULL);
	int file;

	extent_get_limits(s, &l);
	assert_false(l.reads);
	assert_int_equal(extent_open_fd(s, 0, "x", EXTENT_READ, NULL, NULL, &file), -EOPNOTSUPP);
	assert_non_null(strstr(extent_error_text(s), "no reads"));
	end(s, &p);
}

static void test_inline_in_pieces(void **state)
{
	static const size_t cuts[] = { 1, 40, 71, 72, 73, 4096, 65536, 131072 + 71 };
	struct peer p;
	int file;
	struct extent_session *s = begin(&p, &file);
	struct extent_read r = { .file = file, .offset = 4096 };

	skip_arena(s, &p, false);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct wire_read q = ask(s, &p, &r);
		union wire_frame f = answer_to(&q);
		static uint8_t bytes[72 + sizeof(payload)];

		assert_int_equal(q.arena, WIRE_NO_ARENA);
		assert_int_equal(q.offset, 4096);
		assert_int_equal(q.payload_max, 131072);
		f.read_reply.payload_len = 131072;
		f.h.length = sizeof(bytes);
		f.read_reply.unencoded_len = 1 << 20;
		wire_write(&f, bytes);
		memcpy(bytes + 72, payload, sizeof(payload));
		peer_send_raw(&p, bytes, cuts[i]);
		assert_int_equal(extent_process(s), 0);
		for (size_t at = cuts[i]; at < sizeof(bytes); at += 50000) {
			size_t n = sizeof(bytes) - at < 50000 ? sizeof(bytes) - at : 50000;

			peer_send_raw(&p, bytes + at, n);
			extent_process(s);
		}
		assert_int_equal(result_of(s), 0);
		assert_int_equal(r.payload_len, 131072);
		assert_memory_equal(r.payload, payload, sizeof(payload));
		extent_buffer_put(s, r.payload);
	}
	assert_int_equal(extent_pending(s), 0);
	end(s, &p);
}

static void test_through_the_arena(void **state)
{
	struct peer p;
	int file;
	struct extent_session *s = begin(&p, &file);
	struct extent_read r = { .file = file }, all[9];
	struct wire_read q;
	union wire_frame f;

	skip_arena(s, &p, true);
	q = ask(s, &p, &r);
	assert_int_equal(q.arena, 0);
	f = answer_to(&q);
	peer_send(&p, &f, NULL, 0);
	extent_process(s);
	assert_int_equal(result_of(s), 0);
	assert_int_equal(r.kind, EXTENT_READ_ENCODED);
	assert_non_null(r.payload);
	/* The caller's: no read gets it (8 of 128 KiB are the pool), until it is put back. */
	for (int i = 0; i < 7; i++) {
		all[i] = (struct extent_read){ .file = file };
		q = ask(s, &p, &all[i]);
		f = answer_to(&q);
		f.read_reply.kind = i ? WIRE_READ_ENCODED : WIRE_READ_HOLE;
		if (!i)
			f.read_reply.payload_len = f.read_reply.compression = 0;
		peer_send(&p, &f, NULL, 0);
		extent_process(s);
		assert_int_equal(result_of(s), 0);
		assert_ptr_not_equal(all[i].payload, r.payload);
	}
	assert_null(all[0].payload); /* a hole's went back by itself */
	all[7] = (struct extent_read){ .file = file };
	q = ask(s, &p, &all[7]);
	peer_ack_error(&p, q.h.id, WIRE_E_READ_FAILED, EIO);
	extent_process(s);
	assert_int_equal(result_of(s), -EIO);
	all[7] = (struct extent_read){ .file = file };
	q = ask(s, &p, &all[7]);
	f = answer_to(&q);
	peer_send(&p, &f, NULL, 0);
	extent_process(s);
	assert_int_equal(result_of(s), 0);
	all[8] = (struct extent_read){ .file = file };
	assert_int_equal(extent_read(s, &all[8], NULL, NULL), -EAGAIN);
	extent_buffer_put(s, r.payload);
	assert_true(extent_read(s, &all[8], NULL, NULL) > 0);
	end(s, &p);
}

static void test_limits(void **state)
{
	struct peer p;
	int file;
	struct extent_session *s = begin(&p, &file);
	struct extent_read r = { .file = 3 };

	assert_int_equal(extent_read(s, &r, NULL, NULL), -EBADF);
	r = (struct extent_read){ .file = file, .payload_max = 131073 };
	assert_int_equal(extent_read(s, &r, NULL, NULL), -EMSGSIZE);
	end(s, &p);
}

/* Each answer ends the session: what follows it could not be told apart any more. */
static void refused(void (*change)(struct wire_read_reply *), bool arena)
{
	struct peer p;
	int file;
	struct extent_session *s = begin(&p, &file);
	struct extent_read r = { .file = file, .offset = 8192, .payload_max = 65536 };
	struct wire_read q;
	union wire_frame f;

	skip_arena(s, &p, arena);
	q = ask(s, &p, &r);
	f = answer_to(&q);
	change(&f.read_reply);
	peer_send(&p, &f, payload,
		  f.read_reply.arena == WIRE_NO_ARENA ? f.read_reply.payload_len : 0);
	assert_int_equal(extent_wait(s, 1000), 1);
	assert_int_equal(result_of(s), -ECONNRESET);
	assert_int_equal(extent_process(s), -EPROTO);
	assert_non_null(strstr(extent_error_text(s), "READ_REPLY"));
	end(s, &p);
}

#define CHANGE(name, what)                                                                         \
	static void name(struct wire_read_reply *f)                                                \
	{                                                                                          \
		f->what;                                                                           \
	}
CHANGE(other_id, h.id++)
CHANGE(other_offset, offset++)
CHANGE(other_arena, arena = f->arena == WIRE_NO_ARENA ? 0 : WIRE_NO_ARENA)
CHANGE(unknown_arena, arena = 1)
CHANGE(too_large, payload_len = 65537)
CHANGE(no_payload, payload_len = 0)
CHANGE(no_kind, kind = 0)
CHANGE(unknown_kind, kind = 5)
CHANGE(no_compression, compression = 0)
CHANGE(no_len, len = 0)
CHANGE(long_len, len = 131073)
CHANGE(overflow, unencoded_offset = UINT64_MAX)
CHANGE(wrap, len = UINT64_MAX - 8192)
CHANGE(plain_that_decodes, kind = WIRE_READ_PLAIN)
CHANGE(hole_with_payload, kind = WIRE_READ_HOLE)
CHANGE(end_with_payload, kind = WIRE_READ_END)

static void test_wrong_answers(void **state)
{
	static void (*const changes[])(struct wire_read_reply *) = {
		other_id,	  other_offset, other_arena,  unknown_arena,	  too_large,
		no_payload,	  no_kind,	unknown_kind, no_compression,	  no_len,
		long_len,	  overflow,	wrap,	      plain_that_decodes, hole_with_payload,
		end_with_payload,
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		refused(changes[i], false);
		refused(changes[i], true);
	}
}

static void test_acknowledged_is_no_answer(void **state)
{
	struct peer p;
	int file;
	struct extent_session *s = begin(&p, &file);
	struct extent_read r = { .file = file };
	struct wire_read q;

	skip_arena(s, &p, true);
	q = ask(s, &p, &r);
	peer_ack_ok(&p, q.h.id, 0);
	assert_int_equal(extent_wait(s, 1000), 1);
	assert_int_equal(result_of(s), -ECONNRESET);
	assert_int_equal(extent_process(s), -EPROTO);
	end(s, &p);
}

static void test_closed_inside_a_payload(void **state)
{
	struct peer p;
	int file;
	struct extent_session *s = begin(&p, &file);
	struct extent_read r = { .file = file };
	uint8_t bytes[WIRE_FRAME_MAX_FIXED];
	struct wire_read q;
	union wire_frame f;

	skip_arena(s, &p, false);
	q = ask(s, &p, &r);
	f = answer_to(&q);
	f.h.length = 72 + 5000;
	wire_write(&f, bytes);
	peer_send_raw(&p, bytes, 72);
	peer_send_raw(&p, payload, 4999);
	assert_int_equal(extent_process(s), 0);
	peer_close(&p);
	assert_int_equal(extent_wait(s, 1000), 1);
	assert_int_equal(result_of(s), -ECONNRESET);
	assert_non_null(strstr(extent_error_text(s), "in the middle of a reply"));
	extent_disconnect(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_to_the_daemon),
		cmocka_unit_test(test_inline_in_pieces),
		cmocka_unit_test(test_through_the_arena),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_wrong_answers),
		cmocka_unit_test(test_acknowledged_is_no_answer),
		cmocka_unit_test(test_closed_inside_a_payload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
