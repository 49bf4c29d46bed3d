// SPDX-License-Identifier: GPL-2.0-or-later
/* The interface: round trips at all sizes, the limits, the table of faults. */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>
#include <linux/btrfs.h>
#include "base/cleanup.h"
#include "common/forge.h"
#include "common/sample.h"
#include "payload/payload.h"

static const uint32_t sizes[] = { 1,	2,    100,   2048,  4095,  4096,  4097,	  5000,
				  8191, 8192, 12288, 20000, 65536, 65537, 131071, 131072 };

static uint8_t data[PAYLOAD_UNENCODED_MAX], encoded[PAYLOAD_SIZE_MAX], back[PAYLOAD_UNENCODED_MAX];

static uint32_t sector_of(uint32_t compression)
{
	return payload_lzo_sector(compression) ?: 4096;
}

/* 0 or PAYLOAD_INCOMPRESSIBLE; what was made has to pass every level and decode to the same. */
static int round_trip(struct payload_scratch *scratch, struct payload_compressor *compressor,
		      uint32_t compression, uint32_t len)
{
	uint32_t sector = sector_of(compression);
	struct payload_fault fault = {};
	size_t n;
	int r;

	r = payload_compress(compressor, sector, data, len, encoded, &n);
	if (r)
		return r;
	if (len > sector)
		assert_true((n + sector - 1) / sector < (len + sector - 1) / sector);
	else
		assert_true(n < len);
	for (int level = PAYLOAD_NONE; level <= PAYLOAD_FULL; level++)
		assert_int_equal(
			payload_check(scratch, compression, encoded, n, len, level, &fault), 0);
	memset(back, 0xa5, sizeof(back));
	assert_int_equal(payload_decode(scratch, compression, encoded, n, back, len, &fault), 0);
	assert_memory_equal(data, back, len);
	for (size_t i = len; i < sizeof(back); i++)
		assert_int_equal(back[i], 0xa5);
	return 0;
}

static void test_round_trip(void **state)
{
	for (uint32_t compression = 1; compression < BTRFS_ENCODED_IO_COMPRESSION_TYPES;
	     compression++) {
		struct payload_compressor *compressor = NULL;
		struct payload_scratch *scratch = NULL;
		struct sample_random random = { .state = compression };
		unsigned int made = 0;

		assert_int_equal(payload_compressor_new(compression, 0, &compressor), 0);
		assert_int_equal(payload_scratch_new(&scratch), 0);
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
				int r;

				sample_fill(data, sizes[i], kind, &random);
				r = round_trip(scratch, compressor, compression, sizes[i]);
				assert_true(r == 0 || r == PAYLOAD_INCOMPRESSIBLE);
				if (kind == SAMPLE_NOISE)
					assert_int_equal(r, PAYLOAD_INCOMPRESSIBLE);
				made += r == 0;
			}
		}
		assert_true(made >= ARRAY_SIZE(sizes));
		payload_scratch_free(scratch);
		payload_compressor_free(compressor);
	}
}

static void test_bad_rows(void **state)
{
	struct payload_scratch *scratch = NULL;
	struct forged *f = calloc(1, sizeof(*f));
	const struct forge_row *row;
	unsigned int wrong = 0;

	assert_non_null(f);
	assert_int_equal(payload_scratch_new(&scratch), 0);
	for (size_t i = 0; (row = forge_row(i)); i++) {
		forge_row_make(row, f);
		for (int level = PAYLOAD_NONE; level <= PAYLOAD_FULL; level++) {
			struct payload_fault fault = {};
			int r = payload_check(scratch, f->compression, f->p, f->len,
					      f->unencoded_len, level, &fault);

			if (r == ((enum payload_level)level >= row->caught ? PAYLOAD_BAD : 0) &&
			    (level < PAYLOAD_FULL || fault.code == row->code))
				continue;
			print_error("%s: level %d gives %d, %s\n", row->name, level, r,
				    payload_fault_name(fault.code) ?: "no fault");
			wrong++;
		}
	}
	payload_scratch_free(scratch);
	free(f);
	assert_int_equal(wrong, 0);
}

