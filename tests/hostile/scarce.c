// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Preloaded: memory runs out at one place of the program. A place is where an allocation is asked
 * for, with its callers: a number that is the same in each run whose addresses are (setarch -R).
 * With SCARCE_PLACES, a file, the places that are reached are noted in it, a line each; with
 * SCARCE_AT, a place, the allocation there fails when it is first reached, and then the next
 * SCARCE_RUN - 1, wherever they are.
 *
 * What the dynamic linker asks for is given: it ends the process itself where a thread's storage
 * finds no memory.
 *
 * Before libc and AddressSanitizer: it hands over to whichever is there.
 */

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern __attribute__((weak)) void *__interceptor_malloc(size_t size);
extern __attribute__((weak)) void *__interceptor_calloc(size_t n, size_t size);
extern __attribute__((weak)) void *__interceptor_realloc(void *p, size_t size);

__attribute__((visibility("default"))) void *malloc(size_t size);
__attribute__((visibility("default"))) void *calloc(size_t n, size_t size);
__attribute__((visibility("default"))) void *realloc(void *p, size_t size);
__attribute__((visibility("default"))) int pthread_getattr_np(pthread_t thread,
							      pthread_attr_t *attributes);

#define CALLERS 12
#define PLACES	4096

static int places = -1;
static uint64_t at;
static unsigned long run = 1;
static _Atomic uint64_t known[PLACES];
static _Atomic bool reached;
static _Atomic long left; /* still to fail, after the place was reached */
static bool started;
static _Thread_local bool inside; /* looking for the callers may allocate */
static uintptr_t linker, linker_end;

static int find_linker(struct dl_phdr_info *info, size_t size, void *arg)
{
	if (info->dlpi_addr != linker)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD)
			linker_end = linker + p->p_vaddr + p->p_memsz;
	}
	return 1;
}

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("SCARCE_PLACES"), *s;
	void *callers[2];

	s = getenv("SCARCE_AT");
	at = s ? strtoull(s, NULL, 16) : 0;
	s = getenv("SCARCE_RUN");
	run = s ? strtoul(s, NULL, 10) : 1;
	if (path)
		places = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	linker = getauxval(AT_BASE);
	inside = true;
	dl_iterate_phdr(find_linker, NULL);
	backtrace(callers, 2); /* loads what it needs */
	getpwuid(0); /* glibc (2.36) crashes where the first name that is looked up finds no memory
		      */
	inside = false;
	started = true;
}

static uint64_t place(void)
{
	void *callers[CALLERS];
	int n = backtrace(callers, CALLERS);
	uint64_t h = 0xcbf29ce484222325;

	for (int i = 2; i < n; i++) /* not this file's own */
		h = (h ^ (uintptr_t)callers[i]) * 0x100000001b3;
	return h ? h : 1;
}

static void note(uint64_t p)
{
	for (size_t i = p % PLACES;; i = (i + 1) % PLACES) {
		uint64_t was = 0;
		char line[24];
		int n;

		if (known[i] == p)
			return;
		if (!atomic_compare_exchange_strong(&known[i], &was, p)) {
			if (was == p)
				return;
			continue;
		}
		n = snprintf(line, sizeof(line), "%016llx\n", (unsigned long long)p);
		if (write(places, line, (size_t)n) < 0)
			_exit(3);
		return;
	}
}

static bool fails(const void *caller)
{
	bool failing = false;
	uint64_t p;

	if (!started || inside || (places < 0 && !at) ||
	    ((uintptr_t)caller >= linker && (uintptr_t)caller < linker_end))
		return false;
	if (reached) {
		failing = left > 0 && atomic_fetch_sub(&left, 1) > 0;
	} else {
		inside = true;
		p = place();
		if (places >= 0)
			note(p);
		failing = p == at && !atomic_exchange(&reached, true);
		if (failing)
			left = (long)run - 1;
		inside = false;
	}
	if (failing)
		errno = ENOMEM;
	return failing;
}

/* AddressSanitizer asks where the stack of a new thread is, and does not stand being refused. */
int pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes)
{
	static int (*real)(pthread_t, pthread_attr_t *);
	const bool was = inside;
	int r;

	inside = true;
	if (!real)
		real = (int (*)(pthread_t, pthread_attr_t *))dlsym(RTLD_NEXT, "pthread_getattr_np");
	r = real(thread, attributes);
	inside = was;
	return r;
}

void *malloc(size_t size)
{
	if (fails(__builtin_return_address(0)))
		return NULL;
	return __interceptor_malloc ? __interceptor_malloc(size) : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	if (fails(__builtin_return_address(0)))
		return NULL;
	return __interceptor_calloc ? __interceptor_calloc(n, size) : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	if (fails(__builtin_return_address(0)))
		return NULL;
	return __interceptor_realloc ? __interceptor_realloc(p, size) : __libc_realloc(p, size);
}
