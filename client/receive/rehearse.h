/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_REHEARSE_H
#define EXTENTD_RECEIVE_REHEARSE_H

/*
 * A stream without its effects: what receiving it would make, and what would be missing: parents,
 * clone sources, a free name. Payloads are checked. That each path is there is not.
 */

#include "receive/planner.h"

struct incoming;
struct rehearsal;

/* As incoming_begin(), incoming_execute() and incoming_end(). */
int rehearse_begin(struct incoming *t, const struct stream_command *c);
int rehearse_action(struct incoming *t, const struct action *a);
int rehearse_end(struct incoming *t);

void rehearsal_free(struct rehearsal *r);

#endif
