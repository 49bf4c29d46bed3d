/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_FILESYSTEMS_H
#define EXTENTD_FILESYSTEMS_H

/* Names of filesystem types and the f_type that statfs(2) gives for them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "btrfs", or "unknown" for a type in no table. Several names may share a type: the first. */
const char *filesystem_name(uint64_t magic);

/* False if the name is unknown. Case does not matter. */
bool filesystem_magic(const char *name, uint64_t *magic);

/* All names, separated by spaces, for messages. */
const char *filesystem_names(void);

#endif
