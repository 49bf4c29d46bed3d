/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_TESTS_SAMPLE_H
#define EXTENTD_TESTS_SAMPLE_H

/* Reproducible data to compress: the same seed gives the same bytes everywhere. */

#include <stddef.h>
#include <stdint.h>

struct sample_random {
	uint64_t state;
};

uint64_t sample_next(struct sample_random *random);
/* 0..limit-1; limit must not be 0. */
uint32_t sample_below(struct sample_random *random, uint32_t limit);

enum sample_kind {
	SAMPLE_TEXT,   /* words: compresses to a third or so */
	SAMPLE_MIXED,  /* runs, words and noise in turn: to a half or so */
	SAMPLE_SPARSE, /* mostly zeros */
	SAMPLE_NOISE,  /* does not compress */
	SAMPLE_KINDS,
};

void sample_fill(void *p, size_t len, enum sample_kind kind, struct sample_random *random);

#endif
