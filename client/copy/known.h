/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_COPY_KNOWN_H
#define EXTENTD_COPY_KNOWN_H

/* What update.c (files) and gone.c (what is no more) share. */

#include <stdbool.h>
#include <stdio.h>
#include "copy/update.h"

struct known {
	char *path;
	mode_t type;
	XXH128_hash_t copy; /* inode, size and time of change there, of a file */
	struct identities ids;
	bool seen; /* of an old one: it is in the source */
};

struct update {
	char *source, *read, *copy, *state; /* source as the walk names it, read where it is */
	void *old, *new;		    /* tsearch trees by path */
	FILE *out;			    /* while saving */
	bool complete;			    /* likewise */
	XXH3_state_t *sum;
	int error;
};

/* Of a path that begins with root. */
const char *path_below(const char *root, const char *path);

struct known *known_find(void *const *tree, const char *path);

/* What a path of the copy is: 0 or a negative errno. Leads through no link, and not out of it. */
int copy_stat(const struct update *update, const char *path, struct stat *out);

/* What should have gone from the copy and has not is remembered, to be tried again. */
int gone_keep(struct update *update);

#endif
