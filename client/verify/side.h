/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_VERIFY_SIDE_H
#define EXTENTD_VERIFY_SIDE_H

/*
 * One of the two trees. Paths are relative to its root and lead through no symbolic link, so that
 * neither a list nor somebody who renames things meanwhile leads out of it. "" is the root.
 */

#include <fts.h>
#include <stdbool.h>
#include <sys/stat.h>

struct side {
	const char *root;
	int fd; /* O_PATH */
};

int side_open(const char *root, struct side *out);
void side_close(struct side *side);

/* A descriptor: flags O_PATH, or to read with. A negative errno. */
int side_entry(const struct side *side, const char *path, int flags);

/* Where the link leads, allocated: 0 or a negative errno. */
int side_target(const struct side *side, const char *path, char **out);

/* Every entry in order; the path of e is side_path(). */
FTS *side_walk(const struct side *side);
const char *side_path(const struct side *side, const FTSENT *e);

#endif
