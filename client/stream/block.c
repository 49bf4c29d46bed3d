// SPDX-License-Identifier: GPL-2.0-or-later
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "stream/block.h"
#include "stream/format.h"

static_assert(BLOCK_SIZE_MIN >= STREAM_COMMAND_MAX, "a command fits into a block");

struct block_pool {
	struct block_source source; /* first: source and pool are one pointer */
	struct block *spare;
	size_t size;
	unsigned int made, used, limit;
};

static struct block *pool_get(struct block_source *source)
{
	struct block_pool *pool = (struct block_pool *)source;
	struct block *b = pool->spare;

	if (b) {
		pool->spare = b->next;
	} else {
		_cleanup_(freep) struct block *made = NULL;

		if (pool->made == pool->limit) {
			errno = ENOBUFS;
			return NULL;
		}
		made = calloc(1, sizeof(*made));
		if (!made)
			return NULL;
		made->data = aligned_alloc(4096, pool->size);
		if (!made->data)
			return NULL;
		made->size = pool->size;
		made->source = source;
		pool->made++;
		b = steal_ptr(&made);
	}
	b->next = NULL;
	b->refs = 1;
	pool->used++;
	return b;
}

static void pool_put(struct block_source *source, struct block *b)
{
	struct block_pool *pool = (struct block_pool *)source;

	b->next = pool->spare;
	pool->spare = b;
	pool->used--;
}

int block_pool_new(size_t size, unsigned int count, struct block_source **out)
{
	struct block_pool *pool;

	if (size < BLOCK_SIZE_MIN || size % 4096 || !count)
		return -EINVAL;
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->source.get = pool_get;
	pool->source.put = pool_put;
	pool->size = size;
	pool->limit = count;
	*out = &pool->source;
	return 0;
}

void block_pool_free(struct block_source *source)
{
	struct block_pool *pool = (struct block_pool *)source;
	struct block *b;

	if (!pool)
		return;
	assert(!pool->used);
	while ((b = pool->spare)) {
		pool->spare = b->next;
		free(b->data);
		free(b);
	}
	free(pool);
}

unsigned int block_pool_used(const struct block_source *source)
{
	return ((const struct block_pool *)source)->used;
}
