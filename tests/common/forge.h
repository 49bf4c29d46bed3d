/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_TESTS_FORGE_H
#define EXTENTD_TESTS_FORGE_H

/*
 * Payloads with one thing wrong each, for the unit test, the fuzzing corpus and the comparison
 * with the kernel. What a row says of the kernel was seen on 6.18.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "payload/payload.h"

struct forged {
	uint32_t compression;
	uint32_t unencoded_len;
	size_t len;
	uint8_t p[PAYLOAD_SIZE_MAX];
	uint8_t data[PAYLOAD_UNENCODED_MAX]; /* what it ought to decode to */
};

enum forge_kernel {
	KERNEL_BROKEN,	  /* an error, or other bytes than were meant */
	KERNEL_TOLERATES, /* reads as meant; we are stricter */
	KERNEL_CRASHES,	  /* kernels before 2026 read past their pages: never written to one */
};

struct forge_row {
	const char *name;
	uint32_t code;		   /* the fault that a full check has to name */
	enum payload_level caught; /* the lowest level that has to refuse it */
	enum forge_kernel kernel;
	void (*make)(struct forged *f); /* changes a good payload */
	uint32_t compression;
	uint32_t unencoded_len;
};

/* The rows of all formats; NULL past the last. */
const struct forge_row *forge_row(size_t n);

/* A good payload of sample data; aborts if the data would not compress. */
void forge_good(struct forged *f, uint32_t compression, uint32_t unencoded_len, uint64_t seed);
void forge_row_make(const struct forge_row *row, struct forged *f);

/* Good frames that payload_compress() would not make. */
void forge_zlib(struct forged *f, int window_bits, int level);
void forge_zstd(struct forged *f, int window_log, bool content_size, bool checksum, size_t chunk);

/* The last segment ends in the byte that would begin a longer end marker: good all the same. */
void forge_lzo_end_literal(struct forged *f);

/* Whether reading this LZO payload would make an unpatched kernel run past its pages. */
bool forge_lzo_crashes(const uint8_t *p, size_t len, uint32_t sector);

#endif
