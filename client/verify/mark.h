/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_VERIFY_MARK_H
#define EXTENTD_VERIFY_MARK_H

/*
 * What a file is expected to hold, extent by extent, as digests: what is compared between two
 * trees, and what a list of digests carries from machine to machine.
 */

#include <stdbool.h>
#include <xxhash.h>
#include "verify/extents.h"

struct mark {
	enum extent_read_kind kind; /* ENCODED, PLAIN or HOLE */
	uint64_t offset, len, unencoded_len, unencoded_offset;
	uint32_t compression;
	XXH128_hash_t payload; /* of what is stored; of PLAIN that is the content */
	XXH128_hash_t content; /* of ENCODED, if known */
	bool content_known;
};

void mark_of(const struct piece_read *piece, struct mark *out);

/* Digest of the file's content in the mark's range, decompressed by the kernel. */
int mark_content(int fd, struct mark *mark);

enum mark_verdict {
	MARK_SAME,	   /* stored the same */
	MARK_SAME_CONTENT, /* stored in another way */
	MARK_DIFFERS,	   /* in what is then in *from and *to */
	MARK_UNKNOWN,	   /* stored in another way, and of the content nothing is known */
};

/*
 * Does the file hold what the mark says? source: a descriptor of the file that it was made of, or
 * -1. A verdict or a negative errno.
 */
int mark_compare(const struct mark *mark, int source, struct extents_file *file, uint64_t *from,
		 uint64_t *to);

#endif
