/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_COPY_H
#define EXTENTD_COPY_H

/*
 * Copies files and trees as `cp -a` does, through extentd. Compressed extents of a btrfs source
 * stay compressed; other sources are compressed on the way where the destination can take that.
 */

#include <stdbool.h>
#include <stdint.h>
#include "copy/fetch.h"
#include "lib/extent.h"
#include "restore/restore.h"

/* X(field, text): also the report's fields. */
#define COPY_STATS(X)                                                                              \
	X(files, "regular files")                                                                  \
	X(directories, "directories made or gone into")                                            \
	X(links, "further names of files")                                                         \
	X(symlinks, "symbolic links")                                                              \
	X(specials, "devices, fifos, sockets")                                                     \
	X(bytes, "bytes of file content")                                                          \
	X(payload_bytes, "bytes handed over for them")                                             \
	X(read_encoded, "extents read compressed")                                                 \
	X(compressed, "extents compressed on the way")                                             \
	X(plain, "extents read or left uncompressed")                                              \
	X(encoded, "extents on disk as they were handed over")                                     \
	X(decoded, "extents that had to be decompressed")                                          \
	X(written_plain, "extents written plainly")                                                \
	X(unchanged, "bytes that the last copy holds already, with --update")                      \
	X(commits, "commits asked of the daemon")                                                  \
	X(xattrs_skipped, "extended attributes that the destination cannot hold")                  \
	X(owners_kept, "owners that could not be set")                                             \
	X(errors, "errors")

struct copy_stats {
#define X(field, text) uint64_t field;
	COPY_STATS(X)
#undef X
	bool durable;	 /* everything is safe on disk */
	bool one_moment; /* with --update: all of it is as it was at one moment */
};

struct copy_options {
	struct extent_session *session;
	struct codec codec;
	bool compress; /* codec was asked for: also where it would be decoded again */
	bool durable;
	bool no_target_directory;
	bool nodatacow;
	bool update; /* only what changed since the last such copy; one source */
	/* A whole sentence that names file, offset and cause; counted in stats.errors. */
	void (*error)(void *userdata, const char *text);
	/* Each extent once it is safe on disk; NULL: not wanted. */
	void (*extent_durable)(void *userdata, const char *path, uint64_t offset, uint64_t len);
	void (*committed)(void *userdata); /* after the extents of a commit; may be NULL */
	void (*tick)(void *userdata);	   /* often: look at the clock and at stats; may be NULL */
	void *userdata;
	struct copy_stats *stats; /* kept up to date */
};

/*
 * 0 when all was copied (and, with durable, is safe on disk); 1 when something was not: error
 * has said what, the rest was copied; a negative errno when it had to stop: error has said why.
 */
int copy_run(const struct copy_options *options, char *const sources[], unsigned int n,
	     const char *destination);

#endif
