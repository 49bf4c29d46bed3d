// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Payload buffers: one mapping, cut into chunks that can hold the largest payload, each of which
 * is in turn cut into slots of one power of two. An empty chunk can take on any slot size, so
 * nothing is lost to fragmentation for longer than the longest write.
 *
 * With descriptors the mapping is a memfd that the daemon maps too (the arena). It is announced
 * with the first buffer and used from the acknowledgement on; until then, and for good if the
 * daemon refuses it, payloads travel through the socket from the same buffers. So a caller never
 * sees an error that comes of the arena, and no session has one that does not write.
 *
 * A slot is free, the caller's (used), or a request's (used and given). After the session has
 * failed no buffer is handed out: the daemon may still be reading those it was given.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/lib/session.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U /* linux/memfd.h since 6.3; some systems insist on it */
#endif

#define SLOTS_PER_CHUNK 64 /* bits of the masks below */

enum arena_state { ARENA_NONE, ARENA_UNANNOUNCED, ARENA_ANNOUNCED, ARENA_READY };

struct chunk {
	size_t slot;	/* bytes; means something while used is not 0 */
	uint64_t used;	/* a bit a slot */
	uint64_t given; /* of those, the requests' */
};

struct pool {
	uint8_t *base;
	size_t bytes, chunk_bytes, slot_min;
	size_t hint; /* where the last slot was found */
	enum arena_state state;
	int memfd; /* until it has been announced */
	size_t n_chunks;
	struct chunk chunks[];
};

static size_t power_of_two(size_t at_least)
{
	size_t n = 1;

	while (n < at_least)
		n *= 2;
	return n;
}

