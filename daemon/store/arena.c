// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "arena.h"
#include "base/cleanup.h"
#include "buffers.h"
#include "store.h"
#include "user.h"
#include "wire/codes.h"

/*
 * Registering pins the pages and wants to be able to write to them, which sealing rules out. Pages
 * that are not there yet come into being. If it does not work the payloads are copied as ever.
 */
static void arena_register(struct arena *a)
{
	void *map;

	map = mmap(NULL, a->size, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd, 0);
	if (map == MAP_FAILED)
		return;
	a->buffer = buffers_add(a->store->buffers, map, a->size);
	if (a->buffer < 0) {
		munmap(map, a->size);
		return;
	}
	munmap(a->map, a->size);
	a->map = map;
	a->store->counters.now_pinned_bytes += a->size;
}

int arena_new(int *taken, uint64_t size, bool trusted, struct user *user, struct store *store,
	      struct arena **out)
{
	const int fd = *taken;
	struct arena *arena;
	struct statfs fs;
	struct stat st;
	void *map;
	int seals;

	/* F_GET_SEALS answers for memfds only, huge-page ones included: those kill the reader of
	 * a hole when the pool is empty, and are refused by the type of their filesystem. */
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstatfs(fd, &fs) < 0 ||
	    fs.f_type != TMPFS_MAGIC)
		return WIRE_E_ARENA_SEAL;
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size < size)
		return WIRE_E_ARENA_SIZE;

	/* Before Linux 6.7 a write-sealed memfd can't be mapped shared, not even for reading. A
	 * private mapping that is never written to shows the same pages. */
	map = mmap(NULL, size, PROT_READ, seals & F_SEAL_WRITE ? MAP_PRIVATE : MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	arena = malloc(sizeof(*arena));
	if (!arena) {
		munmap(map, size);
		return -ENOMEM;
	}
	*arena = (struct arena){
		.refs = 1,
		.fd = steal_fd(taken),
		.map = map,
		.size = size,
		.user = user_ref(user),
		.store = store,
		/* And has no holes: each would become a page of ours when it is read in place. */
		.write_sealed = seals & F_SEAL_WRITE &&
				(uint64_t)st.st_blocks * 512 >= (uint64_t)st.st_size,
		.buffer = -1,
	};
	if (trusted && store->buffers && !(seals & F_SEAL_WRITE))
		arena_register(arena);
	user->files++;
	store->counters.now_files++;
	user->arena_bytes += size;
	store->counters.now_arena_bytes += size;
	*out = arena;
	return 0;
}

struct arena *arena_ref(struct arena *arena)
{
	arena->refs++;
	return arena;
}

void arena_unref(struct arena *arena)
{
	if (!arena || --arena->refs)
		return;
	arena->user->files--;
	arena->store->counters.now_files--;
	arena->user->arena_bytes -= arena->size;
	arena->store->counters.now_arena_bytes -= arena->size;
	if (arena->buffer >= 0) {
		buffers_remove(arena->store->buffers, arena->buffer);
		arena->store->counters.now_pinned_bytes -= arena->size;
	}
	user_unref(arena->user);
	munmap(arena->map, arena->size);
	close(arena->fd);
	free(arena);
}

bool arena_holds(const struct arena *arena, uint64_t offset, uint64_t len)
{
	return offset <= arena->size && len <= arena->size - offset;
}

int arena_copy(const struct arena *arena, uint64_t offset, void *out, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n =
			pread(arena->fd, (char *)out + have, len - have, (off_t)(offset + have));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EFAULT;
		if (n > 0)
			have += (size_t)n;
	}
	return 0;
}

int arena_put(const struct arena *arena, uint64_t offset, const void *from, size_t len)
{
	size_t done = 0;

	if (lseek(arena->fd, (off_t)offset, SEEK_HOLE) < (off_t)(offset + len))
		return -EFAULT;
	while (done < len) {
		ssize_t n = pwrite(arena->fd, (const char *)from + done, len - done,
				   (off_t)(offset + done));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EFAULT;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}
