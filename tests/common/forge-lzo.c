// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <linux/btrfs.h>
#include "common/forge-edit.h"
#include "common/sample.h"

static size_t lzo_segment(const struct forged *f, unsigned int n)
{
	uint32_t sector = payload_lzo_sector(f->compression);
	size_t at = 4;

	while (n--) {
		at += 4 + forge_le32(f, at);
		if (sector - at % sector < 4)
			at += sector - at % sector;
	}
	return at;
}

static void lzo_total_long(struct forged *f)
{
	forge_le32_put(f, 0, f->len + 4096);
}

static void lzo_unused_sector(struct forged *f)
{
	uint32_t sector = payload_lzo_sector(f->compression);

	f->len += sector;
}

static void lzo_total_small(struct forged *f)
{
	forge_le32_put(f, 0, 4);
}

static void lzo_oversized(struct forged *f)
{
	forge_le32_put(f, 4, 4096 + 4096 / 16 + 70);
}

/* The last segment ends a sector past the payload. */
static void lzo_overrun(struct forged *f)
{
	size_t last = lzo_segment(f, (f->unencoded_len - 1) / 4096);

	forge_le32_put(f, last, forge_le32(f, last) + 4096 - forge_le32(f, last));
}

/* Past the total, but within the zeros of the last sector. */
static void lzo_overrun_slack(struct forged *f)
{
	size_t last = lzo_segment(f, (f->unencoded_len - 1) / 4096);

	must(f->len % 4096 < 4090);
	forge_le32_put(f, last, forge_le32(f, last) + 2);
}

static void lzo_header_cut(struct forged *f)
{
	forge_append(f, "\0\0", 2);
	forge_le32_put(f, 0, f->len);
	f->unencoded_len += 4096;
}

static void lzo_damaged(struct forged *f)
{
	f->p[8] = 0x10;
}

/* The end marker is a match of length 3 and distance 0; here the length is 4, and then 27. */
static void lzo_end_marker(struct forged *f)
{
	f->p[f->len - 3] = 0x12;
}

static void lzo_end_marker_extended(struct forged *f)
{
	size_t last = lzo_segment(f, (f->unencoded_len - 1) / 4096);

	forge_insert(f, f->len - 3, "\x10", 1);
	forge_le32_put(f, last, forge_le32(f, last) + 1);
	forge_le32_put(f, 0, f->len);
}

void forge_lzo_end_literal(struct forged *f)
{
	static const uint8_t tail[] = { 9, 0, 0, 0, 17 + 5, 'a', 'b', 'c', 'd', 0x10, 0x11, 0, 0 };
	size_t last = lzo_segment(f, (f->unencoded_len - 1) / 4096);

	f->len = last;
	forge_append(f, tail, sizeof(tail));
	forge_le32_put(f, 0, f->len);
	f->unencoded_len = (f->unencoded_len - 1) / 4096 * 4096 + 5;
	memcpy(f->data + f->unencoded_len - 5, "abcd\x10", 5);
}

/* The last sector again, so that there is one segment more than there are sectors. */
static void lzo_extra_segment(struct forged *f)
{
	size_t last = lzo_segment(f, (f->unencoded_len - 1) / 4096), len = f->len - last;

	must(f->len % 4096 + len < 4000);
	forge_append(f, f->p + last, len);
	forge_le32_put(f, 0, f->len);
}

/* A first segment of one literal byte, "\x12x", and the end marker. */
static void lzo_short_segment(struct forged *f)
{
	static const uint8_t one[] = { 5, 0, 0, 0, 0x12, 'x', 0x11, 0, 0 };

	must(f->len < 4000);
	forge_insert(f, 4, one, sizeof(one));
	forge_le32_put(f, 0, f->len);
	f->unencoded_len += 4096;
}

static void lzo_padding(struct forged *f)
{
	/* A tail of zeros is allowed after the total; this is before it. */
	forge_append(f, "\0\0\1", 3);
	f->len -= 3;
	f->len += 3;
}

