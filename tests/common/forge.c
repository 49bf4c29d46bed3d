// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/btrfs.h>
#include <zlib.h>
#include <zstd.h>
#include "common/forge.h"
#include "common/sample.h"

#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

void forge_good(struct forged *f, uint32_t compression, uint32_t unencoded_len, uint64_t seed)
{
	static const uint8_t kinds[] = {SAMPLE_MIXED, SAMPLE_TEXT, SAMPLE_SPARSE};
	struct sample_random random = {.state = seed};
	struct payload_compressor *compressor = NULL;
	unsigned int kind = seed % 2;
	int r;

	f->compression = compression;
	f->unencoded_len = unencoded_len;
	must(!payload_compressor_new(compression, 0, &compressor));
	do { /* short text is too much for LZO */
		sample_fill(f->data, unencoded_len, kinds[kind++], &random);
		r = payload_compress(compressor, payload_lzo_sector(compression) ?: 4096, f->data,
				     unencoded_len, f->p, &f->len);
	} while (r == PAYLOAD_INCOMPRESSIBLE && kind < sizeof(kinds));
	must(!r);
	payload_compressor_free(compressor);
}

void forge_row_make(const struct forge_row *row, struct forged *f)
{
	memset(f, 0, sizeof(*f));
	forge_good(f, row->compression, row->unencoded_len, 7);
	row->make(f);
}

static void append(struct forged *f, const void *p, size_t len)
{
	must(sizeof(f->p) - f->len >= len);
	memmove(f->p + f->len, p, len);
	f->len += len;
}

static void insert(struct forged *f, size_t at, const void *p, size_t len)
{
	must(at <= f->len && sizeof(f->p) - f->len >= len);
	memmove(f->p + at + len, f->p + at, f->len - at);
	memcpy(f->p + at, p, len);
	f->len += len;
}

static uint32_t le32_at(const struct forged *f, size_t at)
{
	uint32_t n;

	memcpy(&n, f->p + at, sizeof(n));
	return le32toh(n);
}

static void le32_put(struct forged *f, size_t at, uint32_t n)
{
	n = htole32(n);
	memcpy(f->p + at, &n, sizeof(n));
}

/* Any format. */

static void claims_more(struct forged *f)
{
	memset(f->data + f->unencoded_len, 'x', 4096);
	f->unencoded_len += 4096;
}

static void claims_less(struct forged *f)
{
	f->unencoded_len -= 4096;
}

/* A tail whose surplus is the file's old contents instead of zeros. */
static void surplus_not_zero(struct forged *f)
{
	f->unencoded_len -= 100;
}

static void junk_after(struct forged *f)
{
	append(f, "junk", 4);
}

static void cut_half(struct forged *f)
{
	f->len /= 2;
}

static void cut_at_page(struct forged *f)
{
	must(f->len > 4096);
	f->len = 4096;
}

static void cut_one(struct forged *f)
{
	f->len--;
}

/* zlib */

