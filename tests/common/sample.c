// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "common/sample.h"

#define WORDS	 512U
#define WORD_MAX 12U

/* splitmix64: one word of state, good enough for test data. */
uint64_t sample_next(struct sample_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

uint32_t sample_below(struct sample_random *random, uint32_t limit)
{
	return sample_next(random) % limit;
}

static size_t word_put(uint8_t *p, size_t room, struct sample_random *random)
{
	uint32_t a = sample_below(random, WORDS), b = sample_below(random, WORDS);
	struct sample_random word = { .state = a < b ? a : b }; /* small numbers more often */
	size_t len = 2 + sample_below(&word, WORD_MAX - 2), n;

	for (n = 0; n < len && n < room; n++)
		p[n] = 'a' + sample_below(&word, 26);
	if (n < room)
		p[n++] = ' ';
	return n;
}

static size_t noise_put(uint8_t *p, size_t room, struct sample_random *random)
{
	size_t len = 1 + sample_below(random, 256), n;

	for (n = 0; n < len && n < room; n++)
		p[n] = sample_next(random);
	return n;
}

static size_t run_put(uint8_t *p, size_t room, uint8_t byte, struct sample_random *random)
{
	size_t len = 1 + sample_below(random, 1024);

	if (len > room)
		len = room;
	memset(p, byte, len);
	return len;
}

void sample_fill(void *to, size_t len, enum sample_kind kind, struct sample_random *random)
{
	uint8_t *p = to;
	size_t at = 0;

	while (at < len) {
		uint32_t dice = sample_below(random, 16);

		if (kind == SAMPLE_NOISE || (kind == SAMPLE_MIXED && dice < 1))
			at += noise_put(p + at, len - at, random);
		else if (kind == SAMPLE_SPARSE && dice)
			at += run_put(p + at, len - at, 0, random);
		else if (kind == SAMPLE_MIXED && dice < 2)
			at += run_put(p + at, len - at, dice, random);
		else
			at += word_put(p + at, len - at, random);
	}
}
