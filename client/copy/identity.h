/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_COPY_IDENTITY_H
#define EXTENTD_COPY_IDENTITY_H

/*
 * What a file's content is, without reading it: the extents that it consists of, each with a digest
 * that changes when the content does. An extent of btrfs is never written twice: its address and
 * generation stand for its bytes as long as it exists, and no later one has both.
 */

#include <stdbool.h>
#include <sys/stat.h>
#include <xxhash.h>

struct identity {
	uint64_t offset, len; /* of the file: in order, with holes between them */
	XXH128_hash_t of;     /* the same for each part of an extent that lies where it lay */
	bool whole;	      /* encoded or inline: read in one piece */
};

struct identities {
	struct identity *list;
	size_t n, room;
	bool known; /* else the list is empty, and the content may be anything */
};

/* Needs CAP_SYS_ADMIN and btrfs; otherwise, and of files that are overwritten in place, the whole
 * content has one identity: inode, size and time of change. 0 or a negative errno. */
int identities_read(int fd, const struct stat *st, struct identities *out);
void identities_free(struct identities *ids);

/* Adds to out, in order, the parts of now that the old ones do not have. *first starts as 0 and is
 * kept for the next call, now being in order too. */
int identities_new(const struct identities *old, size_t *first, const struct identity *now,
		   struct identities *out);

#endif
