// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The frame codec by its own tables: every field of every frame goes round, every reserved bit
 * and every limit is refused. What the bytes are is for wire-vectors to say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "wire/codes.h"
#include "wire/limits.h"
#include "wire/wire.h"

struct field {
	const char *frame, *name;
	uint16_t type;
	size_t offset, size;
	int reserved;
};

static struct field fields[256];
static size_t n_fields;

static void field_add(struct field f)
{
	assert_true(n_fields < sizeof(fields) / sizeof(fields[0]));
	fields[n_fields++] = f;
}

#define FIELD(t, f)    field_add((struct field){ name, #f, type, offsetof(T, f), sizeof(t), 0 });
#define RESERVED(t, f) field_add((struct field){ name, #f, type, offsetof(T, f), sizeof(t), 1 });

#define X(code, NAME, lower)                                                                       \
	static void fields_##lower(const char *name, uint16_t type)                                \
	{                                                                                          \
		typedef struct wire_##lower T;                                                     \
		WIRE_##NAME(FIELD, RESERVED)                                                       \
	}
WIRE_FRAMES(X)
#undef X

static int setup(void **state)
{
#define X(code, NAME, lower) fields_##lower(#NAME, code);
	WIRE_FRAMES(X)
#undef X
	return 0;
}

static const uint16_t types[] = {
#define X(code, NAME, lower) code,
	WIRE_FRAMES(X)
#undef X
};
#define N_TYPES (sizeof(types) / sizeof(types[0]))

/* A frame that wire_read() takes, all other fields zero. */
static union wire_frame plain(uint16_t type)
{
	union wire_frame f;

	memset(&f, 0, sizeof(f));
	f.h.type = type;
	f.h.length = (uint32_t)wire_fixed_size(type);
	return f;
}

static int read_back(const union wire_frame *f, union wire_frame *out)
{
	uint8_t bytes[1 + WIRE_FRAME_MAX_FIXED];

	wire_write(f, bytes + 1); /* no alignment is needed */
	return wire_read(bytes + 1, out);
}

static int code_of(const union wire_frame *f)
{
	union wire_frame back;

	return read_back(f, &back);
}

static void test_plain(void **state)
{
	for (size_t i = 0; i < N_TYPES; i++) {
		union wire_frame f = plain(types[i]), back;

		assert_true(wire_fixed_size(types[i]) >= sizeof(struct wire_header));
		assert_int_equal(read_back(&f, &back), 0);
		assert_memory_equal(&f, &back, wire_fixed_size(types[i]));
		assert_string_not_equal(wire_type_name(types[i]), "frame");
	}
}

/* A field whose value has no other meaning to the codec than itself. */
static int is_count(const struct field *f)
{
	return !strcmp(f->name, "path_len") || !strcmp(f->name, "count") ||
	       !strcmp(f->name, "text_len");
}

static void test_fields_go_round(void **state)
{
	for (size_t i = 0; i < n_fields; i++) {
		const struct field *d = &fields[i];
		union wire_frame f = plain(d->type), back;
		uint8_t *at = (uint8_t *)&f + d->offset;

		if (d->reserved || is_count(d))
			continue;
		for (size_t b = 0; b < d->size; b++)
			at[b] = (uint8_t)(0x11 + b);
		if (!strcmp(d->name, "open_flags"))
			f.open.open_flags = WIRE_OPEN_FLAGS;
		if (!strcmp(d->name, "payload_len"))
			f.write.arena = 0;
		if (read_back(&f, &back) || memcmp(&f, &back, wire_fixed_size(d->type)))
			fail_msg("%s.%s did not go round", d->frame, d->name);
	}
}

static void test_reserved(void **state)
{
	int seen = 0;

	for (size_t i = 0; i < n_fields; i++) {
		const struct field *d = &fields[i];

		for (size_t bit = 0; d->reserved && bit < 8 * d->size; bit++, seen++) {
			union wire_frame f = plain(d->type);

			((uint8_t *)&f)[d->offset + bit / 8] = (uint8_t)(1U << bit % 8);
			if (code_of(&f) != WIRE_E_RESERVED)
				fail_msg("%s.%s bit %zu was taken", d->frame, d->name, bit);
		}
	}
	assert_true(seen > 300);
}

static void test_header_flags(void **state)
{
	for (size_t i = 0; i < N_TYPES; i++)
		for (int bit = 0; bit < 16; bit++) {
			union wire_frame f = plain(types[i]);

			f.h.flags = (uint16_t)(1U << bit);
			assert_int_equal(code_of(&f), WIRE_E_RESERVED);
		}
}

static void test_open_flags(void **state)
{
	for (int bit = 0; bit < 32; bit++) {
		union wire_frame f = plain(WIRE_TYPE_OPEN);

		f.open.open_flags = UINT32_C(1) << bit;
		assert_int_equal(code_of(&f),
				 f.open.open_flags & WIRE_OPEN_FLAGS ? 0 : WIRE_E_RESERVED);
	}
}

