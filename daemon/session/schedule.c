// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <event2/event.h>
#include <time.h>

#include "input.h"
#include "schedule.h"
#include "server.h"
#include "session.h"
#include "store/user.h"

uint64_t loop_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* By a timer, and not at once: so that events come in between. */
static void next_turn(struct server *server)
{
	event_add(server->turn, &(struct timeval){ 0 });
}

/* Of those who had the same, the one who came first. */
static struct user *next_user(const struct server *server)
{
	struct user *user, *next = TAILQ_FIRST(&server->users);

	TAILQ_FOREACH(user, &server->users, line_entry)
		if (user->loop_ns < next->loop_ns)
			next = user;
	return next;
}

static void turn_cb(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	struct user *user = next_user(server);
	const uint64_t begin = loop_now_ns();
	struct session *s;

	if (!user)
		return;
	user_ref(user); /* who may go with his last session */
	server->loop_ns = user->loop_ns;
	do {
		s = TAILQ_FIRST(&user->in_line);
		schedule_forget(s);
		if (input_turn(s))
			schedule_session(s);
	} while (!TAILQ_EMPTY(&user->in_line) && loop_now_ns() - begin < TURN_NS);
	user->loop_ns += loop_now_ns() - begin;
	user_unref(user);
	if (!TAILQ_EMPTY(&server->users))
		next_turn(server);
}

void schedule_session(struct session *s)
{
	struct server *server = s->server;
	struct user *user = s->user;

	if (s->scheduled)
		return;
	if (TAILQ_EMPTY(&user->in_line)) {
		if (TAILQ_EMPTY(&server->users))
			next_turn(server);
		if (user->loop_ns < server->loop_ns)
			user->loop_ns = server->loop_ns;
		TAILQ_INSERT_TAIL(&server->users, user, line_entry);
	}
	s->scheduled = true;
	TAILQ_INSERT_TAIL(&user->in_line, s, line_entry);
}

void schedule_forget(struct session *s)
{
	if (!s->scheduled)
		return;
	s->scheduled = false;
	TAILQ_REMOVE(&s->user->in_line, s, line_entry);
	if (TAILQ_EMPTY(&s->user->in_line))
		TAILQ_REMOVE(&s->server->users, s->user, line_entry);
}

int schedule_new(struct server *server)
{
	TAILQ_INIT(&server->users);
	server->turn = event_new(server->base, -1, 0, turn_cb, server);
	return server->turn ? 0 : -ENOMEM;
}

void schedule_free(struct server *server)
{
	if (server->turn)
		event_free(server->turn);
}
