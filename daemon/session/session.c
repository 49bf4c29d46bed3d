// SPDX-License-Identifier: GPL-2.0-or-later

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "barrier.h"
#include "base/cleanup.h"
#include "config/config.h"
#include "handle.h"
#include "input.h"
#include "journal/journal.h"
#include "opening.h"
#include "privilege/identity.h"
#include "read.h"
#include "reply.h"
#include "request.h"
#include "schedule.h"
#include "store/arena.h"
#include "store/closing.h"
#include "store/filesystem.h"
#include "store/store.h"
#include "store/user.h"
#include "wire/codes.h"

static void flush_cb(evutil_socket_t fd, short what, void *arg)
{
	if (what & EV_TIMEOUT)
		session_end(arg); /* it keeps memory that others need, and takes nothing */
	else
		reply_flush(arg);
}

static void read_cb(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	s->readable = true;
	s->stirred = true;
	schedule_session(s);
}

static void end_cb(evutil_socket_t fd, short what, void *arg)
{
	session_end(arg);
}

void session_fail(struct session *s, uint32_t code)
{
	char text[LIMIT_ERROR_TEXT_BYTES + 1];
	union wire_frame frame = { .error = { .position = s->position, .code = code } };
	struct wire_header h = { 0 };
	int n;

	if (s->state == SESSION_FAILED)
		return;
	if (s->input_have >= sizeof(h))
		wire_read_header(s->input, &h);
	n = snprintf(text, sizeof(text), "%s at byte %llu of the stream: %s",
		     wire_type_name(h.type), (unsigned long long)s->position, wire_code_text(code));
	frame.error.text_len = (uint32_t)(n < (int)sizeof(text) ? n : (int)sizeof(text) - 1);
	reply_frame(s, WIRE_TYPE_ERROR, &frame, text, frame.error.text_len);
	journal_refused(&(struct journal_peer){ s->user->uid, s->identity->pid }, text);
	s->server->store->counters.sessions_failed++;
	s->state = SESSION_FAILED;
	input_deadline(s, STALLED_SECONDS); /* to read the reason */
}

int session_new(struct server *server, int taken, struct session **out)
{
	_cleanup_(closep) int fd = taken;
	const struct config *c = server->config;
	struct event_base *base = server->base;
	struct session *s;
	uint32_t code;
	int r;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->server = server;
	s->fd = steal_fd(&fd);
	s->state = SESSION_HELLO;
	TAILQ_INIT(&s->requests);
	TAILQ_INIT(&s->waiting);
	TAILQ_INIT(&s->seen);
	TAILQ_INIT(&s->barriers);
	TAILQ_INIT(&s->openings);
	TAILQ_INIT(&s->fetches);
	TAILQ_INSERT_TAIL(&server->sessions, s, entry);
	server->store->counters.now_sessions++;

	r = identity_of_peer(s->fd, &s->identity);
	if (r < 0)
		goto fail;
	r = -EACCES;
	if (!server->single && !config_may_connect(c, s->identity->uid, s->identity->gid,
						   s->identity->groups, s->identity->ngroups))
		goto fail;
	s->level = config_validation_for(c, s->identity->uid, s->identity->gid, s->identity->groups,
					 s->identity->ngroups);
	r = -ENOMEM;
	s->user = user_get(s->identity->uid);
	if (!s->user)
		goto fail;
	/* This one is counted already. */
	if (++s->user->sessions > c->limits.user_sessions ||
	    !user_share_left(c->limits.sessions, server->store->counters.now_sessions,
			     s->user->sessions - 1, 0)) {
		r = -EDQUOT;
		goto fail;
	}
	s->output = evbuffer_new();
	s->read = event_new(base, s->fd, EV_READ | EV_ET | EV_PERSIST, read_cb, s);
	s->write = event_new(base, s->fd, EV_WRITE | EV_ET, flush_cb, s);
	s->flush = event_new(base, -1, 0, flush_cb, s);
	s->deadline = event_new(base, -1, 0, end_cb, s);
	if (!s->output || !evbuffer_add_cb(s->output, reply_count, s->user) || !s->read ||
	    !s->write || !s->flush || !s->deadline || event_add(s->read, NULL) < 0)
		goto fail;
	if (!server->single)
		input_deadline(s, (long)c->limits.hello_seconds);
	server->store->counters.sessions++;
	*out = s;
	return 0;
fail:
	server->store->counters.sessions_refused++;
	code = r == -EDQUOT ? WIRE_E_USER_LIMIT : r == -ENOMEM ? WIRE_E_NO_MEMORY : WIRE_E_ACCESS;
	reply_refusal(s->fd, code);
	journal_refused(&(struct journal_peer){ s->identity ? s->identity->uid : (uid_t)-1,
						s->identity ? s->identity->pid : 0 },
			wire_code_text(code));
	session_end(s);
	return r;
}

static void event_freep(struct event *e)
{
	if (e)
		event_free(e);
}

void session_end(struct session *s)
{
	struct server *server = s->server;
	struct request *r;

	input_stop_waiting(s);
	schedule_forget(s);
	while ((r = TAILQ_FIRST(&s->requests)))
		request_orphan(r); /* leaves n_requests as it was */
	requests_forget(s);
	openings_orphan(s);
	reads_orphan(s);
	barriers_orphan(s);
	for (unsigned int i = 0; s->handles && i < LIMIT_FILES; i++)
		handle_unref(s->handles[i]);
	free(s->handles);
	for (unsigned int i = 0; i < LIMIT_ARENAS; i++)
		arena_unref(s->arenas[i]);
	for (unsigned int i = 0; i < LIMIT_SESSION_FILESYSTEMS; i++)
		filesystem_unref(s->filesystems[i]);
	closing_add(server->store, s->user, s->fds + s->fds_taken, s->n_fds);
	event_freep(s->read);
	event_freep(s->write);
	event_freep(s->flush);
	event_freep(s->deadline);
	if (s->output) {
		s->user->output_bytes -= evbuffer_get_length(s->output);
		evbuffer_free(s->output); /* tells reply_count() nothing */
	}
	closing_socket(server->store, s->user, s->fd);
	if (s->user) {
		s->user->queued_fds -= s->n_fds;
		s->user->sessions--;
		user_unref(s->user);
	}
	free(s->identity);
	TAILQ_REMOVE(&server->sessions, s, entry);
	server->store->counters.now_sessions--;
	if (s->n_requests) /* nobody will ask, and files stay open until it is done */
		store_settle_all(server->store);
	free(s);
	server_check_end(server);
}
