/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_COPY_NAMES_H
#define EXTENTD_COPY_NAMES_H

#include <stdbool.h>

/*
 * Where a source goes, by cp's rules. In a destination that is a directory, a source keeps its
 * last component; "x/." , "x/.." and "/" have none, and their content goes into the directory
 * itself. Otherwise the destination is the new name.
 */
struct target {
	char *parent; /* the directory to work in, as a path */
	char *name;   /* to make in it; NULL: the directory is the target itself */
};

/* 0 or -ENOMEM. */
int target_find(const char *source, const char *destination, bool is_directory, struct target *out);
void target_free(struct target *t);

#endif