static void lzo_inline_total(struct forged *f)
{
	forge_append(f, "\0\0\0\0", 4);
}

#define ROW(what, name, level, kernel, make, len)                                                  \
	{                                                                                          \
		what, PAYLOAD_FAULT_##name, PAYLOAD_##level, KERNEL_##kernel, make,                \
			BTRFS_ENCODED_IO_COMPRESSION_LZO_4K, len                                   \
	}

const struct forge_row forge_lzo_rows[] = {
	ROW("lzo: total past the payload", LZO_TOTAL, STRUCTURE, BROKEN, lzo_total_long, 65536),
	ROW("lzo: total without a segment", LZO_TOTAL, STRUCTURE, BROKEN, lzo_total_small, 65536),
	ROW("lzo: total short of the last sector", LZO_UNUSED_SECTOR, STRUCTURE, BROKEN,
	    lzo_unused_sector, 65536),
	ROW("lzo: cut in half", LZO_TOTAL, STRUCTURE, BROKEN, forge_cut_half, 65536),
	ROW("lzo: oversized segment", LZO_SEGMENT_SIZE, STRUCTURE, BROKEN, lzo_oversized, 65536),
	ROW("lzo: segment overruns the payload", LZO_SEGMENT_OVERRUN, STRUCTURE, CRASHES,
	    lzo_overrun, 65536),
	ROW("lzo: segment overruns the total", LZO_SEGMENT_OVERRUN, STRUCTURE, BROKEN,
	    lzo_overrun_slack, 65536),
	ROW("lzo: segment header cut off", LZO_SEGMENT_HEADER, STRUCTURE, BROKEN, lzo_header_cut,
	    65536),
	ROW("lzo: damaged segment", LZO_SEGMENT_STREAM, FULL, BROKEN, lzo_damaged, 65536),
	ROW("lzo: end marker of length 4", LZO_SEGMENT_STREAM, FULL, BROKEN, lzo_end_marker, 65536),
	ROW("lzo: end marker of length 27", LZO_SEGMENT_STREAM, FULL, BROKEN,
	    lzo_end_marker_extended, 65536),
	ROW("lzo: a segment too many", TOO_LONG, STRUCTURE, TOLERATES, lzo_extra_segment, 8192),
	ROW("lzo: short segment", LZO_SEGMENT_SHORT, FULL, BROKEN, lzo_short_segment, 8192),
	ROW("lzo: too short", TOO_SHORT, STRUCTURE, BROKEN, forge_claims_more, 65536),
	ROW("lzo: too long", TOO_LONG, STRUCTURE, TOLERATES, forge_claims_less, 65536),
	ROW("lzo: surplus not zero", SURPLUS, FULL, TOLERATES, forge_surplus_not_zero, 65536),
	ROW("lzo: junk after", TRAILING_DATA, STRUCTURE, TOLERATES, lzo_padding, 65536),
	ROW("lzo: inline with a tail", LZO_INLINE, STRUCTURE, BROKEN, lzo_inline_total, 2500),
	{},
};

/* Follows the kernel's walk, which has no check that a segment ends within the payload. */
bool forge_lzo_crashes(const uint8_t *p, size_t len, uint32_t sector)
{
	size_t padded = (len + sector - 1) / sector * sector, at = 4;
	uint32_t total, n;

	if (len < 4)
		return false;
	memcpy(&total, p, sizeof(total));
	total = le32toh(total);
	if (total > padded || (total + sector - 1) / sector * sector < padded)
		return false; /* refused outright */
	while (at < total) {
		n = 0;
		if (at < len)
			memcpy(&n, p + at, len - at < sizeof(n) ? len - at : sizeof(n));
		n = le32toh(n);
		if (n > sector + sector / 16 + 69)
			return false; /* refused before anything is copied */
		at += 4 + n;
		if (at > padded)
			return true;
		if (sector - at % sector < 4)
			at += sector - at % sector;
	}
	return false;
}
