/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_TAIL_H
#define EXTENTD_RECEIVE_TAIL_H

/* The last extent of a file that shrinks, held until the next command is seen; tail.c has why. */

#include "stream/command.h"

struct tail {
	struct stream_command command;
	bool held;
};

/* Holds c, with a reference to its block, if it may be such an extent. Nothing may be held yet. */
bool tail_hold(struct tail *t, const struct stream_command *c);

/* Does next cut the file where the extent that is held ends? */
bool tail_is_cut(const struct tail *t, const struct stream_command *next);

void tail_drop(struct tail *t);

#endif