struct fixture {
	struct payload_scratch *scratch;
	struct forged *f;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	return !fixture || payload_scratch_new(&fixture->scratch) ||
	       !(fixture->f = calloc(1, sizeof(*fixture->f)));
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	payload_scratch_free(fixture->scratch);
	free(fixture->f);
	free(fixture);
	return 0;
}

static uint32_t full(struct fixture *fixture)
{
	struct forged *f = fixture->f;
	struct payload_fault fault = {};
	int r = payload_decode(fixture->scratch, f->compression, f->p, f->len, back,
			       f->unencoded_len, &fault);

	assert_true(r == 0 || r == PAYLOAD_BAD);
	if (!r)
		assert_memory_equal(back, f->data, f->unencoded_len);
	return r ? fault.code : 0;
}

/* Good frames that our own compressor does not make. */
static void test_unusual(void **state)
{
	struct fixture *fixture = *state;
	struct forged *f = fixture->f;

	for (int bits = 12; bits <= 15; bits++) {
		forge_good(f, BTRFS_ENCODED_IO_COMPRESSION_ZLIB, 1U << bits, bits);
		forge_zlib(f, bits, 9);
		assert_int_equal(full(fixture), 0);
		forge_good(f, BTRFS_ENCODED_IO_COMPRESSION_ZLIB, (1U << bits) + 4096, bits);
		forge_zlib(f, bits, 9);
		assert_int_equal(full(fixture), bits < 15 ? PAYLOAD_FAULT_ZLIB_SMALL_WINDOW : 0);
	}
	for (int size = 0; size < 2; size++) {
		for (int sum = 0; sum < 2; sum++) {
			forge_good(f, BTRFS_ENCODED_IO_COMPRESSION_ZSTD, 131072, size * 2 + sum);
			forge_zstd(f, 17, size, sum, 0);
			assert_int_equal(full(fixture), 0);
			forge_zstd(f, 17, size, sum, 3000);
			assert_int_equal(full(fixture), 0);
		}
	}
	for (uint32_t compression = BTRFS_ENCODED_IO_COMPRESSION_LZO_4K;
	     compression < BTRFS_ENCODED_IO_COMPRESSION_TYPES; compression++) {
		forge_good(f, compression, 131072, 1);
		if (compression == BTRFS_ENCODED_IO_COMPRESSION_LZO_4K)
			forge_lzo_end_literal(f);
		assert_int_equal(full(fixture), 0);
	}
}

/* Zeros up to the sector and beyond are what the kernel itself puts behind a stream. */
static void test_padding(void **state)
{
	struct fixture *fixture = *state;
	struct forged *f = fixture->f;
	static const uint32_t compressions[] = { BTRFS_ENCODED_IO_COMPRESSION_ZLIB,
						 BTRFS_ENCODED_IO_COMPRESSION_ZSTD,
						 BTRFS_ENCODED_IO_COMPRESSION_LZO_4K };

	for (size_t i = 0; i < ARRAY_SIZE(compressions); i++) {
		size_t len;

		forge_good(f, compressions[i], 65536, 1);
		len = f->len;
		memset(f->p + len, 0, sizeof(f->p) - len);
		f->len = (len + 4095) / 4096 * 4096;
		assert_int_equal(full(fixture), 0);
		f->p[f->len - 1] = 1;
		assert_int_equal(full(fixture), PAYLOAD_FAULT_TRAILING_DATA);
		f->p[f->len - 1] = 0;
		f->len += 1; /* one sector more than the data need */
		assert_int_equal(full(fixture), payload_lzo_sector(compressions[i])
							? PAYLOAD_FAULT_LZO_UNUSED_SECTOR
							: 0);
	}
}

/* Where a segment ends less than four bytes before a sector boundary of the payload, and another
 * one follows. Few payloads have such a place: those of some seeds. */
static void test_lzo_padding(void **state)
{
	enum { SECTOR = 4096, WANTED = 5 };
	struct fixture *fixture = *state;
	struct forged *f = fixture->f;
	unsigned int found = 0;

	for (uint64_t seed = 1; found < WANTED && seed < 4000; seed++) {
		forge_good(f, BTRFS_ENCODED_IO_COMPRESSION_LZO_4K, 131072, seed);
		for (size_t at = 4; at < f->len;) {
			size_t left = SECTOR - at % SECTOR;
			uint32_t len;

			if (left < 4) {
				found++;
				assert_int_equal(full(fixture), 0);
				f->p[at + left - 1] = 1;
				assert_int_equal(full(fixture), PAYLOAD_FAULT_LZO_PADDING);
				f->p[at + left - 1] = 0;
				at += left;
				continue;
			}
			memcpy(&len, f->p + at, sizeof(len));
			at += sizeof(len) + le32toh(len);
		}
	}
	assert_true(found >= WANTED);
}