static void deflate_as(struct forged *f, int window_bits, int level, const char *dictionary)
{
	z_stream z = {};

	must(deflateInit2(&z, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	if (dictionary)
		must(deflateSetDictionary(&z, (const Bytef *)dictionary, strlen(dictionary)) ==
		     Z_OK);
	z.next_in = f->data;
	z.avail_in = f->unencoded_len;
	z.next_out = f->p;
	z.avail_out = sizeof(f->p);
	must(deflate(&z, Z_FINISH) == Z_STREAM_END);
	f->len = z.total_out;
	deflateEnd(&z);
}

void forge_zlib(struct forged *f, int window_bits, int level)
{
	deflate_as(f, window_bits, level, NULL);
}

static void zlib_gzip(struct forged *f)
{
	deflate_as(f, 15 + 16, 3, NULL);
}

static void zlib_raw(struct forged *f)
{
	deflate_as(f, -15, 3, NULL);
}

static void zlib_dictionary(struct forged *f)
{
	deflate_as(f, 15, 3, "a preset dictionary");
}

static void zlib_window(struct forged *f)
{
	f->p[0] = 0x88;
	f->p[1] = 31 - 0x8800 % 31;
}

/* A stream of a 32 KiB window that says it needs 256 bytes. */
static void zlib_small_window(struct forged *f)
{
	f->p[0] = 0x08;
	f->p[1] = 31 - 0x0800 % 31;
}

static void zlib_bad_adler(struct forged *f)
{
	f->p[f->len - 1] ^= 1;
}

static void zlib_no_adler(struct forged *f)
{
	f->len -= 4;
}

static void zlib_damaged(struct forged *f)
{
	f->p[2] |= 6; /* the reserved block type */
}

/* Empty stored blocks, which are valid and decode to nothing, for more than two pages. */
static void zlib_stalled(struct forged *f)
{
	static const uint8_t empty[] = {0, 0, 0, 0xff, 0xff};
	z_stream z = {};

	must(deflateInit(&z, 3) == Z_OK);
	z.next_in = f->data;
	z.avail_in = f->unencoded_len / 2;
	z.next_out = f->p;
	z.avail_out = sizeof(f->p);
	must(deflate(&z, Z_SYNC_FLUSH) == Z_OK);
	f->len = z.total_out;
	while (f->len < z.total_out + 3 * 4096)
		append(f, empty, sizeof(empty));
	z.next_out = f->p + f->len;
	z.avail_out = sizeof(f->p) - f->len;
	z.avail_in = f->unencoded_len - f->unencoded_len / 2;
	must(deflate(&z, Z_FINISH) == Z_STREAM_END);
	f->len = z.next_out - f->p;
	deflateEnd(&z);
}

/* zstd */

/* @chunk: flushed after so many bytes, so that a block ends there; 0 for not at all. */
void forge_zstd(struct forged *f, int window_log, bool content_size, bool checksum, size_t chunk)
{
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	ZSTD_outBuffer out = {.dst = f->p, .size = sizeof(f->p)};
	ZSTD_inBuffer in = {.src = f->data};

	must(zstd);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, window_log);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, content_size);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, checksum);
	if (content_size)
		ZSTD_CCtx_setPledgedSrcSize(zstd, f->unencoded_len);
	else if (!chunk) /* everything in the first call would tell the size */
		chunk = f->unencoded_len - 1;
	while (in.size < f->unencoded_len) {
		in.size += chunk && f->unencoded_len - in.size > chunk ? chunk
								       : f->unencoded_len - in.size;
		must(!ZSTD_compressStream2(zstd, &out, &in,
					   in.size < f->unencoded_len ? ZSTD_e_flush : ZSTD_e_end));
	}
	f->len = out.pos;
	ZSTD_freeCCtx(zstd);
}

static void zstd_frame_append(struct forged *f, size_t from, size_t len)
{
	size_t n = ZSTD_compress(f->p + f->len, sizeof(f->p) - f->len, f->data + from, len, 3);

	must(!ZSTD_isError(n));
	f->len += n;
}

static size_t zstd_first_block(const struct forged *f)
{
	static const uint8_t content_bytes[] = {0, 2, 4, 8};
	bool single = f->p[4] & 0x20;
	size_t content = content_bytes[f->p[4] >> 6];

	return 5 + !single + (single && !content ? 1 : content);
}

static void zstd_two_frames(struct forged *f)
{
	f->len = 0;
	zstd_frame_append(f, 0, f->unencoded_len / 2);
	zstd_frame_append(f, f->unencoded_len / 2, f->unencoded_len - f->unencoded_len / 2);
}

