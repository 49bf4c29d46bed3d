/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RESTORE_ENCODED_H
#define EXTENTD_RESTORE_ENCODED_H

/* Writes by the calling thread. */

#include "lib/extent.h"

/* Before anything is computed with them: lengths within the limits, and inside one another. */
bool encoded_lengths_fit(const struct extent_write *w);
/* 0 when the kernel has taken all of it, or negative errno. In the kernel is not on disk. */
int encoded_write(int fd, const struct extent_write *w);
/* Likewise, of plain bytes. */
int write_plain(int fd, const void *bytes, uint64_t size, uint64_t offset);

#endif
