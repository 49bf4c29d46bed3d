// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>
#include <linux/btrfs.h>
#include "common/mutate-format.h"
#include "common/mutate.h"
#include "common/sample.h"

#define BASES	  48U
#define SECTOR	  4096U
#define STEPS_MAX 3U

struct mutator {
	uint32_t compression;
	uint64_t seed;
	struct forged base[BASES];
};

/* Sizes that matter: one sector, a tail, several sectors, all of it. */
static uint32_t length_pick(struct sample_random *random)
{
	switch (sample_below(random, 8)) {
	case 0:
		return 512 + sample_below(random, SECTOR - 511); /* may be inline */
	case 1:
		return SECTOR;
	case 2:
		return 2 * SECTOR + sample_below(random, PAYLOAD_UNENCODED_MAX - 2 * SECTOR) + 1;
	case 3:
	case 4:
		return PAYLOAD_UNENCODED_MAX;
	default:
		return SECTOR * (2 + sample_below(random, 31));
	}
}

static void base_vary(struct forged *f, struct sample_random *random)
{
	if (f->compression == BTRFS_ENCODED_IO_COMPRESSION_ZLIB)
		forge_zlib(f, sample_below(random, 4) ? 15 : 9 + sample_below(random, 6),
			   1 + sample_below(random, 9));
	else if (f->compression == BTRFS_ENCODED_IO_COMPRESSION_ZSTD)
		forge_zstd(f, 12 + sample_below(random, 7), sample_below(random, 2),
			   !sample_below(random, 4),
			   sample_below(random, 2) ? 700 + sample_below(random, 20000) : 0);
	else if (f->unencoded_len > 2 * SECTOR)
		forge_lzo_end_literal(f);
}

struct mutator *mutator_new(uint32_t compression, uint64_t seed)
{
	struct sample_random random = { .state = seed };
	struct mutator *mutator = calloc(1, sizeof(*mutator));

	if (!mutator)
		abort();
	mutator->compression = compression;
	mutator->seed = seed;
	for (unsigned int i = 0; i < BASES; i++) {
		struct forged *f = &mutator->base[i];

		forge_good(f, compression, length_pick(&random), sample_next(&random));
		if (i % 3 == 2)
			base_vary(f, &random);
	}
	return mutator;
}

struct mutator *mutator_free(struct mutator *mutator)
{
	free(mutator);
	return NULL;
}

static void length_change(struct forged *f, struct sample_random *random)
{
	uint32_t len = f->unencoded_len;

	switch (sample_below(random, 4)) {
	case 0:
		len += SECTOR;
		break;
	case 1:
		len -= len > SECTOR ? SECTOR : 0;
		break;
	case 2:
		len = (len + SECTOR - 1) / SECTOR * SECTOR;
		break;
	default:
		len -= sample_below(random, len < 200 ? len : 200);
	}
	if (len && len <= PAYLOAD_UNENCODED_MAX)
		f->unencoded_len = len;
}

/* Changes that know nothing of the format. */
static void bytes_change(struct forged *f, const struct forged *other, struct sample_random *random)
{
	uint32_t head = f->len < 24 ? f->len : 24;
	size_t at = sample_below(random, f->len), len = 1 + sample_below(random, f->len - at);
	uint8_t junk[16];

	switch (sample_below(random, 12)) {
	case 0:
	case 1:
		f->p[at] ^= 1 << sample_below(random, 8);
		break;
	case 2:
		f->p[sample_below(random, head)] ^= 1 << sample_below(random, 8);
		break;
	case 3:
		f->p[at] = sample_next(random);
		break;
	case 4:
		f->len = len;
		break;
	case 5:
		f->len = f->len > SECTOR ? f->len / SECTOR * SECTOR : f->len - f->len / 8;
		break;
	case 6: /* zeros after the end: good, up to the sector or beyond it */
		len = sample_below(random, 2) ? SECTOR - f->len % SECTOR
					      : sample_below(random, 5000);
		if (sizeof(f->p) - f->len >= len) {
			memset(f->p + f->len, 0, len);
			f->len += len;
		}
		break;
	case 7:
		for (size_t i = 0; i < sizeof(junk); i++)
			junk[i] = sample_next(random);
		mutate_insert(f, sample_below(random, 2) ? f->len : at, junk,
			      1 + sample_below(random, sizeof(junk)));
		break;
	case 8: /* the same range of another payload */
		if (at < other->len)
			memcpy(f->p + at, other->p + at,
			       other->len - at < len ? other->len - at : len);
		break;
	case 9:
		len = 1 + sample_below(random, 32);
		if (f->len - at > len)
			mutate_delete(f, at, len);
		break;
	case 10:
		length_change(f, random);
		break;
	default: /* a whole second payload behind the first */
		mutate_insert(f, f->len, other->p, other->len);
	}
	if (!f->len)
		f->len = 1;
}

void mutator_make(struct mutator *mutator, uint64_t number, struct forged *f)
{
	struct sample_random random = { .state = mutator->seed ^ number * 0x2545f4914f6cdd1dULL };
	const struct forged *other = &mutator->base[sample_below(&random, BASES)];
	uint32_t steps = sample_below(&random, STEPS_MAX + 1);

	*f = mutator->base[sample_below(&random, BASES)];
	while (steps--) {
		if (sample_below(&random, 2))
			mutate_format(f, &random);
		else
			bytes_change(f, other, &random);
	}
	if (f->compression == BTRFS_ENCODED_IO_COMPRESSION_ZLIB && sample_below(&random, 4))
		mutate_zlib_repair(f);
}
