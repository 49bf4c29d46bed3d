// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zstd, as fs/btrfs/zstd.c reads it: one frame, after which the kernel looks no further. Anything
 * that moves content into a second frame is read as zeros. The frame header and the chain of
 * blocks are walked by hand (RFC 8878, 3.1.1) and give the frame's exact size; only that much goes
 * to libzstd, which would happily decode more.
 *
 * The kernel decodes through a ring, we straight into the output. They can differ when a match
 * reaches back further than the window: what the ring holds there depends on its size, and so on
 * the kernel's version. libzstd does not look at that, so a frame with a window smaller than the
 * extent is refused; nobody who knows the size of what he compresses makes one.
 *
 * What no check here can see: damage to entropy-coded data that libzstd itself does not notice.
 * With libzstd 1.5.6 none was found that the kernel (6.18) reads differently from us; 1.5.4 lets
 * some through, about one in a hundred of the damaged frames it accepts. A content checksum in the
 * frame catches those too.
 */
#include <errno.h>
#include <endian.h>
#include <string.h>
#include <zstd_errors.h>
#include "payload/format.h"

#define WINDOW_LOG_MAX 17U /* ZSTD_BTRFS_MAX_WINDOWLOG, fs/btrfs/zstd.c */
#define WINDOW_LOG_MIN 10U
#define BLOCK_MAX      (128U << 10)
#define BLOCK_HEADER   3U
#define CHECKSUM       4U
#define SIZE_UNKNOWN   UINT64_MAX
#define MAGIC	       ZSTD_MAGICNUMBER
#define SKIPPABLE      ZSTD_MAGIC_SKIPPABLE_START
#define SKIPPABLE_MASK ZSTD_MAGIC_SKIPPABLE_MASK

enum { BLOCK_RAW, BLOCK_RLE, BLOCK_COMPRESSED, BLOCK_RESERVED };

struct frame {
	uint64_t window;
	uint64_t content; /* or SIZE_UNKNOWN */
	size_t blocks;	  /* position of the first block */
	size_t end;	  /* position past the frame */
	bool checksum;
};

static uint64_t le_read(const uint8_t *p, size_t len)
{
	uint64_t n = 0;

	memcpy(&n, p, len);
	return le64toh(n);
}

static int magic_check(struct walk *walk)
{
	uint32_t magic;

	if (walk->len < sizeof(magic))
		return walk_bad(walk, PAYLOAD_FAULT_ZSTD_TRUNCATED, walk->len);
	magic = le_read(walk->p, sizeof(magic));
	if ((magic & SKIPPABLE_MASK) == SKIPPABLE)
		return walk_bad(walk, PAYLOAD_FAULT_ZSTD_SKIPPABLE_FRAME, 0);
	if (magic != MAGIC)
		return walk_bad(walk, PAYLOAD_FAULT_ZSTD_MAGIC, 0);
	return 0;
}

static int header_parse(struct walk *walk, struct frame *frame)
{
	static const uint8_t dictionary_bytes[] = { 0, 1, 2, 4 };
	static const uint8_t content_bytes[] = { 0, 2, 4, 8 };
	size_t at = 4, dictionary, content;
	const uint8_t *p = walk->p;
	uint8_t descriptor;
	bool single;

	if (walk->len <= at)
		return walk_bad(walk, PAYLOAD_FAULT_ZSTD_TRUNCATED, walk->len);
	descriptor = p[at++];
	if (descriptor & 0x08)
		return walk_bad(walk, PAYLOAD_FAULT_ZSTD_RESERVED, at - 1);
	single = descriptor & 0x20;
	frame->checksum = descriptor & 0x04;
	dictionary = dictionary_bytes[descriptor & 3];
	content = content_bytes[descriptor >> 6];
	if (single && !content)
		content = 1;
	if (walk->len - at < !single + dictionary + content)
		return walk_bad(walk, PAYLOAD_FAULT_ZSTD_TRUNCATED, walk->len);

	if (!single) {
		frame->window = 1ULL << (WINDOW_LOG_MIN + (p[at] >> 3));
		frame->window += frame->window / 8 * (p[at] & 7);
		at++;
	}
	if (le_read(p + at, dictionary))
		return walk_bad(walk, PAYLOAD_FAULT_ZSTD_DICTIONARY, at);
	at += dictionary;
	frame->content = content ? le_read(p + at, content) : SIZE_UNKNOWN;
	if (content == 2)
		frame->content += 256;
	if (single)
		frame->window = frame->content;
	frame->blocks = at + content;
	return 0;
}

