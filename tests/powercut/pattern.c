// SPDX-License-Identifier: GPL-2.0-or-later
#include "pattern.h"

#include <string.h>

#include "dice.h"

#define PATTERN_MAGIC 0x6b6c6276u

struct pattern_head {
	uint32_t magic, version, file, spare;
	uint64_t block;
};

/* Lines of 64 bytes, the first half noise, the second zero. */
#define LINE  64
#define NOISE 32

void pattern_block(const struct pattern_id *id, void *out, size_t length)
{
	struct pattern_head head = {
		.magic = PATTERN_MAGIC,
		.version = id->version,
		.file = id->file,
		.block = id->block,
	};
	uint64_t seed =
		((uint64_t)id->version << 32 | id->file) * 0xff51afd7ed558ccdULL + id->block;
	uint8_t block[PATTERN_BLOCK] = { 0 };

	for (unsigned int at = 0; at < PATTERN_BLOCK; at += LINE)
		for (unsigned int i = 0; i < NOISE; i += 8) {
			uint64_t noise = dice_roll(&seed);

			memcpy(block + at + i, &noise, 8);
		}
	memcpy(block, &head, sizeof(head));
	memcpy(out, block, length);
}

void pattern_fill(uint32_t version, uint32_t file, uint64_t offset, void *out, size_t length)
{
	struct pattern_id id = { version, file, offset / PATTERN_BLOCK };

	for (size_t at = 0; at < length; at += PATTERN_BLOCK, id.block++)
		pattern_block(&id, (uint8_t *)out + at,
			      length - at < PATTERN_BLOCK ? length - at : PATTERN_BLOCK);
}

enum pattern_finding pattern_read(const void *block, size_t length, struct pattern_id *out)
{
	static const uint8_t zeros[PATTERN_BLOCK];
	uint8_t expected[PATTERN_BLOCK];
	struct pattern_head head;

	if (!memcmp(block, zeros, length))
		return PATTERN_ZERO;
	memcpy(&head, block, sizeof(head));
	if (length < PATTERN_MIN || head.magic != PATTERN_MAGIC)
		return PATTERN_DAMAGED;
	*out = (struct pattern_id){ head.version, head.file, head.block };
	pattern_block(out, expected, length);
	return memcmp(block, expected, length) ? PATTERN_DAMAGED : PATTERN_INTACT;
}
