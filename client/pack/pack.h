/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_PACK_H
#define EXTENTD_PACK_H

/*
 * Any tree as a send stream: one subvolume, made anew. What a btrfs source has compressed goes into
 * it as it lies on disk where that can be read; everything else is compressed on all processors.
 */

#include <stddef.h>
#include "copy/copy.h"

/* Of copy_stats, what is known where a stream is made: X(field). */
#define PACK_STATS(X)                                                                              \
	X(files)                                                                                   \
	X(directories)                                                                             \
	X(links)                                                                                   \
	X(symlinks)                                                                                \
	X(specials)                                                                                \
	X(bytes)                                                                                   \
	X(payload_bytes)                                                                           \
	X(read_encoded)                                                                            \
	X(compressed)                                                                              \
	X(plain)                                                                                   \
	X(xattrs_skipped)                                                                          \
	X(errors)

struct pack_options {
	const char *name; /* of the subvolume */
	struct codec codec;
	/* The stream, in order: head, and data behind it. 0, or a negative errno that ends it all.
	 */
	int (*write)(void *userdata, const void *head, size_t head_size, const void *data,
		     size_t size);
	/* A whole sentence that names file, offset and cause; counted in stats.errors. */
	void (*error)(void *userdata, const char *text);
	void (*tick)(void *userdata); /* often; may be NULL */
	void *userdata;
	struct copy_stats *stats; /* PACK_STATS; kept up to date */
};

/*
 * One source that is a directory becomes the subvolume; several, or others, lie in it under their
 * own names. 0; 1 when something is not in the stream: error has said what; or a negative errno:
 * then the stream has no end, and nobody takes it for whole.
 */
int pack_run(const struct pack_options *options, char *const sources[], unsigned int n);

#endif
