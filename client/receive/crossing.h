/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_CROSSING_H
#define EXTENTD_RECEIVE_CROSSING_H

/*
 * For a dry run: the symbolic links that a stream has made so far, and whether a command goes
 * through one, which the kernel would refuse. Those that the parent of an incremental stream
 * brings along are not known.
 */

#include "receive/planner.h"

/* Of more than so many the rest is not known: a dry run says what it sees. */
#define CROSSING_LINKS 65536

struct crossing;

int crossing_new(struct crossing **out);
void crossing_free(struct crossing *l);

/* What executing would return: 0, -ENOTDIR or -ELOOP. own: does a clone's source lie in here? */
int crossing_refuse(struct crossing *l, const struct action *a, bool own);
/* It was executed. 0 or -ENOMEM. */
int crossing_follow(struct crossing *l, const struct action *a);

#endif
