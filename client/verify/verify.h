/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_VERIFY_VERIFY_H
#define EXTENTD_VERIFY_VERIFY_H

/*
 * Are two trees equal? Names, types, sizes, where links lead, and contents; not owners, modes,
 * times or attributes. Contents are compared as they are stored where both are stored alike, so
 * that nothing is decompressed, and by what they say where they are not.
 */

#include <stdio.h>
#include <xxhash.h>
#include "lib/extent.h"

/* X(field, text): also the report's fields. */
#define VERIFY_STATS(X)                                                                            \
	X(files, "regular files")                                                                  \
	X(directories, "directories")                                                              \
	X(others, "links and special files")                                                       \
	X(bytes, "bytes of file content")                                                          \
	X(payload_bytes, "bytes that they take, as far as known")                                  \
	X(extents, "extents and holes")                                                            \
	X(extents_same, "of those, stored alike")                                                  \
	X(extents_content, "compared by content")                                                  \
	X(extents_unknown, "stored in another way, which the list cannot tell from a difference")  \
	X(differences, "differences")                                                              \
	X(errors, "errors")

struct verify_stats {
#define X(field, text) uint64_t field;
	VERIFY_STATS(X)
#undef X
};

/* X(NAME, word) */
#define VERIFY_FOUND(X)                                                                            \
	X(CONTENT, "content") /* from offset, len bytes */                                         \
	X(UNKNOWN, "unknown") /* likewise: may differ */                                           \
	X(SIZE, "size")	      /* offset: expected, len: found */                                   \
	X(TYPE, "type")                                                                            \
	X(TARGET, "target") /* of a symbolic link */                                               \
	X(MISSING, "missing")                                                                      \
	X(EXTRA, "extra")

enum verify_found {
#define X(name, word) VERIFY_##name,
	VERIFY_FOUND(X)
#undef X
};

struct verify_options {
	struct extent_session *session; /* reads what this process may not read encoded; or NULL */
	bool content;			/* a list is to have digests of the content too */
	void (*found)(void *userdata, enum verify_found what, const char *path, uint64_t offset,
		      uint64_t len);
	/* With a list, instead of UNKNOWN: only who made the list can tell. NULL: nobody is asked.
	 */
	void (*ask)(void *userdata, const char *path, uint64_t offset, uint64_t len,
		    XXH128_hash_t content);
	void (*error)(void *userdata, const char *text); /* a whole sentence */
	void (*tick)(void *userdata);			 /* often */
	void *userdata;
	struct verify_stats *stats; /* kept up to date */
};

/* 0, also when differences or errors were told; a negative errno when it had to stop. */
int verify_trees(const struct verify_options *options, const char *source, const char *copy);
int verify_list_make(const struct verify_options *options, const char *source, FILE *out);
int verify_list(const struct verify_options *options, FILE *list, const char *copy);

#endif
