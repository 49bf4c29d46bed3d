/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_SESSION_SCHEDULE_H
#define EXTENTD_SESSION_SCHEDULE_H

#include <stdint.h>

struct server;
struct session;

/*
 * Who gets the loop. It is one thread: a user with hundreds of sessions, or one who sends a byte at
 * a time, would have most of it. So a session that may have something to do stands in its user's
 * line, and the next turn is that of the user who has had the least of the loop's time; between two
 * turns everything else is seen to. Who comes back after having wanted nothing has saved up nothing
 * (start-time fair queueing: Goyal, Vin, Cheng, SIGCOMM 1996). Loop thread only.
 */
#define TURN_NS 200000

/* CLOCK_MONOTONIC. */
uint64_t loop_now_ns(void);

/* 0 or -ENOMEM. */
int schedule_new(struct server *server);
void schedule_free(struct server *server);

/* It will have a turn: see input_turn(). */
void schedule_session(struct session *session);

/* It will have none. */
void schedule_forget(struct session *session);

#endif
