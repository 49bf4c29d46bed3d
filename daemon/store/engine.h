/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_ENGINE_H
#define EXTENTD_STORE_ENGINE_H

#include <stdbool.h>

#include "chain.h"

struct reading;
struct store;

/* How writes reach the kernel: the ring, or threads. */
struct engine;

struct engine_ops {
	/* There is room: the lanes are counted (writer.h). */
	void (*submit)(struct engine *engine, struct chain *chain);
	void (*free)(struct engine *engine);
};

struct engine {
	const struct engine_ops *ops;
	struct store *store;
};

/* -ENOSYS, -EPERM, -EOPNOTSUPP …: this machine has no such thing for encoded writes. */
int ring_engine_new(struct store *store, struct engine **out);
int thread_engine_new(struct store *store, struct engine **out);

/* An encoded read; reader_completed() follows. False: the ring is full. */
bool ring_read(struct engine *ring, struct reading *reading);

/* What both have in common. result: as the system call's. In the loop's thread. */
void engine_prepare(struct extent *extent);
void engine_completed(struct extent *extent, int result);

#endif
