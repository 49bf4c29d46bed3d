// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zlib, as fs/btrfs/zlib.c reads it: the two header bytes by hand, then raw inflate, fed one page
 * of payload at a time, and the adler32 never looked at. We inflate in the same steps, because
 * the kernel gives up on a page that yields nothing, and check the adler32 ourselves.
 *
 * With the full 32 KiB window every distance that deflate can express is inside it. With a smaller
 * one, how far back inflate lets a match reach depends on how much output it was offered, so
 * there we offer what the kernel does, a page.
 */
#include <errno.h>
#include <endian.h>
#include <string.h>
#include "payload/format.h"

#define ZLIB_HEADER  2U
#define ZLIB_TRAILER 4U
#define ZLIB_MIN     (ZLIB_HEADER + 2U + ZLIB_TRAILER) /* an empty block is two bytes */
#define PRESET_DICT  0x20U
#define PAGE	     4096U /* the smallest page, the hardest to please */

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
	if (p[1] & PRESET_DICT)
		return walk_bad(walk, PAYLOAD_FAULT_ZLIB_DICTIONARY, 1);
	if (walk->len < ZLIB_MIN)
		return walk_bad(walk, PAYLOAD_FAULT_ZLIB_TRUNCATED, walk->len);
	return 0;
}

static int window_reset(struct walk *walk, int window_bits)
{
	struct payload_scratch *scratch = walk->scratch;

	/* With the same size zlib keeps its window, so this allocates once. */
	if (inflateReset2(&scratch->zlib, -window_bits) != Z_OK)
		return -ENOMEM;
	scratch->window_bits = window_bits;
	return 0;
}

/* Inflates what follows the header; @end is where the deflate data ended. */
static int stream_decode(struct walk *walk, size_t *end)
{
	z_stream *z = &walk->scratch->zlib;
	uint32_t step = walk->scratch->window_bits == MAX_WBITS ? walk->capacity : PAGE;
	uint32_t out = 0, out_at_page = 0;
	size_t in = ZLIB_HEADER;
	uint8_t spill;
	int r;

	z->avail_in = 0;
	for (;;) {
		uint32_t room = walk->capacity - out;

		if (!z->avail_in) {
			if (in >= walk->len)
				return walk_bad(walk, PAYLOAD_FAULT_ZLIB_TRUNCATED, walk->len);
			if (in >= PAGE && out == out_at_page)
				return walk_bad(walk, PAYLOAD_FAULT_ZLIB_STALLED_PAGE, in - PAGE);
			out_at_page = out;
			z->next_in = (Bytef *)walk->p + in;
			z->avail_in = PAGE - in % PAGE;
			if (z->avail_in > walk->len - in)
				z->avail_in = walk->len - in;
			in += z->avail_in;
		}
		/* When all is there, one byte more shows a stream that is too long. */
		z->next_out = room ? walk->out + out : &spill;
		z->avail_out = room ? (room < step ? room : step) : 1;

		r = inflate(z, Z_NO_FLUSH);
		if (r == Z_MEM_ERROR)
			return -ENOMEM;
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
			return walk_bad(walk, PAYLOAD_FAULT_ZLIB_STREAM, in - z->avail_in);
		if (!room && !z->avail_out)
			return walk_bad(walk, PAYLOAD_FAULT_TOO_LONG, in - z->avail_in);
		if (room)
			out = z->next_out - walk->out;
		if (r == Z_STREAM_END)
			break;
	}
	walk->decoded = out;
	*end = in - z->avail_in;
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
	r = window_reset(walk, (walk->p[0] >> 4) + 8);
	if (r)
		return r;
	r = stream_decode(walk, &end);
	if (r)
		return r;

	if (walk->len - end < ZLIB_TRAILER)
		return walk_bad(walk, PAYLOAD_FAULT_ZLIB_TRUNCATED, walk->len);
	memcpy(&sum, walk->p + end, sizeof(sum));
	if (be32toh(sum) != adler32_z(1, walk->out, walk->decoded))
		return walk_bad(walk, PAYLOAD_FAULT_ZLIB_CHECKSUM, end);
	return walk_rest_zero(walk, end + ZLIB_TRAILER);
}