/* The same without content sizes, so that only the walk over the blocks can see it. */
static void zstd_two_plain_frames(struct forged *f)
{
	struct forged *half = malloc(sizeof(*half));

	must(half);
	*half = *f;
	half->unencoded_len /= 2;
	forge_zstd(half, 17, false, false, 0);
	memcpy(f->p, half->p, half->len);
	f->len = half->len;
	memcpy(half->data, f->data + half->unencoded_len, half->unencoded_len);
	forge_zstd(half, 17, false, false, 0);
	append(f, half->p, half->len);
	free(half);
}

static void zstd_second_frame(struct forged *f)
{
	append(f, f->p, f->len);
}

static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 's', 'k', 'i', 'p'};

static void zstd_skippable_first(struct forged *f)
{
	insert(f, 0, skippable, sizeof(skippable));
}

static void zstd_skippable_after(struct forged *f)
{
	append(f, skippable, sizeof(skippable));
}

static void zstd_magic(struct forged *f)
{
	f->p[0] ^= 1;
}

static void zstd_reserved(struct forged *f)
{
	f->p[4] |= 0x08;
}

static void zstd_dictionary(struct forged *f)
{
	f->p[4] |= 0x01;
	insert(f, f->p[4] & 0x20 ? 5 : 6, "\x2a", 1);
}

static void zstd_window(struct forged *f)
{
	forge_zstd(f, 19, false, false, 0);
}

/* Between two blocks; there is no content size that could give it away. */
static void zstd_cut_at_block(struct forged *f)
{
	size_t at = 6;

	forge_zstd(f, 17, false, false, 16384);
	at += 3 + ((f->p[at] | f->p[at + 1] << 8 | f->p[at + 2] << 16) >> 3);
	f->len = at;
}

/* A first block that says it is the last, with a frame's worth of blocks behind it. */
static void zstd_early_last(struct forged *f)
{
	forge_zstd(f, 17, false, false, 16384);
	f->p[6] |= 1;
}

static void zstd_reserved_block(struct forged *f)
{
	f->p[zstd_first_block(f)] |= 6;
}

static void zstd_checksum(struct forged *f)
{
	forge_zstd(f, 17, true, true, 0);
	f->p[f->len - 1] ^= 1;
}

static void zstd_damaged(struct forged *f)
{
	memset(f->p + zstd_first_block(f) + 3, 0xff, 64);
}

/*
 * Blocks of 1 KiB with matches 8 KiB behind, and a header that promises a 1 KiB window. Whether
 * that reads back depends on the size of the decoder's ring, so on the kernel.
 */
static void zstd_small_window(struct forged *f)
{
	struct sample_random random = {.state = 1};
	uint32_t n;

	sample_fill(f->data, 8192, SAMPLE_NOISE, &random);
	for (n = 8192; n < f->unencoded_len; n += 8192)
		memcpy(f->data + n, f->data, 8192);
	forge_zstd(f, 17, false, false, 1024);
	f->p[5] = 0;
}

static void zstd_short(struct forged *f)
{
	uint32_t whole = f->unencoded_len;

	f->unencoded_len -= 4096;
	forge_zstd(f, 17, false, false, 0);
	f->unencoded_len = whole;
}

static void zstd_long(struct forged *f)
{
	forge_zstd(f, 17, false, false, 0);
	f->unencoded_len -= 4096;
}

/* LZO */

static size_t lzo_segment(const struct forged *f, unsigned int n)
{
	uint32_t sector = payload_lzo_sector(f->compression);
	size_t at = 4;

	while (n--) {
		at += 4 + le32_at(f, at);
		if (sector - at % sector < 4)
			at += sector - at % sector;
	}
	return at;
}

static void lzo_total_long(struct forged *f)
{
	le32_put(f, 0, f->len + 4096);
}

static void lzo_unused_sector(struct forged *f)
{
	uint32_t sector = payload_lzo_sector(f->compression);

	f->len += sector;
}

static void lzo_total_small(struct forged *f)
{
	le32_put(f, 0, 4);
}

static void lzo_oversized(struct forged *f)
{
	le32_put(f, 4, 4096 + 4096 / 16 + 70);
}

