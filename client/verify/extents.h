/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_VERIFY_EXTENTS_H
#define EXTENTD_VERIFY_EXTENTS_H

/*
 * A file as the extents that it is made of, one at a time. They are read encoded by this process
 * if it has CAP_SYS_ADMIN, else by the daemon (READ), else plainly.
 */

#include <stdbool.h>
#include <stdint.h>
#include "lib/extent.h"

#define EXTENTS_PIECE_MAX 131072 /* bytes of a payload, and of a plain piece */

struct extents {
	struct extent_session *session; /* NULL: no daemon */
	bool no_privilege;		/* the kernel has said so */
	void *buffer;			/* EXTENTS_PIECE_MAX bytes */
};

struct extents_file {
	struct extents *extents;
	int fd;	    /* the caller's */
	int handle; /* of the session, or -1 */
};

/* One piece: the next begins at offset + len. */
struct piece_read {
	enum extent_read_kind kind;
	uint64_t offset, len, unencoded_len, unencoded_offset;
	uint32_t compression, payload_len;
	const void
		*payload; /* until the next call; without the zeros that an extent is padded with */
};

int extents_new(struct extent_session *session, struct extents *out);
void extents_free(struct extents *extents);

void extents_open(struct extents *extents, int fd, struct extents_file *out);
void extents_close(struct extents_file *file);

/* What lies at the offset: 0 or a negative errno. */
int extents_at(struct extents_file *file, uint64_t offset, struct piece_read *out);

#endif
