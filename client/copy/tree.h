/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_COPY_TREE_H
#define EXTENTD_COPY_TREE_H

/* The walk over a source, making in the destination what it finds. */

#include <sys/stat.h>
#include "copy/copy.h"
#include "copy/data.h"
#include "copy/links.h"
#include "copy/update.h"

#define TREE_DEPTH_MAX 2048 /* a descriptor and about 500 bytes of stack each */

struct tree {
	const struct copy_options *opt;
	struct sink *sink;
	struct restore *restore;
	struct data *data;
	struct links *links;
	struct update *update; /* or NULL */
	unsigned int depth;
	bool several; /* sources */
	int full;     /* positive errno: the destination takes no more, the walk ends */
	uint64_t xattrs_skipped;
};

/*
 * Copies what name in the directory from_fd is, as to_name in to; with to_name NULL name must
 * be a directory whose content goes into to itself. path names it in messages. 0, also when
 * errors were reported, or the negative errno that ends all.
 */
int tree_copy(struct tree *t, int from_fd, const char *name, const char *path,
	      struct restore_dir *to, const char *to_name);

void tree_error(struct tree *t, const char *path, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* entry.c. A regular file may still be on its way when the call returns. */
struct restore_attr entry_attr(const struct stat *st);
int entry_open(int dir, const char *name, int flags);
int entry_file(struct tree *t, int from_fd, const char *from, const char *path,
	       struct restore_dir *to, const char *name);
void entry_other(struct tree *t, int from_fd, const char *from, const char *path,
		 const struct stat *st, struct restore_dir *to, const char *name);

/* xattr.c: what the destination cannot hold is counted, as cp -a passes it over. */
void xattrs_copy_file(struct tree *t, int fd, const char *path, struct restore_file *file);
void xattrs_copy_dir(struct tree *t, int fd, const char *path, struct restore_dir *dir);
void xattrs_copy_name(struct tree *t, int from_fd, const char *name, const char *path,
		      struct restore_dir *to, const char *to_name);

#endif