/* The last segment ends a sector past the payload. */
static void lzo_overrun(struct forged *f)
{
	size_t last = lzo_segment(f, (f->unencoded_len - 1) / 4096);

	le32_put(f, last, le32_at(f, last) + 4096 - le32_at(f, last));
}

/* Past the total, but within the zeros of the last sector. */
static void lzo_overrun_slack(struct forged *f)
{
	size_t last = lzo_segment(f, (f->unencoded_len - 1) / 4096);

	must(f->len % 4096 < 4090);
	le32_put(f, last, le32_at(f, last) + 2);
}

static void lzo_header_cut(struct forged *f)
{
	append(f, "\0\0", 2);
	le32_put(f, 0, f->len);
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

	insert(f, f->len - 3, "\x10", 1);
	le32_put(f, last, le32_at(f, last) + 1);
	le32_put(f, 0, f->len);
}

void forge_lzo_end_literal(struct forged *f)
{
	static const uint8_t tail[] = {9, 0, 0, 0, 17 + 5, 'a', 'b', 'c', 'd', 0x10, 0x11, 0, 0};
	size_t last = lzo_segment(f, (f->unencoded_len - 1) / 4096);

	f->len = last;
	append(f, tail, sizeof(tail));
	le32_put(f, 0, f->len);
	f->unencoded_len = (f->unencoded_len - 1) / 4096 * 4096 + 5;
	memcpy(f->data + f->unencoded_len - 5, "abcd\x10", 5);
}

/* The last sector again, so that there is one segment more than there are sectors. */
static void lzo_extra_segment(struct forged *f)
{
	size_t last = lzo_segment(f, (f->unencoded_len - 1) / 4096), len = f->len - last;

	must(f->len % 4096 + len < 4000);
	append(f, f->p + last, len);
	le32_put(f, 0, f->len);
}

/* A first segment of one literal byte, "\x12x", and the end marker. */
static void lzo_short_segment(struct forged *f)
{
	static const uint8_t one[] = {5, 0, 0, 0, 0x12, 'x', 0x11, 0, 0};

	must(f->len < 4000);
	insert(f, 4, one, sizeof(one));
	le32_put(f, 0, f->len);
	f->unencoded_len += 4096;
}

static void lzo_padding(struct forged *f)
{
	/* A tail of zeros is allowed after the total; this is before it. */
	append(f, "\0\0\1", 3);
	f->len -= 3;
	f->len += 3;
}

static void lzo_inline_total(struct forged *f)
{
	append(f, "\0\0\0\0", 4);
}

#define ZLIB BTRFS_ENCODED_IO_COMPRESSION_ZLIB
#define ZSTD BTRFS_ENCODED_IO_COMPRESSION_ZSTD
#define LZO  BTRFS_ENCODED_IO_COMPRESSION_LZO_4K
#define ROW(what, name, level, kernel, make, compression, len)                                     \
	{                                                                                          \
		what, PAYLOAD_FAULT_##name, PAYLOAD_##level, KERNEL_##kernel, make, compression,   \
			len                                                                        \
	}

