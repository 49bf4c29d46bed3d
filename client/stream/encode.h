/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STREAM_ENCODE_H
#define EXTENTD_STREAM_ENCODE_H

/* Makes send streams of version 2: the inverse of stream.h, by the same tables. */

#include "stream/command.h"

#define STREAM_ENCODE_VERSION 2

/* Zero it before the first use, and stream_out_free() it. */
struct stream_out {
	uint8_t *bytes;
	size_t size, room;
};

void stream_out_free(struct stream_out *out);
int stream_out_add(struct stream_out *out, const void *bytes, size_t size); /* 0 or -ENOMEM */

/* Each of the streams that follow one another begins with it. 0 or -ENOMEM. */
int stream_encode_header(struct stream_out *out);

/*
 * Appends the command: what it must have, and what is set in c->present besides. c->data is the one
 * thing that is not copied: its bytes are to follow what was appended, and the checksum has them.
 * 0, -ENOMEM, or, with nothing appended, -EMSGSIZE where an attribute or all is too large for the
 * format, or -EINVAL for times that it cannot say.
 */
int stream_encode(struct stream_out *out, const struct stream_command *c);

#endif
