/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERCUT_PATTERN_H
#define POWERCUT_PATTERN_H

/*
 * Contents that say what they are. A block of a file is a function of (version, file, block
 * number), and carries the three in its first bytes: the checker can tell a lost block from a
 * stale, a misplaced and a damaged one without any copy of what was written. A version numbers
 * one write, and is used once in a run. Contents compress to a bit over one half.
 */

#include <stddef.h>
#include <stdint.h>

#define PATTERN_BLOCK 4096u

struct pattern_id {
	uint32_t version, file;
	uint64_t block;
};

/* The first @length bytes (at most PATTERN_BLOCK) of the block. */
void pattern_block(const struct pattern_id *id, void *out, size_t length);
/* @offset is a multiple of PATTERN_BLOCK; @length is any. */
void pattern_fill(uint32_t version, uint32_t file, uint64_t offset, void *out, size_t length);

enum pattern_finding {
	PATTERN_INTACT, /* a block of the pattern: *id says which */
	PATTERN_ZERO,
	PATTERN_DAMAGED,
};

/* Looks at @length bytes (PATTERN_MIN to PATTERN_BLOCK) from the start of a block. */
#define PATTERN_MIN 32u
enum pattern_finding pattern_read(const void *block, size_t length, struct pattern_id *out);

#endif
