/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_SPACE_H
#define EXTENTD_STORE_SPACE_H

#include <stdbool.h>

/*
 * Whether a btrfs has so little space left for metadata that more writes could exhaust it. That
 * does not end in ENOSPC for the writer: the kernel cannot finish an extent that it has already
 * taken, aborts the transaction, and the filesystem is read-only for everybody. So writes are
 * refused before. In a worker. False when the kernel does not say.
 */
bool space_is_low(int fd);

#endif