static uint64_t all_slots(const struct pool *p, size_t slot)
{
	size_t n = p->chunk_bytes / slot;

	return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

static uint64_t pool_bytes(const struct extent_session *s)
{
	const char *set = secure_getenv("EXTENTD_POOL_BYTES");
	uint64_t n = set ? strtoull(set, NULL, 10) : CLIENT_POOL_BYTES;

	if (!n || n > s->limits.credit_bytes)
		n = s->limits.credit_bytes;
	if (s->limits.descriptors && s->max_arena_bytes && n > s->max_arena_bytes)
		n = s->max_arena_bytes;
	return n > LIMIT_ARENA_BYTES ? LIMIT_ARENA_BYTES : n;
}

static int arena_memfd(size_t bytes)
{
	_cleanup_(closep) int fd = -1;

	fd = memfd_create("extent", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0)
		fd = memfd_create("extent", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return -1;
	return steal_fd(&fd);
}

/* Without a memfd, for whatever reason, the pool is ordinary memory. */
static int pool_make(struct extent_session *s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t chunk = power_of_two(s->limits.max_payload > page ? s->limits.max_payload : page);
	size_t n = (size_t)(pool_bytes(s) / chunk);
	_cleanup_(freep) struct pool *p = NULL;

	if (!n)
		n = 1;
	p = calloc(1, sizeof(*p) + n * sizeof(p->chunks[0]));
	if (!p)
		return -ENOMEM;
	p->n_chunks = n;
	p->chunk_bytes = chunk;
	p->bytes = n * chunk;
	p->slot_min = chunk / SLOTS_PER_CHUNK > page ? chunk / SLOTS_PER_CHUNK : page;
	p->memfd = -1;
	if (s->limits.descriptors && p->bytes <= s->max_arena_bytes)
		p->memfd = arena_memfd(p->bytes);
	p->state = p->memfd >= 0 ? ARENA_UNANNOUNCED : ARENA_NONE;
	p->base = mmap(NULL, p->bytes, PROT_READ | PROT_WRITE,
		       p->memfd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, p->memfd, 0);
	if (p->base == MAP_FAILED) {
		closep(&p->memfd);
		return -ENOMEM;
	}
	s->pool = steal_ptr(&p);
	return 0;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	munmap(p->base, p->bytes);
	closep(&p->memfd);
	free(p);
}

/* Costs a credit; if none is left now, the next write tries again. */
static void arena_announce(struct extent_session *s)
{
	struct pool *p = s->pool;
	union wire_frame f = { .arena = {
				       .h.type = WIRE_TYPE_ARENA, .arena = 0, .size = p->bytes } };

	if (p->state != ARENA_UNANNOUNCED || request_room(s, 0) != 0)
		return;
	request_queue(s, EXTENT_OP_ARENA, &f, NULL, 0, NULL, NULL)->fd = steal_fd(&p->memfd);
	p->state = ARENA_ANNOUNCED;
}

void buffer_arena_answered(struct extent_session *s, int result)
{
	s->pool->state = result ? ARENA_NONE : ARENA_READY;
}

/* A chunk of that slot size with a free slot, else an empty one, else NULL. */
static struct chunk *chunk_find(struct pool *p, size_t slot)
{
	struct chunk *empty = NULL;

	for (size_t i = 0; i < p->n_chunks; i++) {
		size_t at = (p->hint + i) % p->n_chunks;
		struct chunk *c = &p->chunks[at];

		if (!c->used && !empty)
			empty = c;
		if (c->used ? c->slot == slot && c->used != all_slots(p, slot)
			    : slot == p->chunk_bytes) {
			p->hint = at;
			return c;
		}
	}
	if (empty)
		p->hint = (size_t)(empty - p->chunks);
	return empty;
}

int buffer_take(struct extent_session *s, size_t size, void **out)
{
	struct pool *p;
	struct chunk *c;
	size_t slot;
	int i;

	if (s->error)
		return s->error;
	if (size > s->limits.max_payload)
		return session_error(s, -EMSGSIZE, "buffer of %zu bytes: the largest payload is %u",
				     size, s->limits.max_payload);
	if (!s->pool && pool_make(s) < 0)
		return session_error(s, -ENOMEM, "no memory for payload buffers");
	p = s->pool;
	arena_announce(s);

	slot = power_of_two(size > p->slot_min ? size : p->slot_min);
	c = chunk_find(p, slot);
	if (!c)
		return session_error(s, -EAGAIN, "all %zu bytes of payload buffers are in use",
				     p->bytes);
	c->slot = slot;
	i = __builtin_ctzll(~c->used);
	c->used |= UINT64_C(1) << i;
	*out = p->base + (size_t)(c - p->chunks) * p->chunk_bytes + (size_t)i * slot;
	return 0;
}

void *extent_buffer_get(struct extent_session *s, size_t size)
{
	void *buffer;

	return buffer_take(s, size, &buffer) ? NULL : buffer;
}

/* The slot that holds the address, or NULL if that is none of the caller's. */
static struct chunk *slot_find(const struct extent_session *s, const void *address, uint64_t *bit,
			       size_t *offset)
{
	struct pool *p = s->pool;
	uintptr_t at = (uintptr_t)address - (p ? (uintptr_t)p->base : 0);
	struct chunk *c;

	if (!p || at >= p->bytes)
		return NULL;
	c = &p->chunks[at / p->chunk_bytes];
	if (!c->used)
		return NULL;
	*bit = UINT64_C(1) << (at % p->chunk_bytes / c->slot);
	*offset = at % c->slot;
	return c->used & *bit && !(c->given & *bit) ? c : NULL;
}

void extent_buffer_put(struct extent_session *s, void *buffer)
{
	struct chunk *c;
	uint64_t bit;
	size_t offset;

	if (!buffer)
		return;
	c = slot_find(s, buffer, &bit, &offset);
	assert(c && "extent_buffer_put() of what is no buffer of the caller's");
	if (c)
		c->used &= ~bit;
}

/* The buffer around the payload now belongs to a request; NULL if it was not the caller's. */
void *buffer_give(struct extent_session *s, const void *payload, size_t len)
{
	uint64_t bit;
	size_t offset;
	struct chunk *c = slot_find(s, payload, &bit, &offset);

	if (!c || len > c->slot - offset)
		return NULL;
	c->given |= bit;
	return (uint8_t *)payload - offset;
}

void buffer_return(struct extent_session *s, void *buffer)
{
	struct pool *p = s->pool;
	size_t at = (size_t)((uint8_t *)buffer - p->base);
	struct chunk *c = &p->chunks[at / p->chunk_bytes];

	c->given &= ~(UINT64_C(1) << (at % p->chunk_bytes / c->slot));
}

/* The daemon does not put anything into a hole of the arena: the page would be charged to it. */
void buffer_touch(const struct extent_session *s, void *buffer, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t at = 0; at < len; at += page)
		((volatile uint8_t *)buffer)[at] = 0;
}

void buffer_release(struct extent_session *s, void *buffer)
{
	struct pool *p = s->pool;
	size_t at = (size_t)((uint8_t *)buffer - p->base);
	struct chunk *c = &p->chunks[at / p->chunk_bytes];
	uint64_t bit = UINT64_C(1) << (at % p->chunk_bytes / c->slot);

	c->given &= ~bit;
	c->used &= ~bit;
}

/* Where in arena 0 the payload lies: 1, or 0 if it has to be sent inline. */
int buffer_place(struct extent_session *s, const void *payload, uint64_t *offset)
{
	if (s->pool->state != ARENA_READY)
		return 0;
	*offset = (uint64_t)((const uint8_t *)payload - s->pool->base);
	return 1;
}
