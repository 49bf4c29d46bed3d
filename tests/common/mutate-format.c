// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <string.h>
#include <linux/btrfs.h>
#include <zlib.h>
#include "common/mutate-format.h"

#define SECTOR 4096U

void mutate_delete(struct forged *f, size_t at, size_t len)
{
	if (at > f->len || len > f->len - at)
		return;
	memmove(f->p + at, f->p + at + len, f->len - at - len);
	f->len -= len;
}

void mutate_insert(struct forged *f, size_t at, const uint8_t *p, size_t len)
{
	if (at > f->len || sizeof(f->p) - f->len < len)
		return;
	memmove(f->p + at + len, f->p + at, f->len - at);
	memmove(f->p + at, p, len);
	f->len += len;
}

/* zlib: a header of another window with its check bits, and the adler32 that the data have. */

static void zlib_header(struct forged *f, struct sample_random *random)
{
	f->p[0] = (sample_below(random, 4) ? 7 : sample_below(random, 8)) << 4 | 8;
	f->p[1] = sample_below(random, 4) << 6;
	f->p[1] += 31 - (f->p[0] << 8 | f->p[1]) % 31;
}

static void zlib_empty_blocks(struct forged *f, struct sample_random *random)
{
	static const uint8_t empty[] = { 0, 0, 0, 0xff, 0xff };
	uint32_t n = sample_below(random, 2) ? 1 : 600 + sample_below(random, 1400);

	while (n--) /* before the first block, the only place known to be byte-aligned */
		mutate_insert(f, 2, empty, sizeof(empty));
}

void mutate_zlib_repair(struct forged *f)
{
	static uint8_t out[PAYLOAD_UNENCODED_MAX + SECTOR];
	z_stream z = { .next_in = f->p + 2, .next_out = out, .avail_out = sizeof(out) };
	uint32_t sum;

	if (f->len < 3 || inflateInit2(&z, -15) != Z_OK)
		return;
	z.avail_in = f->len - 2;
	if (inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in >= sizeof(sum)) {
		sum = htobe32(adler32(1, out, z.total_out));
		memcpy(f->p + 2 + z.total_in, &sum, sizeof(sum));
	}
	inflateEnd(&z);
}

/* zstd: the header again without a content size, or with another window or checksum flag. */

static void zstd_header(struct forged *f, struct sample_random *random)
{
	static const uint8_t content_bytes[] = { 0, 2, 4, 8 };
	bool single = f->p[4] & 0x20;
	size_t content = content_bytes[f->p[4] >> 6];
	uint8_t window = (sample_below(random, 4) ? 7 : sample_below(random, 9)) << 3;

	if (f->len < 16)
		return;
	if (single && !content)
		content = 1;
	switch (sample_below(random, 3)) {
	case 0: /* only the window is left */
		mutate_delete(f, 5, !single + content);
		mutate_insert(f, 5, &window, 1);
		f->p[4] &= 0x04;
		break;
	case 1:
		f->p[4] ^= 0x04;
		break;
	default:
		if (!single)
			f->p[5] = window;
	}
}

/* Takes out, doubles, or changes the type of one block. */
static void zstd_block(struct forged *f, struct sample_random *random)
{
	uint32_t skip = sample_below(random, 6), header, stored;
	static const uint8_t content_bytes[] = { 0, 2, 4, 8 };
	bool single = f->p[4] & 0x20;
	size_t at = 5 + !single + content_bytes[f->p[4] >> 6];

	if (single && !(f->p[4] >> 6))
		at++;
	for (;;) {
		if (at + 3 > f->len)
			return;
		header = f->p[at] | f->p[at + 1] << 8 | f->p[at + 2] << 16;
		stored = (header >> 1 & 3) == 1 ? 1 : header >> 3;
		if (at + 3 + stored > f->len)
			return;
		if (!skip-- || header & 1)
			break;
		at += 3 + stored;
	}
	switch (sample_below(random, 4)) {
	case 0:
		mutate_delete(f, at, 3 + stored);
		break;
	case 1:
		if (!(header & 1))
			mutate_insert(f, at, f->p + at, 3 + stored);
		break;
	case 2:
		f->p[at] = (f->p[at] & ~6) | sample_below(random, 3) << 1;
		break;
	default: /* at the very start of the block: literals and their sizes */
		if (stored > 8)
			f->p[at + 3 + sample_below(random, 8)] ^= 1 << sample_below(random, 8);
	}
}

/* LZO: framing as it ought to be around segments that need not be. */

static void lzo_put(struct forged *f, size_t at, uint32_t n)
{
	n = htole32(n);
	memcpy(f->p + at, &n, sizeof(n));
}

static uint32_t lzo_get(const struct forged *f, size_t at)
{
	uint32_t n;

	memcpy(&n, f->p + at, sizeof(n));
	return le32toh(n);
}

static void lzo_append(struct forged *to, const uint8_t *p, uint32_t len)
{
	size_t left = SECTOR - to->len % SECTOR;

	if (sizeof(to->p) - to->len < len + 8)
		return;
	if (left < 4) {
		memset(to->p + to->len, 0, left);
		to->len += left;
	}
	lzo_put(to, to->len, len);
	memcpy(to->p + to->len + 4, p, len);
	to->len += 4 + len;
}

/* Takes the frame apart and puts it together again, with one segment changed on the way. */
static void lzo_reframe(struct forged *f, struct sample_random *random)
{
	static struct forged to;
	uint32_t victim = sample_below(random, (f->unencoded_len - 1) / SECTOR + 1), n, len;
	uint32_t how = sample_below(random, 5);
	size_t at = 4;

	to.len = 4;
	for (n = 0; at + 4 <= f->len; n++) {
		len = lzo_get(f, at);
		if (len < 4 || len > f->len - at - 4)
			break;
		if (n == victim && how == 0)
			f->p[at + 4 + sample_below(random, len)] ^= 1 << sample_below(random, 8);
		if (n == victim && how == 1)
			f->p[at + 4 + sample_below(random, len)] = sample_next(random);
		if (n == victim && how == 2)
			lzo_append(&to, f->p + at + 4, len);
		if (n != victim || how != 3)
			lzo_append(&to, f->p + at + 4, len);
		at += 4 + len;
		if (SECTOR - at % SECTOR < 4)
			at += SECTOR - at % SECTOR;
	}
	if (how == 4 && SECTOR - to.len % SECTOR < 4) /* the tail's padding counted, or not */
		while (to.len % SECTOR)
			to.p[to.len++] = 0;
	lzo_put(&to, 0, to.len);
	memcpy(f->p, to.p, to.len);
	f->len = to.len;
}

static void lzo_header(struct forged *f, struct sample_random *random)
{
	if (f->len >= 8)
		lzo_put(f, sample_below(random, 4) ? 0 : 4,
			f->len - sample_below(random, 12) + sample_below(random, 12));
}

void mutate_format(struct forged *f, struct sample_random *random)
{
	switch (f->compression) {
	case BTRFS_ENCODED_IO_COMPRESSION_ZLIB:
		if (sample_below(random, 2))
			zlib_header(f, random);
		else
			zlib_empty_blocks(f, random);
		break;
	case BTRFS_ENCODED_IO_COMPRESSION_ZSTD:
		if (sample_below(random, 2))
			zstd_header(f, random);
		else
			zstd_block(f, random);
		break;
	default:
		if (sample_below(random, 8))
			lzo_reframe(f, random);
		else
			lzo_header(f, random);
	}
}
