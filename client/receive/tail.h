/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_TAIL_H
#define EXTENTD_RECEIVE_TAIL_H

/* The last extent of a file that shrinks, held until its truncation is seen; tail.c has why. */

#include "stream/command.h"

/* What may be held, in commands and in bytes on the wire. */
#define TAIL_COMMANDS 16
#define TAIL_BYTES    (512u << 10)

struct tail {
	/* [0] is the extent, the others came behind it. */
	struct stream_command held[TAIL_COMMANDS];
	unsigned int count;
	size_t bytes;
};

/* Holds c, with a reference to its block, if it may be such an extent. Nothing may be held yet. */
bool tail_hold(struct tail *t, const struct stream_command *c);

/* Holds next too, if it may stand between the extent that is held and its truncation. */
bool tail_goes_on(struct tail *t, const struct stream_command *next);

/* Does next cut the file where the extent that is held ends? */
bool tail_is_cut(const struct tail *t, const struct stream_command *next);

void tail_drop(struct tail *t);

#endif
