// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The crc32 instruction takes three cycles and can be started every cycle, so three independent
 * lanes run side by side and are joined afterwards. Joining needs "append LANE zero bytes to a
 * crc", which is linear over GF(2): four table look-ups, one for each byte of the crc. The tables
 * are computed with the byte-wise definition itself. Without the instruction: slicing by eight.
 */
#include <endian.h>
#include <pthread.h>
#include <string.h>

#include "stream/crc32c.h"

#define POLYNOMIAL 0x82f63b78u /* reflected 0x1edc6f41 */
#define LANE	   1024u

static uint32_t slice[8][256];
static uint32_t shift[4][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t append_zeros(uint32_t crc, size_t count)
{
	while (count--)
		crc = crc >> 8 ^ slice[0][crc & 255];
	return crc;
}

static void tables_init(void)
{
	for (uint32_t n = 0; n < 256; n++) {
		uint32_t crc = n;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		slice[0][n] = crc;
	}
	for (uint32_t n = 0; n < 256; n++)
		for (int k = 1; k < 8; k++)
			slice[k][n] = append_zeros(slice[k - 1][n], 1);
	for (int k = 0; k < 4; k++)
		for (uint32_t n = 0; n < 256; n++)
			shift[k][n] = append_zeros(n << 8 * k, LANE);
}

static uint64_t load(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

uint32_t crc32c_portable(uint32_t crc, const void *data, size_t size)
{
	const uint8_t *p = data;

	pthread_once(&once, tables_init);
	for (; size >= 8; size -= 8, p += 8) {
		uint64_t v = le64toh(load(p)) ^ crc;

		crc = slice[7][v & 255] ^ slice[6][v >> 8 & 255] ^ slice[5][v >> 16 & 255] ^
		      slice[4][v >> 24 & 255] ^ slice[3][v >> 32 & 255] ^ slice[2][v >> 40 & 255] ^
		      slice[1][v >> 48 & 255] ^ slice[0][v >> 56];
	}
	while (size--)
		crc = crc >> 8 ^ slice[0][(crc ^ *p++) & 255];
	return crc;
}

#ifdef __x86_64__
static uint32_t append_lane(uint32_t crc)
{
	return shift[0][crc & 255] ^ shift[1][crc >> 8 & 255] ^ shift[2][crc >> 16 & 255] ^
	       shift[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t seed, const uint8_t *p,
							       size_t size)
{
	uint64_t crc = seed;

	pthread_once(&once, tables_init);
	for (; size >= 3 * LANE; size -= 3 * LANE, p += 3 * LANE) {
		uint64_t second = 0, third = 0;

		for (size_t i = 0; i < LANE; i += 8) {
			crc = __builtin_ia32_crc32di(crc, load(p + i));
			second = __builtin_ia32_crc32di(second, load(p + LANE + i));
			third = __builtin_ia32_crc32di(third, load(p + 2 * LANE + i));
		}
		crc = append_lane(crc) ^ second;
		crc = append_lane(crc) ^ third;
	}
	for (; size >= 8; size -= 8, p += 8)
		crc = __builtin_ia32_crc32di(crc, load(p));
	while (size--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}
#endif

uint32_t crc32c(uint32_t seed, const void *data, size_t size)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse42(seed, data, size);
#endif
	return crc32c_portable(seed, data, size);
}
