// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zlib, as fs/btrfs/zlib.c reads it: the two header bytes by hand, then raw inflate, fed one page
 * of payload at a time, and the adler32 never looked at. Here the whole stream goes to inflate at
 * once, block by block, and the adler32 is checked.
 *
 * The kernel gives up on a page that yields nothing. Feeding pages to find out would cost a sixth
 * of the decoding, since zlib keeps a window between calls. But every symbol yields something, and
 * a block's header is short: only a chain of empty blocks can fill a page, and between blocks we
 * see the chain grow. It is refused a little before it can be long enough.
 *
 * With the full 32 KiB window every distance that deflate can express is inside it. With a smaller
 * one, how far back inflate lets a match reach depends on how much output it was offered, so a
 * window smaller than the extent is refused; nobody's zlib makes one unasked.
 */
#include <errno.h>
#include <endian.h>
#include <string.h>
#include "payload/format.h"

#define ZLIB_HEADER  2U
#define ZLIB_TRAILER 4U
#define ZLIB_MIN     (ZLIB_HEADER + 2U + ZLIB_TRAILER) /* an empty block is two bytes */
#define ZLIB_WINDOW  (1U << MAX_WBITS)
#define PRESET_DICT  0x20U
#define PAGE	     4096U /* the smallest page, the hardest to please */

/* A dynamic block's header is at most 14 + 19 * 3 + 316 * 14 bits, its first symbol 48 (RFC 1951).
 */
#define QUIET_MAX (PAGE - 1024U)

/* Whether a match could reach back further than the window does, with so much decoded. */
static bool window_is_small(const uint8_t *p, uint32_t decoded)
{
	uint32_t window = 1U << ((p[0] >> 4) + 8);

	return window < ZLIB_WINDOW && window < decoded;
}

static int header_check(struct walk *walk)
{
	const uint8_t *p = walk->p;

	if (walk->len < ZLIB_HEADER)
		return walk_bad(walk, PAYLOAD_FAULT_ZLIB_TRUNCATED, walk->len);
	if (p[0] == 0x1f && p[1] == 0x8b)
		return walk_bad(walk, PAYLOAD_FAULT_ZLIB_GZIP, 0);
	if ((p[0] & 0x0f) != Z_DEFLATED || ((p[0] << 8) + p[1]) % 31)
		return walk_bad(walk, PAYLOAD_FAULT_ZLIB_HEADER, 0);
	if ((p[0] >> 4) + 8 > MAX_WBITS)
		return walk_bad(walk, PAYLOAD_FAULT_ZLIB_WINDOW, 0);
	if (window_is_small(p, walk->needed))
		return walk_bad(walk, PAYLOAD_FAULT_ZLIB_SMALL_WINDOW, 0);
	if (p[1] & PRESET_DICT)
		return walk_bad(walk, PAYLOAD_FAULT_ZLIB_DICTIONARY, 1);
	if (walk->len < ZLIB_MIN)
		return walk_bad(walk, PAYLOAD_FAULT_ZLIB_TRUNCATED, walk->len);
	return 0;
}

/* Inflates what follows the header; @end is where the deflate data ended. */
static int stream_decode(struct walk *walk, size_t *end)
{
	z_stream *z = &walk->scratch->zlib;
	uint8_t *out_end = walk->out + walk->capacity, spill;
	size_t quiet_from = ZLIB_HEADER;
	int r;

	inflateReset(z);
	z->next_in = (Bytef *)walk->p + ZLIB_HEADER;
	z->avail_in = walk->len - ZLIB_HEADER;
	z->next_out = walk->out;
	z->avail_out = walk->capacity;
	do {
		uLong before = z->total_out;
		size_t at;

		/* When all is there, one byte more shows a stream that is too long. */
		if (z->next_out == out_end) {
			z->next_out = &spill;
			z->avail_out = 1;
		}
		r = inflate(z, Z_BLOCK);
		at = walk->len - z->avail_in;
		if (r == Z_MEM_ERROR)
			return -ENOMEM;
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
			return walk_bad(walk, PAYLOAD_FAULT_ZLIB_STREAM, at);
		if (z->total_out > walk->capacity)
			return walk_bad(walk, PAYLOAD_FAULT_TOO_LONG, at);
		if (z->total_out > before)
			quiet_from = at;
		if (at - quiet_from > QUIET_MAX)
			return walk_bad(walk, PAYLOAD_FAULT_ZLIB_STALLED_PAGE, quiet_from);
		if (r != Z_STREAM_END && !z->avail_in && z->avail_out)
			return walk_bad(walk, PAYLOAD_FAULT_ZLIB_TRUNCATED, walk->len);
	} while (r != Z_STREAM_END);
	walk->decoded = z->total_out;
	*end = walk->len - z->avail_in;
	return 0;
}

int zlib_walk(struct walk *walk)
{
	uint32_t sum;
	size_t end;
	int r;

	r = header_check(walk);
	if (r || !walk->out)
		return r;
	r = stream_decode(walk, &end);
	if (r)
		return r;

	if (window_is_small(walk->p, walk->decoded))
		return walk_bad(walk, PAYLOAD_FAULT_ZLIB_SMALL_WINDOW, 0);
	if (walk->len - end < ZLIB_TRAILER)
		return walk_bad(walk, PAYLOAD_FAULT_ZLIB_TRUNCATED, walk->len);
	memcpy(&sum, walk->p + end, sizeof(sum));
	if (be32toh(sum) != adler32_z(1, walk->out, walk->decoded))
		return walk_bad(walk, PAYLOAD_FAULT_ZLIB_CHECKSUM, end);
	return walk_rest_zero(walk, end + ZLIB_TRAILER);
}
