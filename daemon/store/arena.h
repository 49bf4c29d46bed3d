/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_ARENA_H
#define EXTENTD_STORE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct user;

/*
 * Memory that a client shares: payloads lie in it, so that none crosses the socket. The client
 * can change every byte at any time. Sealed against shrinking it cannot take pages away under
 * the mapping; that is why the seal is required.
 */
struct arena {
	unsigned int refs; /* the session's and one for each extent that lies in it */
	int fd;
	unsigned char *map;
	uint64_t size;
	struct user *user; /* charged with the size */
	struct store *store;
	bool write_sealed; /* nobody can change it: may be checked in place */
	int buffer;	   /* registered: the kernel writes from it without a copy; or -1 */
};

/*
 * Takes fd, leaving -1, or a positive enum wire_code says what is wrong with it. trusted: the peer
 * is let have its payloads written from where they lie.
 */
int arena_new(int *fd, uint64_t size, bool trusted, struct user *user, struct store *store,
	      struct arena **out);
struct arena *arena_ref(struct arena *arena);
void arena_unref(struct arena *arena);

/* True if [offset, offset + len) lies inside. */
bool arena_holds(const struct arena *arena, uint64_t offset, uint64_t len);

/* A private copy of the range: 0, or -errno. Never faults, unlike reading through the map. */
int arena_copy(const struct arena *arena, uint64_t offset, void *out, size_t len);

/*
 * The other way round. -EPERM, -EBADF: the client does not let it be written to. -EFAULT: there is
 * a hole, and its pages would be charged to us instead of the client. In a worker: the client can
 * make the memfd busy for a while.
 */
int arena_put(const struct arena *arena, uint64_t offset, const void *from, size_t len);

#endif
