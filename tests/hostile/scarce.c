// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Preloaded: allocation number $SCARCE_AT, and the $SCARCE_RUN - 1 after it, find no memory. The
 * number of allocations so far is kept in the file $SCARCE_COUNT, mapped when the first one comes.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

__attribute__((visibility("default"))) void *malloc(size_t size);
__attribute__((visibility("default"))) void *calloc(size_t n, size_t size);
__attribute__((visibility("default"))) void *realloc(void *p, size_t size);

static _Atomic unsigned long own, *count = &own;
static unsigned long at, run = 1;

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("SCARCE_COUNT"), *s;
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	if (fd >= 0) {
		map = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map != MAP_FAILED)
			count = map;
		close(fd);
	}
	s = getenv("SCARCE_RUN");
	run = s ? strtoul(s, NULL, 10) : 1;
	s = getenv("SCARCE_AT");
	at = s ? strtoul(s, NULL, 10) : 0;
}

static bool fails(void)
{
	unsigned long n = atomic_fetch_add(count, 1) + 1;

	if (!at || n < at || n >= at + run)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}