/* A tail that decodes to its whole sector is good when the surplus is zero. */
static void test_surplus(void **state)
{
	struct fixture *fixture = *state;
	struct forged *f = fixture->f;

	for (uint32_t compression = 1; compression <= BTRFS_ENCODED_IO_COMPRESSION_LZO_4K;
	     compression++) {
		struct payload_compressor *compressor = NULL;

		forge_good(f, compression, 65536, 1);
		memset(f->data + 65536 - 100, 0, 100);
		assert_int_equal(payload_compressor_new(compression, 0, &compressor), 0);
		assert_int_equal(payload_compress(compressor, 4096, f->data, 65536, f->p, &f->len),
				 0);
		payload_compressor_free(compressor);
		f->unencoded_len = 65536 - 100;
		assert_int_equal(full(fixture), 0);
		f->unencoded_len = 65536 - 101;
		assert_int_equal(full(fixture), PAYLOAD_FAULT_SURPLUS);
		f->unencoded_len = 65536 - 4096;
		assert_int_equal(full(fixture), PAYLOAD_FAULT_TOO_LONG);
	}
}

static void test_limits(void **state)
{
	struct fixture *fixture = *state;
	struct payload_fault fault = {};
	struct forged *f = fixture->f;
	uint8_t *big = calloc(1, PAYLOAD_SIZE_MAX + 1);
	static const struct {
		uint32_t compression;
		size_t len;
		uint64_t unencoded_len;
		uint32_t code;
	} rows[] = {
		{ 0, 10, 4096, PAYLOAD_FAULT_COMPRESSION },
		{ BTRFS_ENCODED_IO_COMPRESSION_TYPES, 10, 4096, PAYLOAD_FAULT_COMPRESSION },
		{ UINT32_MAX, 10, 4096, PAYLOAD_FAULT_COMPRESSION },
		{ 1, 0, 4096, PAYLOAD_FAULT_EMPTY },
		{ 1, 10, 0, PAYLOAD_FAULT_EMPTY },
		{ 1, PAYLOAD_SIZE_MAX + 1, 4096, PAYLOAD_FAULT_PAYLOAD_SIZE },
		{ 1, 10, PAYLOAD_UNENCODED_MAX + 1, PAYLOAD_FAULT_UNENCODED_SIZE },
		{ 1, 10, UINT64_MAX, PAYLOAD_FAULT_UNENCODED_SIZE },
		{ 1, 10, (1ULL << 32) + 4096, PAYLOAD_FAULT_UNENCODED_SIZE },
	};

	assert_non_null(big);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int level = PAYLOAD_NONE; level <= PAYLOAD_FULL; level++) {
			assert_int_equal(payload_check(fixture->scratch, rows[i].compression, big,
						       rows[i].len, rows[i].unencoded_len, level,
						       &fault),
					 PAYLOAD_BAD);
			assert_int_equal(fault.code, rows[i].code);
		}
	}
	/* At the limit: a full-size extent in a payload padded to the largest there is. */
	for (uint32_t compression = 1; compression <= 2; compression++) {
		forge_good(f, compression, PAYLOAD_UNENCODED_MAX, 1);
		memset(f->p + f->len, 0, sizeof(f->p) - f->len);
		f->len = PAYLOAD_SIZE_MAX;
		assert_int_equal(full(fixture), 0);
	}
	free(big);
}

