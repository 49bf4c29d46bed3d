/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef EXTENTD_BASE_FEATURE_H
#define EXTENTD_BASE_FEATURE_H

#include <stdbool.h>
#include <unistd.h>

/*
 * What btrfs of the running kernel promises and no trial could prove: a file with that name is
 * there, or the promise is not made. kernel/README.md says which patch makes which.
 */
#define FEATURES "/sys/fs/btrfs/features/"

/* fsync waits for the data of encoded writes and reports their errors. */
#define FEATURE_SYNC FEATURES "encoded_write_sync"

/* An encoded write from a registered buffer is not copied, and its completion means written. */
#define FEATURE_ZERO_COPY FEATURES "encoded_write_zero_copy"

static inline bool feature_present(const char *path)
{
	return access(path, F_OK) == 0;
}

#endif
