/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_SYNC_H
#define EXTENTD_STORE_SYNC_H

#include <stdint.h>

#include "filesystem.h"

struct file;

/*
 * A wish to have all that was written before it settled: of one file (file set) or of a whole
 * filesystem (fs set). The owner starts it when the kernel has taken all those writes, keeps the
 * memory until notify(), and finds the outcome of the sync itself here; what became of each
 * extent it has heard from the extents.
 */
struct sync {
	struct file *file;
	struct filesystem *fs;
	uint32_t code;
	int kernel_errno;
	void (*notify)(struct sync *sync);
	TAILQ_ENTRY(sync) entry;
};

void sync_start(struct sync *sync);

#endif
