/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_VERIFY_ENTRY_H
#define EXTENTD_VERIFY_ENTRY_H

/* One entry of what is expected, looked for in the copy. Only verify.c uses this. */

#include "verify/list.h"
#include "verify/side.h"
#include "verify/verify.h"

struct verify {
	const struct verify_options *opt;
	struct extents extents;
	struct side copy;
	XXH128_hash_t *paths; /* of all that was expected */
	size_t n_paths, room;
};

/* Where the marks of a file come from. */
struct source {
	struct list *list; /* or: */
	struct extents_file file;
	int fd; /* -1: a list */
	uint64_t at;
};

/* Counts and tells an error; 0 for error where errno says nothing. */
__attribute__((format(printf, 4, 5))) void verify_tell(struct verify *v, const char *path,
						       int error, const char *format, ...);
/* Counts and tells a difference. */
void verify_differs(struct verify *v, enum verify_found what, const char *path, uint64_t offset,
		    uint64_t len);

/* It was expected: it is no extra. 0 or -ENOMEM. */
int path_remember(struct verify *v, const char *path);
void entry_count(struct verify *v, const struct list_entry *e);

/* 1: there is one; 0: the file is through; or a negative errno. */
int source_next(struct verify *v, struct source *s, struct mark *m);

/* Tells what differs. A negative errno: no use to go on. */
int entry_verify(struct verify *v, const struct list_entry *e, struct source *s);

#endif
