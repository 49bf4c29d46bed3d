/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_BUFFERS_H
#define EXTENTD_STORE_BUFFERS_H

#include <stdint.h>

struct buffers;

/*
 * The memory that the kernel may write from without a copy: a table of the ring, in which arenas of
 * trusted peers are registered. Their pages are pinned, and count against RLIMIT_MEMLOCK. In the
 * loop's thread.
 */

/* An empty table, before the ring is restricted. -EINVAL: this kernel has none. */
int buffers_new(int ring_fd, struct buffers **out);
void buffers_free(struct buffers *buffers); /* NULL is allowed */

/* The number of the buffer. -ENOSPC: the table is full; -ENOMEM: too much is pinned. */
int buffers_add(struct buffers *buffers, void *base, uint64_t bytes);

/* No write from it may be under way: the number is given away again. */
void buffers_remove(struct buffers *buffers, int number);

#endif
