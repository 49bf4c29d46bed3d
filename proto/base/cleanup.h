/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef EXTENTD_BASE_CLEANUP_H
#define EXTENTD_BASE_CLEANUP_H

/*
 * Locals that release themselves. On success ownership is handed over by name:
 *
 *	_cleanup_(closep) int fd = open(...);
 *	...
 *	*out = steal_fd(&fd);
 */

#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void freep(void *p)
{
	free(*(void **)p);
}

/* close() keeps errno: the caller is usually on its way out with an error of its own. */
static inline void closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define steal_ptr(p)                                                                               \
	({                                                                                         \
		__typeof__(*(p)) taken_ = *(p);                                                    \
		*(p) = NULL;                                                                       \
		taken_;                                                                            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
