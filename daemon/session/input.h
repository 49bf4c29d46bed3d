/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_SESSION_INPUT_H
#define EXTENTD_SESSION_INPUT_H

#include "session.h"

#define STALLED_SECONDS 60 /* without a byte of an inline payload that has begun to arrive */

/*
 * A turn: takes what one recvmsg() brings, and hands on what it can of that. True: there may be
 * more. May end the session, and then returns false.
 */
bool input_turn(struct session *session);

/* Goes on if what it waited for is there. */
void input_resume(struct session *session);

/* Reads no further until there is room: input_resume() looks again. */
void input_wait(struct session *session);

/* It no longer counts as one that waits for room. */
void input_stop_waiting(struct session *session);

/* The session ends in so many seconds; 0: no longer. */
void input_deadline(struct session *session, long seconds);

#endif
