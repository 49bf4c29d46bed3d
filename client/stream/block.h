/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STREAM_BLOCK_H
#define EXTENTD_STREAM_BLOCK_H

/*
 * The memory a stream is read into. A command's payload is handed on as a pointer into a block, and
 * whoever keeps that pointer keeps a reference. Where blocks come from is the caller's affair: a
 * source over shared arenas lets a payload travel from read(2) to the daemon without a copy.
 *
 * One thread at a time: counts are not atomic.
 */

#include <stddef.h>
#include <stdint.h>

struct block_source;

struct block {
	uint8_t *data;
	size_t size; /* bytes; at least BLOCK_SIZE_MIN */
	unsigned int refs;
	struct block_source *source;
	struct block *next; /* for the source, while refs is 0 */
};

struct block_source {
	/* A block with one reference, or NULL with errno set. May wait until one is returned. */
	struct block *(*get)(struct block_source *source);
	/* The last reference is gone. */
	void (*put)(struct block_source *source, struct block *block);
};

/* The largest command must fit into one block. */
#define BLOCK_SIZE_MIN (1u << 20)

static inline struct block *block_ref(struct block *b)
{
	b->refs++;
	return b;
}

static inline void block_unref(struct block *b)
{
	if (b && --b->refs == 0)
		b->source->put(b->source, b);
}

/*
 * Blocks from the heap, at most count of them alive at once (get then fails with ENOBUFS).
 * Free it only when every block is back.
 */
int block_pool_new(size_t size, unsigned int count, struct block_source **out);
void block_pool_free(struct block_source *source);
unsigned int block_pool_used(const struct block_source *source);

#endif
