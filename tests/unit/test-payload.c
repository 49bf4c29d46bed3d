// SPDX-License-Identifier: GPL-2.0-or-later
/* The interface: round trips at all sizes, the limits, the table of faults. */
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

static const uint32_t sizes[] = {1,    2,    100,   2048,  4095,  4096,	 4097,	 5000,
				 8191, 8192, 12288, 20000, 65536, 65537, 131071, 131072};

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
		struct sample_random random = {.state = compression};
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
	unsigned int wrong = 0;

	assert_non_null(f);
	assert_int_equal(payload_scratch_new(&scratch), 0);
	for (size_t i = 0; i < forge_row_count; i++) {
		const struct forge_row *row = &forge_rows[i];

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_rows),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
