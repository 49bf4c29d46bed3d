// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes payloads as the kernel's own writer makes them: zlib with its wrapper, one zstd frame that
 * names its content size (so that its window fits) and has no checksum, LZO segments of a sector
 * each. The output gets only as much room as still saves a sector; a codec that runs out of it
 * has found the data incompressible.
 */
#include <errno.h>
#include <endian.h>
#include <string.h>
#include <linux/btrfs.h>
#include <lzo/lzo1x.h>
#include <zstd_errors.h>
#include "base/cleanup.h"
#include "payload/format.h"

#define ZLIB_LEVEL_DEFAULT 3 /* BTRFS_ZLIB_DEFAULT_LEVEL, fs/btrfs/zlib.c */
#define ZSTD_LEVEL_DEFAULT 3 /* ZSTD_BTRFS_DEFAULT_LEVEL, fs/btrfs/zstd.c */
#define LZO_LEN		   4U

struct payload_compressor {
	uint32_t compression;
	ZSTD_CCtx *zstd;
	z_stream zlib;
	bool zlib_ready;
	uint8_t *lzo_memory;
	uint8_t *lzo_segment; /* one sector's worst case */
};

static int zlib_setup(struct payload_compressor *c, int level)
{
	int r = deflateInit(&c->zlib, level ?: ZLIB_LEVEL_DEFAULT);

	if (r != Z_OK)
		return r == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
	c->zlib_ready = true;
	return 0;
}

static int zstd_setup(struct payload_compressor *c, int level)
{
	if (level < ZSTD_minCLevel() || level > ZSTD_maxCLevel())
		return -EINVAL;
	c->zstd = ZSTD_createCCtx();
	if (!c->zstd)
		return -ENOMEM;
	if (ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel,
						level ?: ZSTD_LEVEL_DEFAULT)))
		return -EINVAL;
	return 0;
}

static int lzo_setup(struct payload_compressor *c, int level)
{
	uint32_t sector = payload_lzo_sector(c->compression);

	if (level)
		return -EINVAL; /* LZO1X-1 has none */
	c->lzo_memory = malloc(LZO1X_1_MEM_COMPRESS);
	c->lzo_segment = malloc(LZO_SEGMENT_MAX(sector));
	return c->lzo_memory && c->lzo_segment ? 0 : -ENOMEM;
}

int payload_compressor_new(uint32_t compression, int level, struct payload_compressor **out)
{
	struct payload_compressor *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->compression = compression;
	if (compression == BTRFS_ENCODED_IO_COMPRESSION_ZLIB)
		r = zlib_setup(c, level);
	else if (compression == BTRFS_ENCODED_IO_COMPRESSION_ZSTD)
		r = zstd_setup(c, level);
	else if (payload_lzo_sector(compression))
		r = lzo_setup(c, level);
	else
		r = -EINVAL;
	if (r) {
		payload_compressor_free(c);
		return r;
	}
	*out = c;
	return 0;
}

struct payload_compressor *payload_compressor_free(struct payload_compressor *c)
{
	if (!c)
		return NULL;
	if (c->zlib_ready)
		deflateEnd(&c->zlib);
	ZSTD_freeCCtx(c->zstd);
	free(c->lzo_memory);
	free(c->lzo_segment);
	free(c);
	return NULL;
}

static int zlib_compress(struct payload_compressor *c, const uint8_t *p, size_t len, uint8_t *out,
			 size_t room, size_t *out_len)
{
	z_stream *z = &c->zlib;

	deflateReset(z);
	z->next_in = (Bytef *)p;
	z->avail_in = len;
	z->next_out = out;
	z->avail_out = room;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return PAYLOAD_INCOMPRESSIBLE;
	*out_len = z->total_out;
	return 0;
}

static int zstd_compress(struct payload_compressor *c, const uint8_t *p, size_t len, uint8_t *out,
			 size_t room, size_t *out_len)
{
	size_t n = ZSTD_compress2(c->zstd, out, room, p, len);

	if (!ZSTD_isError(n)) {
		*out_len = n;
		return 0;
	}
	return ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation ? -ENOMEM
								    : PAYLOAD_INCOMPRESSIBLE;
}

static void length_write(uint8_t *p, uint32_t n)
{
	n = htole32(n);
	memcpy(p, &n, sizeof(n));
}

static int lzo_compress(struct payload_compressor *c, const uint8_t *p, size_t len, uint8_t *out,
			size_t room, size_t *out_len)
{
	uint32_t sector = payload_lzo_sector(c->compression);
	size_t at = LZO_LEN, done, left;

	for (done = 0; done < len; done += sector) {
		size_t take = len - done < sector ? len - done : sector;
		lzo_uint n = 0;

		/* A header must not cross a sector boundary; the room ends on one or is inline. */
		left = sector - at % sector;
		if (left < LZO_LEN) {
			if (room < at + left)
				return PAYLOAD_INCOMPRESSIBLE;
			memset(out + at, 0, left);
			at += left;
		}
		lzo1x_1_compress(p + done, take, c->lzo_segment, &n, c->lzo_memory);
		if (room < at + LZO_LEN || room - at - LZO_LEN < n)
			return PAYLOAD_INCOMPRESSIBLE;
		length_write(out + at, n);
		memcpy(out + at + LZO_LEN, c->lzo_segment, n);
		at += LZO_LEN + n;
	}
	length_write(out, at);
	*out_len = at;
	return 0;
}

int payload_compress(struct payload_compressor *c, uint32_t sector_size, const void *p, size_t len,
		     void *out, size_t *out_len)
{
	uint32_t lzo_sector = payload_lzo_sector(c->compression);
	size_t room;

	if (!len || len > PAYLOAD_UNENCODED_MAX || sector_size < PAYLOAD_PADDING_UNIT ||
	    (lzo_sector && lzo_sector != sector_size))
		return -EINVAL;
	room = len <= sector_size ? len - 1 : round_up_u64(len, sector_size) - sector_size;
	switch (c->compression) {
	case BTRFS_ENCODED_IO_COMPRESSION_ZLIB:
		return zlib_compress(c, p, len, out, room, out_len);
	case BTRFS_ENCODED_IO_COMPRESSION_ZSTD:
		return zstd_compress(c, p, len, out, room, out_len);
	default:
		return lzo_compress(c, p, len, out, room, out_len);
	}
}
