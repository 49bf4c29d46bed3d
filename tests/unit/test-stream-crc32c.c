// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "stream/crc32c.h"

/* RFC 3720 B.4, in the form with inversion at both ends. */
static void test_known_answers(void **state)
{
	uint8_t bytes[32];

	assert_int_equal(~crc32c(~0u, "123456789", 9), 0xe3069283);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(~crc32c(~0u, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(~crc32c(~0u, bytes, 32), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		bytes[i] = i;
	assert_int_equal(~crc32c(~0u, bytes, 32), 0x46dd794e);
}

/* The definition, a bit at a time. */
static uint32_t reference(uint32_t crc, const uint8_t *p, size_t size)
{
	while (size--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return crc;
}

static void test_against_the_definition(void **state)
{
	static uint8_t bytes[16384];

	srandom(1);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = random();
	/* Sizes around the lanes (3 * 1024), the words and nothing at all; every alignment. */
	for (int round = 0; round < 400; round++) {
		size_t start = random() % 16;
		size_t size = round < 40 ? (size_t)round : 3060 + (size_t)random() % 13000;
		uint32_t seed = random(), expected;

		if (size > sizeof(bytes) - start)
			size = sizeof(bytes) - start;
		expected = reference(seed, bytes + start, size);
		assert_int_equal(crc32c(seed, bytes + start, size), expected);
		assert_int_equal(crc32c_portable(seed, bytes + start, size), expected);
	}
}

static void test_continues(void **state)
{
	static uint8_t bytes[9000];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 7;
	assert_int_equal(crc32c(crc32c(0, bytes, 4001), bytes + 4001, 4999),
			 crc32c(0, bytes, sizeof(bytes)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_against_the_definition),
		cmocka_unit_test(test_continues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
