// SPDX-License-Identifier: GPL-2.0-or-later
/* What is written comes out of the parser as it went in; what the format has no room for is
 * refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "stream/attribute.h"
#include "stream/encode.h"
#include "stream/stream.h"

struct reader {
	struct stream_out out;
	size_t at;
};

static ssize_t read_out(void *userdata, void *buffer, size_t size)
{
	struct reader *r = userdata;
	size_t n = r->out.size - r->at;

	n = n < size ? n : size;
	memcpy(buffer, r->out.bytes + r->at, n);
	r->at += n;
	return (ssize_t)n;
}

static uint64_t seed = 1;

static uint64_t draw(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 1 | seed << 63;
}

static uint8_t content[70000];

/* Every field, whether the command uses it or not. */
static void fill(struct stream_command *c)
{
	for (unsigned int a = 1; a < STREAM_ATTRIBUTE_COUNT; a++) {
		void *field = (char *)c + stream_attributes[a].field;

		switch (stream_attributes[a].kind) {
		case KIND_STRING:
			*(struct stream_string *)field =
				(struct stream_string){ &"some/path/x"[draw() % 5],
							(uint32_t)(1 + draw() % 6) };
			break;
		case KIND_BYTES:
			*(struct stream_bytes *)field =
				(struct stream_bytes){ content + draw() % 100, draw() % 2000 };
			break;
		case KIND_TIME:
			*(struct timespec *)field =
				(struct timespec){ (time_t)draw() >> 20,
						   (long)(draw() % 1000000000) };
			break;
		case KIND_ID:
			memcpy(field, content + draw() % 100, 16);
			break;
		case KIND_U8:
			*(uint8_t *)field = (uint8_t)draw();
			break;
		case KIND_U32:
			*(uint32_t *)field = (uint32_t)draw();
			break;
		default:
			*(uint64_t *)field = draw();
		}
	}
}

static void same(const struct stream_command *a, const struct stream_command *b, unsigned int i)
{
	const void *x = (const char *)a + stream_attributes[i].field;
	const void *y = (const char *)b + stream_attributes[i].field;
	const struct stream_string *s = x, *t = y;
	const struct stream_bytes *p = x, *q = y;
	const struct timespec *v = x, *w = y;

	switch (stream_attributes[i].kind) {
	case KIND_STRING:
		assert_int_equal(s->size, t->size);
		assert_memory_equal(s->data, t->data, s->size);
		break;
	case KIND_BYTES:
		assert_int_equal(p->size, q->size);
		assert_memory_equal(p->data, q->data, p->size);
		break;
	case KIND_TIME:
		assert_int_equal(v->tv_sec, w->tv_sec);
		assert_int_equal(v->tv_nsec, w->tv_nsec);
		break;
	default:
		assert_memory_equal(x, y, stream_kind_sizes[stream_attributes[i].kind]);
	}
}

static void every_command_comes_back(void **state)
{
	enum { ROUNDS = 20 };
	static struct stream_command sent[ROUNDS * STREAM_COMMAND_COUNT];
	struct reader r = { 0 };
	struct block_source *pool;
	struct stream *stream;
	struct stream_command got;
	size_t n = 0;

	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)draw();
	assert_int_equal(stream_encode_header(&r.out), 0);
	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int op = 1; op <= STREAM_COMMAND_COUNT; op++) {
			struct stream_command *c = &sent[n++];

			/* Each round ends, and with the last one the stream. */
			c->op = op < STREAM_COMMAND_COUNT ? (enum stream_op)op : STREAM_C_END;
			if (op == STREAM_C_END)
				c->op = STREAM_C_TRUNCATE;
			fill(c);
			c->present = draw() & draw();
			if (c->op == STREAM_C_END && round + 1 < ROUNDS)
				c->op = STREAM_C_CHOWN;
			assert_int_equal(stream_encode(&r.out, c), 0);
			c->present = stream_commands[c->op].must |
				     (stream_commands[c->op].may & c->present);
			if (c->present & STREAM_BIT(DATA))
				assert_int_equal(stream_out_add(&r.out, c->data.data, c->data.size),
						 0);
		}
	assert_int_equal(block_pool_new(BLOCK_SIZE_MIN, 3, &pool), 0);
	assert_int_equal(stream_new(read_out, &r, pool, &stream), 0);
	for (size_t k = 0; k < n; k++) {
		assert_int_equal(stream_next(stream, &got), 0);
		assert_int_equal(got.op, sent[k].op);
		assert_int_equal(got.version, STREAM_ENCODE_VERSION);
		assert_int_equal(got.present, sent[k].present);
		for (unsigned int a = 1; a < STREAM_ATTRIBUTE_COUNT; a++)
			if (got.present >> a & 1)
				same(&sent[k], &got, a);
	}
	assert_int_equal(stream_next(stream, &got), STREAM_DONE);
	stream_free(stream);
	block_pool_free(pool);
	stream_out_free(&r.out);
}

static void what_does_not_fit_is_refused(void **state)
{
	static uint8_t large[STREAM_COMMAND_MAX];
	struct stream_out out = { NULL };
	struct stream_command c = {
		.op = STREAM_C_SET_XATTR,
		.path = { "a", 1 },
		.xattr_name = { "user.a", 6 },
		.xattr_data = { content, UINT16_MAX },
	};
	size_t before;

	assert_int_equal(stream_encode(&out, &c), 0);
	before = out.size;
	c.xattr_data.size = UINT16_MAX + 1;
	assert_int_equal(stream_encode(&out, &c), -EMSGSIZE);
	assert_int_equal(out.size, before);

	/* A write of the largest command, and one byte more. */
	c = (struct stream_command){ .op = STREAM_C_WRITE, .path = { "a", 1 } };
	c.data = (struct stream_bytes){ large, STREAM_COMMAND_MAX - STREAM_COMMAND_HEADER -
						       (4 + 1) - (4 + 8) - 2 };
	assert_int_equal(stream_encode(&out, &c), 0);
	assert_int_equal(out.size - before + c.data.size, STREAM_COMMAND_MAX);
	before = out.size;
	c.data.size++;
	assert_int_equal(stream_encode(&out, &c), -EMSGSIZE);
	assert_int_equal(out.size, before);

	c = (struct stream_command){ .op = STREAM_C_UTIMES, .path = { "a", 1 } };
	c.mtime.tv_nsec = 1000000000;
	assert_int_equal(stream_encode(&out, &c), -EINVAL);
	c.mtime.tv_nsec--;
	assert_int_equal(stream_encode(&out, &c), 0);
	stream_out_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_comes_back),
		cmocka_unit_test(what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
