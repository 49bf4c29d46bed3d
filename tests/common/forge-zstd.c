// SPDX-License-Identifier: GPL-2.0-or-later
#include <zstd.h>
#include <stdlib.h>
#include <string.h>
#include <linux/btrfs.h>
#include "common/forge-edit.h"
#include "common/sample.h"

/* @chunk: flushed after so many bytes, so that a block ends there; 0 for not at all. */
void forge_zstd(struct forged *f, int window_log, bool content_size, bool checksum, size_t chunk)
{
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	ZSTD_outBuffer out = { .dst = f->p, .size = sizeof(f->p) };
	ZSTD_inBuffer in = { .src = f->data };

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
	static const uint8_t content_bytes[] = { 0, 2, 4, 8 };
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
	forge_append(f, half->p, half->len);
	free(half);
}

static void zstd_second_frame(struct forged *f)
{
	forge_append(f, f->p, f->len);
}

static const uint8_t skippable[] = { 0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 's', 'k', 'i', 'p' };

static void zstd_skippable_first(struct forged *f)
{
	forge_insert(f, 0, skippable, sizeof(skippable));
}

static void zstd_skippable_after(struct forged *f)
{
	forge_append(f, skippable, sizeof(skippable));
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
	forge_insert(f, f->p[4] & 0x20 ? 5 : 6, "\x2a", 1);
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
	struct sample_random random = { .state = 1 };
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

#define ROW(what, name, level, kernel, make, len)                                                  \
	{                                                                                          \
		what, PAYLOAD_FAULT_##name, PAYLOAD_##level, KERNEL_##kernel, make,                \
			BTRFS_ENCODED_IO_COMPRESSION_ZSTD, len                                     \
	}

const struct forge_row forge_zstd_rows[] = {
	ROW("zstd: two frames", TOO_SHORT, STRUCTURE, BROKEN, zstd_two_frames, 65536),
	ROW("zstd: two frames, no sizes", ZSTD_SECOND_FRAME, STRUCTURE, BROKEN,
	    zstd_two_plain_frames, 65536),
	ROW("zstd: second frame after", ZSTD_SECOND_FRAME, STRUCTURE, TOLERATES, zstd_second_frame,
	    65536),
	ROW("zstd: skippable frame first", ZSTD_SKIPPABLE_FRAME, STRUCTURE, BROKEN,
	    zstd_skippable_first, 65536),
	ROW("zstd: skippable frame after", ZSTD_SECOND_FRAME, STRUCTURE, TOLERATES,
	    zstd_skippable_after, 65536),
	ROW("zstd: wrong magic", ZSTD_MAGIC, STRUCTURE, BROKEN, zstd_magic, 65536),
	ROW("zstd: reserved bit", ZSTD_RESERVED, STRUCTURE, BROKEN, zstd_reserved, 65536),
	ROW("zstd: dictionary", ZSTD_DICTIONARY, STRUCTURE, BROKEN, zstd_dictionary, 65536),
	ROW("zstd: window 512 KiB", ZSTD_WINDOW, STRUCTURE, TOLERATES, zstd_window, 65536),
	ROW("zstd: cut in half", ZSTD_TRUNCATED, STRUCTURE, BROKEN, forge_cut_half, 65536),
	ROW("zstd: cut at a page", ZSTD_TRUNCATED, STRUCTURE, BROKEN, forge_cut_at_page, 65536),
	ROW("zstd: cut at a block", ZSTD_TRUNCATED, STRUCTURE, BROKEN, zstd_cut_at_block, 65536),
	ROW("zstd: last block early", TRAILING_DATA, STRUCTURE, BROKEN, zstd_early_last, 65536),
	ROW("zstd: reserved block type", ZSTD_BLOCK, STRUCTURE, BROKEN, zstd_reserved_block, 65536),
	ROW("zstd: damaged", ZSTD_STREAM, FULL, BROKEN, zstd_damaged, 65536),
	ROW("zstd: bad checksum", ZSTD_CHECKSUM, FULL, BROKEN, zstd_checksum, 65536),
	ROW("zstd: window smaller than the extent", ZSTD_SMALL_WINDOW, STRUCTURE, BROKEN,
	    zstd_small_window, 65536),
	ROW("zstd: too short", TOO_SHORT, FULL, BROKEN, zstd_short, 65536),
	ROW("zstd: too short by its size", TOO_SHORT, STRUCTURE, BROKEN, forge_claims_more, 65536),
	ROW("zstd: too long", TOO_LONG, FULL, TOLERATES, zstd_long, 65536),
	ROW("zstd: too long by its size", TOO_LONG, STRUCTURE, TOLERATES, forge_claims_less, 65536),
	ROW("zstd: surplus not zero", SURPLUS, FULL, TOLERATES, forge_surplus_not_zero, 65536),
	ROW("zstd: junk after", TRAILING_DATA, STRUCTURE, TOLERATES, forge_junk_after, 65536),
	{},
};
