// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * LZO, as fs/btrfs/lzo.c frames it: a 32-bit little-endian length of everything, itself included,
 * then segments, each a 32-bit length and that much LZO1X data for one sector of the file. A
 * segment header never crosses a sector boundary of the payload: where fewer than four bytes are
 * left, zeros fill them. The kernel tolerates segments of odd sizes, its writer never makes them
 * and other readers do not cope, so every segment but the last has to fill its sector.
 */
#include <endian.h>
#include <string.h>
#include <lzo/lzo1x.h>
#include "payload/format.h"

#define LZO_LEN	   4U
#define END_MARKER 3U

static uint32_t length_read(const uint8_t *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return le32toh(n);
}

static int total_check(struct walk *walk)
{
	uint32_t total;

	if (walk->len < 2 * LZO_LEN)
		return walk_bad(walk, PAYLOAD_FAULT_LZO_SEGMENT_HEADER, walk->len);
	total = length_read(walk->p);
	if (total > walk->len || total < 2 * LZO_LEN)
		return walk_bad(walk, PAYLOAD_FAULT_LZO_TOTAL, 0);
	if (round_up_u64(total, walk->sector) < round_up_u64(walk->len, walk->sector))
		return walk_bad(walk, PAYLOAD_FAULT_LZO_UNUSED_SECTOR, 0);
	return 0;
}

/*
 * An extent of one sector may become inline, and the inline reader wants the header's length to
 * be the payload's and the one segment to fill it.
 */
static int inline_check(struct walk *walk)
{
	if (walk->unencoded_len > walk->sector || walk->len >= walk->sector)
		return 0;
	if (length_read(walk->p) != walk->len ||
	    length_read(walk->p + LZO_LEN) != walk->len - 2 * LZO_LEN)
		return walk_bad(walk, PAYLOAD_FAULT_LZO_INLINE, 0);
	return 0;
}

/*
 * LZO1X data end in a match of distance 0. The kernel's decoder wants its length to be 3, which is
 * the bytes 11 00 00; liblzo2 takes any. The same three bytes can be the end of a longer marker,
 * 10 00* 11 00 00, just as well as the plain one after a literal 10. Only the decoder knows which:
 * with 01 for 11 the longer marker is still one, and the plain one becomes a match or a literal
 * run with no marker behind it, which is an error.
 */
static bool end_marker_plain(struct walk *walk, size_t at, uint32_t len)
{
	uint8_t *copy = walk->scratch->segment;
	lzo_uint out_len = walk->sector;
	uint32_t n = len - END_MARKER;

	if (memcmp(walk->p + at + n, "\x11\0\0", END_MARKER))
		return false;
	while (n && !walk->p[at + n - 1])
		n--;
	if (!n || walk->p[at + n - 1] != 0x10)
		return true;
	memcpy(copy, walk->p + at, len);
	copy[len - END_MARKER] = 0x01;
	return lzo1x_decompress_safe(copy, len, walk->out + walk->decoded, &out_len, NULL) !=
	       LZO_E_OK;
}

static int segment_decode(struct walk *walk, size_t at, uint32_t len, bool last)
{
	lzo_uint out_len = walk->sector;
	int r;

	r = lzo1x_decompress_safe(walk->p + at, len, walk->out + walk->decoded, &out_len, NULL);
	if (r == LZO_E_OUTPUT_OVERRUN)
		return walk_bad(walk, PAYLOAD_FAULT_LZO_SEGMENT_LONG, at);
	if (r != LZO_E_OK || !end_marker_plain(walk, at, len))
		return walk_bad(walk, PAYLOAD_FAULT_LZO_SEGMENT_STREAM, at);
	if (!last && out_len < walk->sector)
		return walk_bad(walk, PAYLOAD_FAULT_LZO_SEGMENT_SHORT, at);
	walk->decoded += out_len;
	return 0;
}

/* Steps over one segment at @at; the walk knows how many there have to be. */
static int segment_walk(struct walk *walk, uint32_t total, bool last, size_t *at)
{
	size_t left, zeros;
	uint32_t len;
	int r;

	if (total - *at < LZO_LEN)
		return walk_bad(walk, PAYLOAD_FAULT_LZO_SEGMENT_HEADER, *at);
	len = length_read(walk->p + *at);
	if (len > LZO_SEGMENT_MAX(walk->sector))
		return walk_bad(walk, PAYLOAD_FAULT_LZO_SEGMENT_SIZE, *at);
	*at += LZO_LEN;
	if (len > total - *at)
		return walk_bad(walk, PAYLOAD_FAULT_LZO_SEGMENT_OVERRUN, *at - LZO_LEN);
	if (walk->out) {
		r = segment_decode(walk, *at, len, last);
		if (r)
			return r;
	}
	*at += len;

	left = walk->sector - *at % walk->sector;
	if (left >= LZO_LEN)
		return 0;
	if (left > total - *at) /* the padding after the last segment may be left out */
		left = total - *at;
	zeros = zero_prefix(walk->p + *at, left);
	if (zeros < left)
		return walk_bad(walk, PAYLOAD_FAULT_LZO_PADDING, *at + zeros);
	*at += left;
	return 0;
}

int lzo_walk(struct walk *walk)
{
	uint32_t total, segments = walk->capacity / walk->sector, n;
	size_t at = LZO_LEN;
	int r;

	r = total_check(walk);
	if (!r)
		r = inline_check(walk);
	if (r)
		return r;
	total = length_read(walk->p);
	for (n = 0; at < total; n++) {
		if (n == segments)
			return walk_bad(walk, PAYLOAD_FAULT_TOO_LONG, at);
		r = segment_walk(walk, total, n + 1 == segments, &at);
		if (r)
			return r;
	}
	if (n < segments)
		return walk_bad(walk, PAYLOAD_FAULT_TOO_SHORT, at);
	return walk_rest_zero(walk, at);
}
