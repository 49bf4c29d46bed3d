// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sizes first, in 64 bits; then one walk of the format. A check and a decode are the same walk:
 * with an output buffer it decodes, without one it only reads the structure, so the two cannot
 * come to disagree about a payload.
 *
 * A tail is decoded up to its sector boundary, since the kernel's own frames hold zeros there. The
 * caller's buffer ends earlier, so tails go through the scratch buffer.
 */
#include <errno.h>
#include <string.h>
#include <linux/btrfs.h>
#include "base/cleanup.h"
#include "payload/format.h"

#define FAULT_NAME(code, name, text)                                                               \
	case code:                                                                                 \
		return #name;
#define FAULT_TEXT(code, name, text)                                                               \
	case code:                                                                                 \
		return text;

const char *payload_fault_name(uint32_t code)
{
	switch (code) {
		PAYLOAD_FAULTS(FAULT_NAME)
	}
	return NULL;
}

const char *payload_fault_text(uint32_t code)
{
	switch (code) {
		PAYLOAD_FAULTS(FAULT_TEXT)
	}
	return NULL;
}

uint32_t payload_lzo_sector(uint32_t compression)
{
	if (compression < BTRFS_ENCODED_IO_COMPRESSION_LZO_4K ||
	    compression > BTRFS_ENCODED_IO_COMPRESSION_LZO_64K)
		return 0;
	return 4096U << (compression - BTRFS_ENCODED_IO_COMPRESSION_LZO_4K);
}

int payload_scratch_new(struct payload_scratch **out)
{
	struct payload_scratch *scratch = calloc(1, sizeof(*scratch));

	if (!scratch)
		return -ENOMEM;
	scratch->out = malloc(PAYLOAD_UNENCODED_MAX);
	scratch->segment = malloc(LZO_SEGMENT_MAX(LZO_SECTOR_MAX));
	scratch->zstd = ZSTD_createDCtx();
	if (!scratch->out || !scratch->segment || !scratch->zstd ||
	    inflateInit2(&scratch->zlib, -MAX_WBITS) != Z_OK) {
		payload_scratch_free(scratch);
		return -ENOMEM;
	}
	*out = scratch;
	return 0;
}

struct payload_scratch *payload_scratch_free(struct payload_scratch *scratch)
{
	if (!scratch)
		return NULL;
	inflateEnd(&scratch->zlib);
	ZSTD_freeDCtx(scratch->zstd);
	free(scratch->out);
	free(scratch->segment);
	free(scratch);
	return NULL;
}

static int sizes_check(struct walk *walk, uint32_t compression, uint64_t unencoded_len)
{
	if (compression == BTRFS_ENCODED_IO_COMPRESSION_NONE ||
	    compression >= BTRFS_ENCODED_IO_COMPRESSION_TYPES)
		return walk_bad(walk, PAYLOAD_FAULT_COMPRESSION, 0);
	if (!walk->len || !unencoded_len)
		return walk_bad(walk, PAYLOAD_FAULT_EMPTY, 0);
	if (walk->len > PAYLOAD_SIZE_MAX)
		return walk_bad(walk, PAYLOAD_FAULT_PAYLOAD_SIZE, PAYLOAD_SIZE_MAX);
	if (unencoded_len > PAYLOAD_UNENCODED_MAX)
		return walk_bad(walk, PAYLOAD_FAULT_UNENCODED_SIZE, 0);
	return 0;
}

static int format_walk(struct walk *walk, uint32_t compression)
{
	switch (compression) {
	case BTRFS_ENCODED_IO_COMPRESSION_ZLIB:
		return zlib_walk(walk);
	case BTRFS_ENCODED_IO_COMPRESSION_ZSTD:
		return zstd_walk(walk);
	default:
		return lzo_walk(walk);
	}
}

/* @out is the caller's buffer of unencoded_len bytes, or NULL for a check. */
static int payload_walk(struct payload_scratch *scratch, uint32_t compression, const void *p,
			size_t len, void *out, uint64_t unencoded_len, uint64_t needed,
			enum payload_level level, struct payload_fault *fault)
{
	struct walk walk = { .scratch = scratch, .p = p, .len = len, .fault = fault };
	size_t zeros;
	int r;

	r = sizes_check(&walk, compression, unencoded_len);
	if (r || level == PAYLOAD_NONE)
		return r;

	walk.unencoded_len = unencoded_len;
	walk.needed = needed < unencoded_len ? needed : unencoded_len;
	walk.sector = payload_lzo_sector(compression) ?: PAYLOAD_PADDING_UNIT;
	walk.capacity = round_up_u64(unencoded_len, walk.sector);
	if (level == PAYLOAD_FULL)
		walk.out = out && walk.capacity == unencoded_len ? out : scratch->out;

	r = format_walk(&walk, compression);
	if (r || level != PAYLOAD_FULL)
		return r;

	if (walk.decoded < walk.needed)
		return walk_bad(&walk, PAYLOAD_FAULT_TOO_SHORT, len);
	if (walk.decoded < unencoded_len) { /* the kernel gives zeros there */
		memset(walk.out + walk.decoded, 0, unencoded_len - walk.decoded);
		walk.decoded = unencoded_len;
	}
	zeros = zero_prefix(walk.out + unencoded_len, walk.decoded - unencoded_len);
	if (zeros < walk.decoded - unencoded_len)
		return walk_bad(&walk, PAYLOAD_FAULT_SURPLUS, len);
	if (out && walk.out != out)
		memcpy(out, walk.out, unencoded_len);
	return 0;
}

int payload_check(struct payload_scratch *scratch, uint32_t compression, const void *p, size_t len,
		  uint64_t unencoded_len, enum payload_level level, struct payload_fault *fault)
{
	return payload_walk(scratch, compression, p, len, NULL, unencoded_len, unencoded_len, level,
			    fault);
}

int payload_check_part(struct payload_scratch *scratch, uint32_t compression, const void *p,
		       size_t len, uint64_t unencoded_len, uint64_t needed,
		       enum payload_level level, struct payload_fault *fault)
{
	return payload_walk(scratch, compression, p, len, NULL, unencoded_len, needed, level,
			    fault);
}

int payload_decode(struct payload_scratch *scratch, uint32_t compression, const void *p, size_t len,
		   void *out, uint64_t unencoded_len, struct payload_fault *fault)
{
	return payload_walk(scratch, compression, p, len, out, unencoded_len, unencoded_len,
			    PAYLOAD_FULL, fault);
}

int payload_decode_part(struct payload_scratch *scratch, uint32_t compression, const void *p,
			size_t len, void *out, uint64_t unencoded_len, uint64_t needed,
			struct payload_fault *fault)
{
	return payload_walk(scratch, compression, p, len, out, unencoded_len, needed, PAYLOAD_FULL,
			    fault);
}
