/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_TARGET_H
#define EXTENTD_RECEIVE_TARGET_H

/*
 * What the parts of the executor share. One inode is current: the last one made or written to.
 * Whatever is said about its path is done on it, a regular file's descriptor being open; it ends
 * being current when another file is wanted or a name changes.
 */

#include "receive/executor.h"
#include "receive/paths.h"
#include "restore/restore.h"

struct current {
	struct restore_file *file;  /* NULL: no regular file */
	struct restore_dir *dir;    /* held; NULL: nothing is current */
	struct restore_owner owner; /* of what is no file */
	char name[STREAM_NAME_MAX + 1];
	size_t size;
	char path[STREAM_PATH_MAX];
};

struct executor {
	struct executor_options o;
	struct restore *restore;
	struct restore_dir *root;
	struct paths *paths;
	struct current current;
	struct restore_attr root_last; /* owner and mode that the root shall have in the end */
	struct executor_stats stats;
	const struct action *now; /* what is being executed */
	int failed;		  /* what the core told and no call returned */
};

static inline int call(int r, int error)
{
	return r < 0 ? -error : 0;
}

/* executor.c: lack of privilege is passed over, once it was told. */
int passed_over(struct executor *t, const char *what, int r);

/* current.c */
bool current_is(const struct executor *t, struct stream_string path);
int current_open(struct executor *t, struct stream_string path);
int current_make(struct executor *t, const struct action *a);
int current_finish(struct executor *t, const struct action *a);
int current_done(struct executor *t);

/* attribute.c */
struct restore_attr attribute_of(const struct action *a);
int attribute_set(struct executor *t, const struct action *a);
int attribute_command(struct executor *t, const struct stream_command *c);
int attribute_xattr(struct executor *t, const struct stream_command *c);
int attribute_flags(struct executor *t, const struct stream_command *c);
int root_close(struct executor *t);
int root_open(struct executor *t);
int root_look(struct executor *t);

/* content.c */
int content_write(struct executor *t, const struct action *a);
int content_clone(struct executor *t, const struct stream_command *c);
int content_resize(struct executor *t, const struct stream_command *c);
int content_verity(struct executor *t, const struct stream_command *c);

#endif