/* What the header alone says about sizes. */
static int header_check(struct walk *walk, const struct frame *frame)
{
	if (frame->content != SIZE_UNKNOWN && frame->content > walk->capacity)
		return walk_bad(walk, PAYLOAD_FAULT_TOO_LONG, 4);
	if (frame->content < walk->needed)
		return walk_bad(walk, PAYLOAD_FAULT_TOO_SHORT, 4);
	if (frame->window < walk->needed)
		return walk_bad(walk, PAYLOAD_FAULT_ZSTD_SMALL_WINDOW, 5);
	if (frame->window > 1U << WINDOW_LOG_MAX)
		return walk_bad(walk, PAYLOAD_FAULT_ZSTD_WINDOW, 5);
	return 0;
}

/* Walks the blocks to the frame's end, and bounds what they can decode to. */
static int blocks_walk(struct walk *walk, struct frame *frame)
{
	uint32_t block_max = frame->window < BLOCK_MAX ? frame->window : BLOCK_MAX;
	uint64_t least = 0, most = 0;
	size_t at = frame->blocks;
	bool last = false;

	while (!last) {
		uint32_t header, type, size, stored;

		if (walk->len - at < BLOCK_HEADER)
			return walk_bad(walk, PAYLOAD_FAULT_ZSTD_TRUNCATED, walk->len);
		header = le_read(walk->p + at, BLOCK_HEADER);
		last = header & 1;
		type = header >> 1 & 3;
		size = header >> 3;
		if (type == BLOCK_RESERVED || size > block_max)
			return walk_bad(walk, PAYLOAD_FAULT_ZSTD_BLOCK, at);
		at += BLOCK_HEADER;

		stored = type == BLOCK_RLE ? 1 : size;
		if (walk->len - at < stored)
			return walk_bad(walk, PAYLOAD_FAULT_ZSTD_TRUNCATED, walk->len);
		at += stored;
		least += type == BLOCK_COMPRESSED ? 0 : size;
		most += type == BLOCK_COMPRESSED ? block_max : size;
		if (least > walk->capacity)
			return walk_bad(walk, PAYLOAD_FAULT_TOO_LONG, at);
	}
	if (most < walk->needed)
		return walk_bad(walk, PAYLOAD_FAULT_TOO_SHORT, at);
	if (frame->checksum) {
		if (walk->len - at < CHECKSUM)
			return walk_bad(walk, PAYLOAD_FAULT_ZSTD_TRUNCATED, walk->len);
		at += CHECKSUM;
	}
	frame->end = at;
	return 0;
}

static int rest_check(struct walk *walk, size_t end)
{
	uint32_t magic;

	if (walk->len - end >= sizeof(magic)) {
		magic = le_read(walk->p + end, sizeof(magic));
		if (magic == MAGIC || (magic & SKIPPABLE_MASK) == SKIPPABLE)
			return walk_bad(walk, PAYLOAD_FAULT_ZSTD_SECOND_FRAME, end);
	}
	return walk_rest_zero(walk, end);
}

static int error_classify(struct walk *walk, const struct frame *frame, size_t r)
{
	switch (ZSTD_getErrorCode(r)) {
	case ZSTD_error_memory_allocation:
		return -ENOMEM;
	case ZSTD_error_dstSize_tooSmall:
		return walk_bad(walk, PAYLOAD_FAULT_TOO_LONG, frame->blocks);
	case ZSTD_error_checksum_wrong:
		return walk_bad(walk, PAYLOAD_FAULT_ZSTD_CHECKSUM, frame->end - CHECKSUM);
	case ZSTD_error_dictionary_wrong:
		return walk_bad(walk, PAYLOAD_FAULT_ZSTD_DICTIONARY, frame->blocks);
	default:
		return walk_bad(walk, PAYLOAD_FAULT_ZSTD_STREAM, frame->blocks);
	}
}

int zstd_walk(struct walk *walk)
{
	struct frame frame;
	size_t n;
	int r;

	r = magic_check(walk);
	if (!r)
		r = header_parse(walk, &frame);
	if (!r)
		r = header_check(walk, &frame);
	if (!r)
		r = blocks_walk(walk, &frame);
	if (!r)
		r = rest_check(walk, frame.end);
	if (r || !walk->out)
		return r;

	n = ZSTD_decompressDCtx(walk->scratch->zstd, walk->out, walk->capacity, walk->p, frame.end);
	if (ZSTD_isError(n))
		return error_classify(walk, &frame, n);
	walk->decoded = n;
	if (walk->decoded > frame.window)
		return walk_bad(walk, PAYLOAD_FAULT_ZSTD_SMALL_WINDOW, 5);
	return 0;
}
