/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_PAYLOAD_FORMAT_H
#define EXTENTD_PAYLOAD_FORMAT_H

/* What payload.c and the three formats share; nobody else includes this. */

#include <stdbool.h>
#include <zlib.h>
#include <zstd.h>
#include "payload/payload.h"

/* lzo1x_worst_compress(), include/linux/lzo.h: the size of the kernel's segment buffer. */
#define LZO_SEGMENT_MAX(sector) ((sector) + (sector) / 16 + 64 + 3 + 2)
#define LZO_SECTOR_MAX		65536U

struct payload_scratch {
	ZSTD_DCtx *zstd;
	z_stream zlib;	  /* raw inflate */
	uint8_t *out;	  /* PAYLOAD_UNENCODED_MAX bytes */
	uint8_t *segment; /* the largest LZO segment */
};

/* One payload on its way through a format's walk. */
struct walk {
	struct payload_scratch *scratch;
	const uint8_t *p;
	size_t len;
	uint32_t unencoded_len;
	uint32_t needed; /* of them: the payload may end after these */
	uint32_t sector; /* PAYLOAD_PADDING_UNIT unless the format names one */
	struct payload_fault *fault;

	/* Where a full walk decodes to; out is NULL for a structural one. */
	uint8_t *out;
	uint32_t capacity; /* unencoded_len rounded up to the sector */
	uint32_t decoded;
};

/* 0, PAYLOAD_BAD or a negative errno; sets decoded if it has out. */
int zlib_walk(struct walk *walk);
int zstd_walk(struct walk *walk);
int lzo_walk(struct walk *walk);

static inline int walk_bad(struct walk *walk, uint32_t code, uint64_t position)
{
	walk->fault->code = code;
	walk->fault->position = position;
	return PAYLOAD_BAD;
}

/* The kernel pads a payload to the sector with zeros; anything else would be lost. */
int walk_rest_zero(struct walk *walk, size_t position);

/* How many leading bytes are zero. */
size_t zero_prefix(const uint8_t *p, size_t len);

static inline uint64_t round_up_u64(uint64_t n, uint32_t unit)
{
	return (n + unit - 1) / unit * unit;
}

#endif
