// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The payload check and decode over arbitrary bytes; FUZZ_COMPRESSION, set by the build, says which
 * format. An input is three bytes of unencoded length less one, a byte of flags, and the payload.
 * The flags also say how many bytes at the end of the extent the file does not need.
 *
 * Besides what the sanitizers see, it is a defect when a higher level accepts what a lower one
 * refuses, when check and decode disagree, when the outcome depends on what the scratch was used
 * for before, or when a fault has no name or lies outside the payload.
 */
#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/btrfs.h>
#include <zlib.h>
#include "payload/payload.h"

#define HEAD	    4U
#define FLAG_REPAIR 1U	 /* put the adler32 or the LZO length right, to get past it */
#define SECTORS	    5U	 /* the LZO sector size is in the three bits above */
#define SPARE	    293U /* the file needs so much less, times the four bits above that */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void adler_repair(uint8_t *p, size_t len)
{
	static uint8_t out[PAYLOAD_UNENCODED_MAX + PAYLOAD_PADDING_UNIT];
	z_stream z = { .next_out = out, .avail_out = sizeof(out) };
	uint32_t sum;

	if (len < 3 || inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return;
	z.next_in = p + 2;
	z.avail_in = len - 2;
	if (inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in >= sizeof(sum)) {
		sum = htobe32(adler32(1, out, z.total_out));
		memcpy(p + 2 + z.total_in, &sum, sizeof(sum));
	}
	inflateEnd(&z);
}

static void payload_repair(uint8_t *p, size_t len)
{
	uint32_t total = htole32(len);

	if (FUZZ_COMPRESSION == BTRFS_ENCODED_IO_COMPRESSION_ZLIB)
		adler_repair(p, len);
	else if (FUZZ_COMPRESSION == BTRFS_ENCODED_IO_COMPRESSION_LZO_4K && len >= sizeof(total))
		memcpy(p, &total, sizeof(total));
}

struct outcome {
	int r;
	struct payload_fault fault;
};

static void outcome_check(const struct outcome *outcome, size_t len)
{
	must(outcome->r == 0 || outcome->r == PAYLOAD_BAD, "neither good nor bad");
	if (!outcome->r)
		return;
	must(payload_fault_name(outcome->fault.code), "a fault without a name");
	must(outcome->fault.position <= len, "a fault outside the payload");
}

static bool outcome_same(const struct outcome *a, const struct outcome *b)
{
	return a->r == b->r && (!a->r || (a->fault.code == b->fault.code &&
					  a->fault.position == b->fault.position));
}

static void levels_compare(struct payload_scratch *scratch, uint32_t compression, const uint8_t *p,
			   size_t len, uint32_t unencoded_len, uint32_t needed,
			   struct outcome *full)
{
	struct outcome at[PAYLOAD_FULL + 1] = {};

	for (int level = PAYLOAD_NONE; level <= PAYLOAD_FULL; level++) {
		at[level].r = payload_check_part(scratch, compression, p, len, unencoded_len,
						 needed, level, &at[level].fault);
		outcome_check(&at[level], len);
		must(!level || at[level].r || !at[level - 1].r, "refused by a lower level only");
	}
	*full = at[PAYLOAD_FULL];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct payload_scratch *used;
	struct payload_scratch *fresh = NULL;
	uint32_t unencoded_len, needed, spare, compression = FUZZ_COMPRESSION;
	struct outcome check = {}, decode = {}, again = {};
	uint8_t *p, *out, *out_again;
	size_t len;

	if (size <= HEAD || size - HEAD > PAYLOAD_SIZE_MAX)
		return 0;
	unencoded_len = data[0] | data[1] << 8 | (data[2] & 1) << 16;
	unencoded_len++;
	spare = (data[3] >> 4) * SPARE;
	needed = spare < unencoded_len ? unencoded_len - spare : 1;
	if (payload_lzo_sector(compression))
		compression += (data[3] >> 1 & 7) % SECTORS;
	len = size - HEAD;
	/* All exactly as long as they are said to be. */
	p = malloc(len);
	out = calloc(1, unencoded_len);
	out_again = calloc(1, unencoded_len);
	must(p && out && out_again && !payload_scratch_new(&fresh), "memory");
	must(used || !payload_scratch_new(&used), "memory");
	memcpy(p, data + HEAD, len);
	if (data[3] & FLAG_REPAIR)
		payload_repair(p, len);

	levels_compare(used, compression, p, len, unencoded_len, needed, &check);
	decode.r = payload_decode_part(used, compression, p, len, out, unencoded_len, needed,
				       &decode.fault);
	must(outcome_same(&check, &decode), "check and decode disagree");
	again.r = payload_decode_part(fresh, compression, p, len, out_again, unencoded_len, needed,
				      &again.fault);
	must(outcome_same(&decode, &again), "the outcome depends on an earlier payload");
	if (!decode.r)
		must(!memcmp(out, out_again, unencoded_len), "two decodes, two contents");

	payload_scratch_free(fresh);
	free(p);
	free(out);
	free(out_again);
	return 0;
}