const struct forge_row forge_rows[] = {
	ROW("zlib: gzip", ZLIB_GZIP, STRUCTURE, BROKEN, zlib_gzip, ZLIB, 65536),
	ROW("zlib: raw deflate", ZLIB_HEADER, STRUCTURE, BROKEN, zlib_raw, ZLIB, 65536),
	ROW("zlib: window above 32 KiB", ZLIB_WINDOW, STRUCTURE, BROKEN, zlib_window, ZLIB, 65536),
	ROW("zlib: preset dictionary", ZLIB_DICTIONARY, STRUCTURE, BROKEN, zlib_dictionary, ZLIB,
	    65536),
	ROW("zlib: window understated", ZLIB_SMALL_WINDOW, STRUCTURE, BROKEN, zlib_small_window,
	    ZLIB, 131072),
	ROW("zlib: cut in half", ZLIB_TRUNCATED, FULL, BROKEN, cut_half, ZLIB, 65536),
	ROW("zlib: cut at a page", ZLIB_TRUNCATED, FULL, BROKEN, cut_at_page, ZLIB, 65536),
	ROW("zlib: cut by a byte", ZLIB_TRUNCATED, FULL, TOLERATES, cut_one, ZLIB, 65536),
	ROW("zlib: no adler32", ZLIB_TRUNCATED, FULL, TOLERATES, zlib_no_adler, ZLIB, 65536),
	ROW("zlib: bad adler32", ZLIB_CHECKSUM, FULL, TOLERATES, zlib_bad_adler, ZLIB, 65536),
	ROW("zlib: damaged", ZLIB_STREAM, FULL, BROKEN, zlib_damaged, ZLIB, 65536),
	ROW("zlib: stalled page", ZLIB_STALLED_PAGE, FULL, BROKEN, zlib_stalled, ZLIB, 65536),
	ROW("zlib: too short", TOO_SHORT, FULL, BROKEN, claims_more, ZLIB, 65536),
	ROW("zlib: too long", TOO_LONG, FULL, TOLERATES, claims_less, ZLIB, 65536),
	ROW("zlib: surplus not zero", SURPLUS, FULL, TOLERATES, surplus_not_zero, ZLIB, 65536),
	ROW("zlib: junk after", TRAILING_DATA, FULL, TOLERATES, junk_after, ZLIB, 65536),

	ROW("zstd: two frames", TOO_SHORT, STRUCTURE, BROKEN, zstd_two_frames, ZSTD, 65536),
	ROW("zstd: two frames, no sizes", ZSTD_SECOND_FRAME, STRUCTURE, BROKEN,
	    zstd_two_plain_frames, ZSTD, 65536),
	ROW("zstd: second frame after", ZSTD_SECOND_FRAME, STRUCTURE, TOLERATES, zstd_second_frame,
	    ZSTD, 65536),
	ROW("zstd: skippable frame first", ZSTD_SKIPPABLE_FRAME, STRUCTURE, BROKEN,
	    zstd_skippable_first, ZSTD, 65536),
	ROW("zstd: skippable frame after", ZSTD_SECOND_FRAME, STRUCTURE, TOLERATES,
	    zstd_skippable_after, ZSTD, 65536),
	ROW("zstd: wrong magic", ZSTD_MAGIC, STRUCTURE, BROKEN, zstd_magic, ZSTD, 65536),
	ROW("zstd: reserved bit", ZSTD_RESERVED, STRUCTURE, BROKEN, zstd_reserved, ZSTD, 65536),
	ROW("zstd: dictionary", ZSTD_DICTIONARY, STRUCTURE, BROKEN, zstd_dictionary, ZSTD, 65536),
	ROW("zstd: window 512 KiB", ZSTD_WINDOW, STRUCTURE, TOLERATES, zstd_window, ZSTD, 65536),
	ROW("zstd: cut in half", ZSTD_TRUNCATED, STRUCTURE, BROKEN, cut_half, ZSTD, 65536),
	ROW("zstd: cut at a page", ZSTD_TRUNCATED, STRUCTURE, BROKEN, cut_at_page, ZSTD, 65536),
	ROW("zstd: cut at a block", ZSTD_TRUNCATED, STRUCTURE, BROKEN, zstd_cut_at_block, ZSTD,
	    65536),
	ROW("zstd: last block early", TRAILING_DATA, STRUCTURE, BROKEN, zstd_early_last, ZSTD,
	    65536),
	ROW("zstd: reserved block type", ZSTD_BLOCK, STRUCTURE, BROKEN, zstd_reserved_block, ZSTD,
	    65536),
	ROW("zstd: damaged", ZSTD_STREAM, FULL, BROKEN, zstd_damaged, ZSTD, 65536),
	ROW("zstd: bad checksum", ZSTD_CHECKSUM, FULL, BROKEN, zstd_checksum, ZSTD, 65536),
	ROW("zstd: window smaller than the extent", ZSTD_SMALL_WINDOW, STRUCTURE, BROKEN,
	    zstd_small_window, ZSTD, 65536),
	ROW("zstd: too short", TOO_SHORT, FULL, BROKEN, zstd_short, ZSTD, 65536),
	ROW("zstd: too short by its size", TOO_SHORT, STRUCTURE, BROKEN, claims_more, ZSTD, 65536),
	ROW("zstd: too long", TOO_LONG, FULL, TOLERATES, zstd_long, ZSTD, 65536),
	ROW("zstd: too long by its size", TOO_LONG, STRUCTURE, TOLERATES, claims_less, ZSTD, 65536),
	ROW("zstd: surplus not zero", SURPLUS, FULL, TOLERATES, surplus_not_zero, ZSTD, 65536),
	ROW("zstd: junk after", TRAILING_DATA, STRUCTURE, TOLERATES, junk_after, ZSTD, 65536),

	ROW("lzo: total past the payload", LZO_TOTAL, STRUCTURE, BROKEN, lzo_total_long, LZO,
	    65536),
	ROW("lzo: total without a segment", LZO_TOTAL, STRUCTURE, BROKEN, lzo_total_small, LZO,
	    65536),
	ROW("lzo: total short of the last sector", LZO_UNUSED_SECTOR, STRUCTURE, BROKEN,
	    lzo_unused_sector, LZO, 65536),
	ROW("lzo: cut in half", LZO_TOTAL, STRUCTURE, BROKEN, cut_half, LZO, 65536),
	ROW("lzo: oversized segment", LZO_SEGMENT_SIZE, STRUCTURE, BROKEN, lzo_oversized, LZO,
	    65536),
	ROW("lzo: segment overruns the payload", LZO_SEGMENT_OVERRUN, STRUCTURE, CRASHES,
	    lzo_overrun, LZO, 65536),
	ROW("lzo: segment overruns the total", LZO_SEGMENT_OVERRUN, STRUCTURE, BROKEN,
	    lzo_overrun_slack, LZO, 65536),
	ROW("lzo: segment header cut off", LZO_SEGMENT_HEADER, STRUCTURE, BROKEN, lzo_header_cut,
	    LZO, 65536),
	ROW("lzo: damaged segment", LZO_SEGMENT_STREAM, FULL, BROKEN, lzo_damaged, LZO, 65536),
	ROW("lzo: end marker of length 4", LZO_SEGMENT_STREAM, FULL, BROKEN, lzo_end_marker, LZO,
	    65536),
	ROW("lzo: end marker of length 27", LZO_SEGMENT_STREAM, FULL, BROKEN,
	    lzo_end_marker_extended, LZO, 65536),
	ROW("lzo: a segment too many", TOO_LONG, STRUCTURE, TOLERATES, lzo_extra_segment, LZO,
	    8192),
	ROW("lzo: short segment", LZO_SEGMENT_SHORT, FULL, BROKEN, lzo_short_segment, LZO, 8192),
	ROW("lzo: too short", TOO_SHORT, STRUCTURE, BROKEN, claims_more, LZO, 65536),
	ROW("lzo: too long", TOO_LONG, STRUCTURE, TOLERATES, claims_less, LZO, 65536),
	ROW("lzo: surplus not zero", SURPLUS, FULL, TOLERATES, surplus_not_zero, LZO, 65536),
	ROW("lzo: junk after", TRAILING_DATA, STRUCTURE, TOLERATES, lzo_padding, LZO, 65536),
	ROW("lzo: inline with a tail", LZO_INLINE, STRUCTURE, BROKEN, lzo_inline_total, LZO, 2500),
};

const size_t forge_row_count = sizeof(forge_rows) / sizeof(forge_rows[0]);

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