/* Tails as the kernel makes them: short of the sector that the extent's length is rounded to. */
static void test_short_tail(void **state)
{
	struct fixture *fixture = *state;
	struct payload_scratch *scratch = fixture->scratch;
	struct forged *f = fixture->f;
	struct payload_fault fault;
	const uint32_t has = 19286, rounded = 20480;

	for (uint32_t compression = 1; compression <= BTRFS_ENCODED_IO_COMPRESSION_LZO_4K;
	     compression++) {
		forge_good(f, compression, has, 1);
		for (int level = PAYLOAD_STRUCTURE; level <= PAYLOAD_FULL; level++) {
			assert_int_equal(payload_check_part(scratch, compression, f->p, f->len,
							    rounded, has, level, &fault),
					 0);
			/* A file cut shorter since then needs less of it. */
			assert_int_equal(payload_check_part(scratch, compression, f->p, f->len,
							    rounded, has - 300, level, &fault),
					 0);
		}
		assert_int_equal(payload_check_part(scratch, compression, f->p, f->len, rounded,
						    has + 1, PAYLOAD_FULL, &fault),
				 PAYLOAD_BAD);
		assert_int_equal(fault.code, PAYLOAD_FAULT_TOO_SHORT);

		memset(back, 0xa5, sizeof(back));
		assert_int_equal(payload_decode_part(scratch, compression, f->p, f->len, back,
						     rounded, has, &fault),
				 0);
		assert_memory_equal(back, f->data, has);
		for (uint32_t i = has; i < rounded; i++)
			assert_int_equal(back[i], 0);
		assert_int_equal(back[rounded], 0xa5);
	}
}

/* Every cut of a small payload, each in a buffer that ends where the payload does. */
static void test_every_cut(void **state)
{
	struct fixture *fixture = *state;
	struct payload_fault fault;
	struct forged *f = fixture->f;

	for (uint32_t compression = 1; compression < BTRFS_ENCODED_IO_COMPRESSION_TYPES;
	     compression++) {
		forge_good(f, compression, 65536 * 2, 1);
		for (size_t len = 1; len < f->len; len += len < 64 ? 1 : 61) {
			uint8_t *p = malloc(len);
			int r;

			assert_non_null(p);
			memcpy(p, f->p, len);
			r = payload_check(fixture->scratch, compression, p, len, f->unencoded_len,
					  PAYLOAD_FULL, &fault);
			free(p);
			assert_int_equal(r, PAYLOAD_BAD);
			assert_true(fault.position <= len);
		}
	}
}

static void test_compressor_arguments(void **state)
{
	struct payload_compressor *compressor = NULL;
	size_t n;

	assert_int_equal(payload_compressor_new(0, 0, &compressor), -EINVAL);
	assert_int_equal(payload_compressor_new(8, 0, &compressor), -EINVAL);
	assert_int_equal(payload_compressor_new(1, 10, &compressor), -EINVAL);
	assert_int_equal(payload_compressor_new(2, 23, &compressor), -EINVAL);
	assert_int_equal(payload_compressor_new(3, 1, &compressor), -EINVAL);
	assert_int_equal(payload_compressor_new(3, 0, &compressor), 0);
	assert_int_equal(payload_compress(compressor, 4096, data, 0, encoded, &n), -EINVAL);
	assert_int_equal(payload_compress(compressor, 8192, data, 4096, encoded, &n), -EINVAL);
	assert_int_equal(
		payload_compress(compressor, 4096, data, PAYLOAD_UNENCODED_MAX + 1, encoded, &n),
		-EINVAL);
	payload_compressor_free(compressor);
}

#define COUNT_FAULT(code, name, text) { code, #name, text },

static void test_fault_table(void **state)
{
	static const struct {
		uint32_t code;
		const char *name, *text;
	} table[] = { PAYLOAD_FAULTS(COUNT_FAULT) };

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_in_range(table[i].code, PAYLOAD_FAULT_FIRST, PAYLOAD_FAULT_LAST);
		assert_string_equal(payload_fault_name(table[i].code), table[i].name);
		assert_string_equal(payload_fault_text(table[i].code), table[i].text);
		if (i)
			assert_true(table[i].code > table[i - 1].code);
	}
	assert_null(payload_fault_name(PAYLOAD_FAULT_LAST + 1));
	assert_null(payload_fault_text(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unusual, setup, teardown),
		cmocka_unit_test_setup_teardown(test_padding, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lzo_padding, setup, teardown),
		cmocka_unit_test_setup_teardown(test_surplus, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_tail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_cut, setup, teardown),
		cmocka_unit_test(test_compressor_arguments),
		cmocka_unit_test(test_fault_table),
		cmocka_unit_test(test_bad_rows),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
