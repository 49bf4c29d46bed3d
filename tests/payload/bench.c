// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a full check costs beside the decoding alone. The baseline is the codec's own call with a
 * context that is kept, over the same payloads in turn, and no look at anything else: inflate() of
 * the whole stream, ZSTD_decompressDCtx(), lzo1x_decompress_safe() a segment. Processor time of
 * this thread, the best of several rounds that alternate between the two.
 *
 * Exits with 1 when a full check costs more than LIMIT times the baseline.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/btrfs.h>
#include <lzo/lzo1x.h>
#include <zlib.h>
#include <zstd.h>
#include "base/cleanup.h"
#include "common/forge.h"
#include "payload/payload.h"

#define EXTENTS 64U
#define ROUNDS	15U
#define LIMIT	1.15

struct bench {
	struct forged *extents;
	struct payload_scratch *scratch;
	ZSTD_DCtx *zstd;
	z_stream zlib;
	uint8_t *out;
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static void zlib_plain(struct bench *bench, struct forged *f)
{
	z_stream *z = &bench->zlib;

	inflateReset(z);
	z->next_in = f->p;
	z->avail_in = f->len;
	z->next_out = bench->out;
	z->avail_out = f->unencoded_len;
	must(inflate(z, Z_FINISH) == Z_STREAM_END, "inflate");
}

static void zstd_plain(struct bench *bench, struct forged *f)
{
	must(ZSTD_decompressDCtx(bench->zstd, bench->out, f->unencoded_len, f->p, f->len) ==
		     f->unencoded_len,
	     "zstd");
}

static void lzo_plain(struct bench *bench, struct forged *f)
{
	uint32_t total, len, at = 4, out = 0;

	memcpy(&total, f->p, sizeof(total));
	for (total = le32toh(total); at < total; at += len) {
		lzo_uint n = 4096;

		memcpy(&len, f->p + at, sizeof(len));
		len = le32toh(len);
		at += 4;
		must(!lzo1x_decompress_safe(f->p + at, len, bench->out + out, &n, NULL), "lzo");
		out += n;
		if (4096 - (at + len) % 4096 < 4)
			at += 4096 - (at + len) % 4096;
	}
	must(out == f->unencoded_len, "lzo: length");
}

static void check_at(struct bench *bench, struct forged *f, enum payload_level level)
{
	struct payload_fault fault;

	must(!payload_check(bench->scratch, f->compression, f->p, f->len, f->unencoded_len, level,
			    &fault),
	     "payload_check");
}

static void check_full(struct bench *bench, struct forged *f)
{
	check_at(bench, f, PAYLOAD_FULL);
}

static void check_structure(struct bench *bench, struct forged *f)
{
	check_at(bench, f, PAYLOAD_STRUCTURE);
}

static double microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static double pass_time(struct bench *bench, void (*run)(struct bench *, struct forged *))
{
	double start = microseconds();

	for (unsigned int i = 0; i < EXTENTS; i++)
		run(bench, &bench->extents[i]);
	return (microseconds() - start) / EXTENTS;
}

static bool format_bench(struct bench *bench, const char *name, uint32_t compression,
			 void (*plain)(struct bench *, struct forged *))
{
	double best[3] = { 1e9, 1e9, 1e9 }, ratio;
	size_t bytes = 0;

	for (unsigned int i = 0; i < EXTENTS; i++) {
		forge_good(&bench->extents[i], compression, PAYLOAD_UNENCODED_MAX, i);
		bytes += bench->extents[i].len;
	}
	for (unsigned int round = 0; round < ROUNDS; round++) {
		double t[3] = { pass_time(bench, plain), pass_time(bench, check_full),
				pass_time(bench, check_structure) };

		for (unsigned int i = 0; i < 3; i++)
			best[i] = t[i] < best[i] ? t[i] : best[i];
	}
	ratio = best[1] / best[0];
	printf("%s, 128 KiB extents of %zu KiB: decoding alone %.1f us, full check %.1f us,"
	       " structure %.2f us: full / decoding = %.3f (at most %.2f)\n",
	       name, bytes / EXTENTS >> 10, best[0], best[1], best[2], ratio, LIMIT);
	return ratio <= LIMIT;
}

int main(void)
{
	struct bench bench = {
		.extents = calloc(EXTENTS, sizeof(*bench.extents)),
		.zstd = ZSTD_createDCtx(),
		.out = malloc(PAYLOAD_UNENCODED_MAX),
	};
	bool good = true;

	must(bench.extents && bench.zstd && bench.out && inflateInit(&bench.zlib) == Z_OK &&
		     !payload_scratch_new(&bench.scratch),
	     "memory");
	good &= format_bench(&bench, "zlib", BTRFS_ENCODED_IO_COMPRESSION_ZLIB, zlib_plain);
	good &= format_bench(&bench, "zstd", BTRFS_ENCODED_IO_COMPRESSION_ZSTD, zstd_plain);
	good &= format_bench(&bench, "lzo", BTRFS_ENCODED_IO_COMPRESSION_LZO_4K, lzo_plain);
	inflateEnd(&bench.zlib);
	ZSTD_freeDCtx(bench.zstd);
	payload_scratch_free(bench.scratch);
	free(bench.extents);
	free(bench.out);
	return good ? 0 : 1;
}
