/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REPLICATE_ESTIMATE_H
#define EXTENTD_REPLICATE_ESTIMATE_H

#include <stdint.h>

/*
 * About how many bytes a stream of the subvolume fd, with that id, will have: what its extents that
 * are newer than the transaction since occupy on disk. Reads metadata only. 0 if it cannot be told.
 * Extents that reflinks share count once for each reference, and names and attributes not at all.
 */
uint64_t estimate(int fd, uint64_t id, uint64_t since);

#endif
