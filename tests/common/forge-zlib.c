// SPDX-License-Identifier: GPL-2.0-or-later
#include <zlib.h>
#include <stdlib.h>
#include <string.h>
#include <linux/btrfs.h>
#include "common/forge-edit.h"
#include "common/sample.h"

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
	static const uint8_t empty[] = { 0, 0, 0, 0xff, 0xff };
	z_stream z = {};

	must(deflateInit(&z, 3) == Z_OK);
	z.next_in = f->data;
	z.avail_in = f->unencoded_len / 2;
	z.next_out = f->p;
	z.avail_out = sizeof(f->p);
	must(deflate(&z, Z_SYNC_FLUSH) == Z_OK);
	f->len = z.total_out;
	while (f->len < z.total_out + 3 * 4096)
		forge_append(f, empty, sizeof(empty));
	z.next_out = f->p + f->len;
	z.avail_out = sizeof(f->p) - f->len;
	z.avail_in = f->unencoded_len - f->unencoded_len / 2;
	must(deflate(&z, Z_FINISH) == Z_STREAM_END);
	f->len = z.next_out - f->p;
	deflateEnd(&z);
}

#define ROW(what, name, level, kernel, make, len)                                                  \
	{                                                                                          \
		what, PAYLOAD_FAULT_##name, PAYLOAD_##level, KERNEL_##kernel, make,                \
			BTRFS_ENCODED_IO_COMPRESSION_ZLIB, len                                     \
	}

const struct forge_row forge_zlib_rows[] = {
	ROW("zlib: gzip", ZLIB_GZIP, STRUCTURE, BROKEN, zlib_gzip, 65536),
	ROW("zlib: raw deflate", ZLIB_HEADER, STRUCTURE, BROKEN, zlib_raw, 65536),
	ROW("zlib: window above 32 KiB", ZLIB_WINDOW, STRUCTURE, BROKEN, zlib_window, 65536),
	ROW("zlib: preset dictionary", ZLIB_DICTIONARY, STRUCTURE, BROKEN, zlib_dictionary, 65536),
	ROW("zlib: window understated", ZLIB_SMALL_WINDOW, STRUCTURE, BROKEN, zlib_small_window,
	    131072),
	ROW("zlib: cut in half", ZLIB_TRUNCATED, FULL, BROKEN, forge_cut_half, 65536),
	ROW("zlib: cut at a page", ZLIB_TRUNCATED, FULL, BROKEN, forge_cut_at_page, 65536),
	ROW("zlib: cut by a byte", ZLIB_TRUNCATED, FULL, TOLERATES, forge_cut_one, 65536),
	ROW("zlib: no adler32", ZLIB_TRUNCATED, FULL, TOLERATES, zlib_no_adler, 65536),
	ROW("zlib: bad adler32", ZLIB_CHECKSUM, FULL, TOLERATES, zlib_bad_adler, 65536),
	ROW("zlib: damaged", ZLIB_STREAM, FULL, BROKEN, zlib_damaged, 65536),
	ROW("zlib: stalled page", ZLIB_STALLED_PAGE, FULL, BROKEN, zlib_stalled, 65536),
	ROW("zlib: too short", TOO_SHORT, FULL, BROKEN, forge_claims_more, 65536),
	ROW("zlib: too long", TOO_LONG, FULL, TOLERATES, forge_claims_less, 65536),
	ROW("zlib: surplus not zero", SURPLUS, FULL, TOLERATES, forge_surplus_not_zero, 65536),
	ROW("zlib: junk after", TRAILING_DATA, FULL, TOLERATES, forge_junk_after, 65536),
	{},
};
