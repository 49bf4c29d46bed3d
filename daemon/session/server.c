// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/config.h"
#include "input.h"
#include "journal/journal.h"
#include "opening.h"
#include "reply.h"
#include "schedule.h"
#include "server.h"
#include "session.h"
#include "store/closing.h"
#include "store/store.h"
#include "wire/codes.h"

/*
 * Who does nothing but connect would have a processor's time for it, and nobody knows who it is
 * before he is accepted. So accepting gets this part of the time, and so much at once: what of it
 * was not needed until then, but not more than ACCEPT_SAVED_NS. LIMIT_BACKLOG is small, so that
 * nobody stands in the kernel's queue for long behind him.
 */
#define ACCEPT_PART	8 /* the eighth */
#define ACCEPT_SAVED_NS 2000000

static void relieved(void *arg)
{
	struct server *server = arg;
	struct session *s;

	if (!TAILQ_EMPTY(&server->openings))
		openings_resume(server);
	/* The oldest first: who speaks to them one after the other may not have sent all that the
	 * later ones began with, and those have memory for it. */
	for (s = TAILQ_FIRST(&server->sessions); server->n_waiting && s; s = TAILQ_NEXT(s, entry))
		if (s->wants_room)
			input_resume(s);
	server_check_end(server);
}

static void accept_pause(struct server *server, long us)
{
	const struct timeval pause = { .tv_sec = us / 1000000, .tv_usec = us % 1000000 };

	event_del(server->listener);
	event_add(server->accept_again, &pause);
}

/* Gives what the time since then is worth; returns the time. */
static int64_t accept_earn(struct server *server)
{
	const int64_t now = (int64_t)loop_now_ns();

	server->accept_ns += (now - server->accept_earned) / ACCEPT_PART;
	if (server->accept_ns > ACCEPT_SAVED_NS)
		server->accept_ns = ACCEPT_SAVED_NS;
	server->accept_earned = now;
	return now;
}

static void accept_fails(struct server *server, const char *reason)
{
	journal(MESSAGE_REFUSED, NULL, "Accepting pauses: %s", reason);
	accept_pause(server, 1000000);
}

static void accept_cb(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	const int64_t begin = accept_earn(server);

	/* One that is refused has to be closed, too. */
	if (server->store->n_closings >= server->config->limits.sessions) {
		accept_fails(server, "connections and files that cannot be closed");
		return;
	}
	do {
		struct session *session;
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (peer < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (peer < 0 && errno != EAGAIN) /* EMFILE and the like: try again later */
			accept_fails(server, strerror(errno));
		if (peer < 0)
			break;
		if (server->store->counters.now_sessions >= server->config->limits.sessions) {
			server->store->counters.sessions_refused++;
			reply_refusal(peer, WIRE_E_DAEMON_LIMIT);
			closing_socket(server->store, NULL, peer);
			continue;
		}
		session_new(server, peer, &session);
	} while ((int64_t)loop_now_ns() - begin < server->accept_ns);
	server->accept_ns -= (int64_t)loop_now_ns() - begin;
	if (server->accept_ns <= 0 && event_pending(server->listener, EV_READ, NULL))
		accept_pause(server, (long)(-server->accept_ns * ACCEPT_PART / 1000) + 1);
}

static void accept_again_cb(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;

	if (!server->draining)
		event_add(server->listener, NULL);
}

int server_new(struct event_base *base, struct store *store, const struct config *config,
	       struct server **out)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return -ENOMEM;
	server->base = base;
	server->store = store;
	server->config = config;
	server->listen_fd = -1;
	server->started = time(NULL);
	TAILQ_INIT(&server->sessions);
	TAILQ_INIT(&server->openings);
	if (schedule_new(server) < 0) {
		free(server);
		return -ENOMEM;
	}
	store->relieved = relieved;
	store->relieved_arg = server;
	*out = server;
	return 0;
}

void server_free(struct server *server)
{
	struct session *s;

	if (!server)
		return;
	while ((s = TAILQ_FIRST(&server->sessions)))
		session_end(s);
	schedule_free(server);
	if (server->listener)
		event_free(server->listener);
	if (server->accept_again)
		event_free(server->accept_again);
	if (server->listen_fd >= 0)
		close(server->listen_fd);
	free(server);
}

int server_listen(struct server *server, int fd)
{
	server->listen_fd = fd;
	server->listener = event_new(server->base, fd, EV_READ | EV_PERSIST, accept_cb, server);
	server->accept_again = event_new(server->base, -1, 0, accept_again_cb, server);
	if (!server->listener || !server->accept_again || event_add(server->listener, NULL) < 0)
		return -ENOMEM;
	return 0;
}

int server_adopt(struct server *server, int fd)
{
	struct session *session;

	server->single = true;
	return session_new(server, fd, &session);
}

void server_flush(struct server *server)
{
	struct session *s, *next;

	for (s = TAILQ_FIRST(&server->sessions); s; s = next) {
		next = TAILQ_NEXT(s, entry);
		reply_flush(s);
	}
}

void server_hang_up(struct server *server)
{
	struct session *s;

	TAILQ_FOREACH(s, &server->sessions, entry)
		shutdown(s->fd, SHUT_RDWR);
	if (server->listen_fd >= 0)
		close(server->listen_fd);
}

void server_drain(struct server *server)
{
	server->draining = true;
	if (server->listener)
		event_del(server->listener);
	store_settle_all(server->store);
	server_check_end(server);
}

void server_check_end(struct server *server)
{
	bool over = server->single ? TAILQ_EMPTY(&server->sessions)
				   : server->draining && !server->n_openings;

	if (!over || server->n_requests || !store_idle(server->store))
		return;
	if (server->ended)
		server->ended(server->arg);
}