static void test_inline_payload_has_no_offset(void **state)
{
	union wire_frame f = plain(WIRE_TYPE_WRITE_);

	f.write.payload_offset = 1;
	assert_int_equal(code_of(&f), 0);
	f.write.arena = WIRE_NO_ARENA;
	assert_int_equal(code_of(&f), WIRE_E_RESERVED);

	f = plain(WIRE_TYPE_READ);
	f.read.payload_offset = 1;
	assert_int_equal(code_of(&f), 0);
	f.read.arena = WIRE_NO_ARENA;
	assert_int_equal(code_of(&f), WIRE_E_RESERVED);
}

static void test_types(void **state)
{
	int known = 0;

	for (uint32_t type = 0; type <= UINT16_MAX; type++) {
		struct wire_header h = { .length = 16, .type = (uint16_t)type };
		uint8_t bytes[WIRE_FRAME_MAX_FIXED] = {};
		union wire_frame f;

		if (wire_fixed_size((uint16_t)type)) {
			known++;
			continue;
		}
		bytes[4] = (uint8_t)h.type;
		bytes[5] = (uint8_t)(h.type >> 8);
		assert_int_equal(wire_read(bytes, &f), WIRE_E_FRAME_TYPE);
		assert_string_equal(wire_type_name((uint16_t)type), "frame");
	}
	assert_int_equal(known, N_TYPES);
}

static void test_length_must_fit(void **state)
{
	static const int64_t wrong[] = { -1, 1, 8, INT32_MAX, INT64_MIN };

	for (size_t i = 0; i < N_TYPES; i++) {
		union wire_frame f = plain(types[i]);
		uint32_t right = f.h.length;

		for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++) {
			f.h.length = (uint32_t)((int64_t)right + wrong[k]);
			if (f.h.length != right)
				assert_int_equal(code_of(&f), WIRE_E_FRAME_LENGTH);
		}
		for (f.h.length = 0; f.h.length < right; f.h.length++)
			assert_int_equal(code_of(&f), WIRE_E_FRAME_LENGTH);
	}
}

/* One count field: at its limit, beyond it, and where its product would overflow 32 bits. */
static void limit(uint16_t type, size_t offset, uint64_t max, uint32_t unit)
{
	union wire_frame f = plain(type);
	uint32_t fixed = f.h.length;
	uint32_t counts[] = { 1, (uint32_t)max, (uint32_t)max + 1, UINT32_MAX / unit + 1,
			      UINT32_MAX };

	if (type == WIRE_TYPE_WRITE_)
		f.write.arena = WIRE_NO_ARENA;
	if (type == WIRE_TYPE_READ_REPLY)
		f.read_reply.arena = WIRE_NO_ARENA;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		memcpy((uint8_t *)&f + offset, &counts[i], sizeof(counts[i]));
		f.h.length = fixed + counts[i] * unit; /* wraps as a careless peer's would */
		assert_int_equal(code_of(&f), counts[i] <= max ? 0 : WIRE_E_FRAME_LENGTH);
		f.h.length++;
		assert_int_equal(code_of(&f), WIRE_E_FRAME_LENGTH);
	}
}

static void test_limits(void **state)
{
	limit(WIRE_TYPE_OPEN, offsetof(struct wire_open, path_len), LIMIT_PATH_BYTES, 1);
	limit(WIRE_TYPE_WRITE_, offsetof(struct wire_write, payload_len), LIMIT_PAYLOAD_BYTES, 1);
	limit(WIRE_TYPE_READ_REPLY, offsetof(struct wire_read_reply, payload_len),
	      LIMIT_PAYLOAD_BYTES, 1);
	limit(WIRE_TYPE_ACKS, offsetof(struct wire_acks, count), LIMIT_ACKS_PER_FRAME, 32);
	limit(WIRE_TYPE_STATUS_REPLY, offsetof(struct wire_status_reply, count), LIMIT_COUNTERS, 8);
	limit(WIRE_TYPE_ERROR, offsetof(struct wire_error, text_len), LIMIT_ERROR_TEXT_BYTES, 1);
}

static void test_ack(void **state)
{
	struct wire_ack a = { UINT64_C(0x1122334455667788), 2, 3, -4, 5, 6, 7, 8 }, b;
	uint8_t bytes[1 + sizeof(a)];

	wire_write_ack(&a, bytes + 1);
	wire_read_ack(bytes + 1, &b);
	assert_memory_equal(&a, &b, sizeof(a));
}

/* Every code has a name, a text and an errno, and none stands for two. */
static void test_codes(void **state)
{
	static const unsigned int codes[] = {
#define X(number, name, err, text) number,
		WIRE_CODES(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		assert_string_not_equal(wire_code_name(codes[i]), "UNKNOWN");
		assert_true(strlen(wire_code_text(codes[i])) > 3);
		assert_null(strchr(wire_code_text(codes[i]), '\n'));
		assert_int_equal(wire_code_errno(codes[i], 0) == 0, codes[i] == 0);
		assert_int_equal(wire_code_errno(codes[i], 28), 28);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(wire_code_name(codes[i]), wire_code_name(codes[k]));
	}
	assert_string_equal(wire_code_name(999), "UNKNOWN");
	assert_int_not_equal(wire_code_errno(999, 0), 0);
	assert_int_not_equal(wire_code_errno(1500, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_fields_go_round),
		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_header_flags),
		cmocka_unit_test(test_open_flags),
		cmocka_unit_test(test_inline_payload_has_no_offset),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_length_must_fit),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_ack),
		cmocka_unit_test(test_codes),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
