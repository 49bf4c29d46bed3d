// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Reading: bytes and descriptors come in, frames go to dispatch(). A frame is cut out of a small
 * buffer; an inline payload goes straight to the memory it will be written from. The session
 * stops reading, and so lets the peer's socket fill, whenever it may not take on more: replies
 * are not being read, memory for payloads is used up, or too much is on its way to the disk.
 */

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "barrier.h"
#include "base/cleanup.h"
#include "config/config.h"
#include "dispatch.h"
#include "handle.h"
#include "journal/journal.h"
#include "opening.h"
#include "privilege/identity.h"
#include "reply.h"
#include "request.h"
#include "store/arena.h"
#include "store/filesystem.h"
#include "store/store.h"
#include "store/user.h"
#include "wire/codes.h"

/* Bytes taken from one session before the others have their turn. */
#define READ_BUDGET	(256 * KIB)
#define STALLED_SECONDS 60 /* without a byte of an inline payload that has begun to arrive */

int session_take_fd(struct session *s)
{
	int fd;

	if (!s->n_fds)
		return -1;
	fd = s->fds[0];
	s->n_fds--;
	memmove(s->fds, s->fds + 1, s->n_fds * sizeof(s->fds[0]));
	return fd;
}

/* False: there were too many, or some got lost. */
static bool take_descriptors(struct session *s, struct msghdr *msg)
{
	bool ok = !(msg->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (s->n_fds < LIMIT_QUEUED_FDS) {
				s->fds[s->n_fds++] = fd;
			} else {
				close(fd);
				ok = false;
			}
		}
	}
	return ok;
}

static void deadline_set(struct session *s, long seconds)
{
	const struct timeval tv = { .tv_sec = seconds };

	if (seconds)
		event_add(s->deadline, &tv);
	else
		event_del(s->deadline);
}

/* Bytes read, 0 at the end of the stream, or -errno. */
static ssize_t receive(struct session *s)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(LIMIT_QUEUED_FDS * sizeof(int))];
	} control;
	struct iovec iov[2];
	struct msghdr msg = { .msg_iov = iov,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	size_t payload = 0;
	ssize_t n;

	if (s->receiving) {
		payload = s->receiving->extent.payload_len - s->received;
		iov[msg.msg_iovlen++] =
			(struct iovec){ (char *)s->receiving->extent.memory + s->received,
					payload };
	}
	iov[msg.msg_iovlen++] =
		(struct iovec){ s->input + s->input_have, sizeof(s->input) - s->input_have };
	do
		n = recvmsg(s->fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (!take_descriptors(s, &msg))
		return -EBADMSG;
	if ((size_t)n > payload)
		s->input_have += (size_t)n - payload;
	else
		payload = (size_t)n;
	if (s->receiving) {
		s->received += payload;
		s->position += payload;
		deadline_set(s, STALLED_SECONDS);
	}
	return n;
}

static void consume(struct session *s, size_t n)
{
	s->position += n;
	s->input_have -= n;
	memmove(s->input, s->input + n, s->input_have);
}

bool files_left(const struct session *s)
{
	const struct config *c = s->server->config;

	return s->user->files < c->limits.user_files &&
	       s->server->store->counters.now_files < c->limits.files_total;
}

/* May the next frame be taken on? */
static bool has_room(const struct session *s, const union wire_frame *f)
{
	const struct server *server = s->server;
	const struct config *c = server->config;

	if (f->h.type == WIRE_TYPE_WRITE_)
		return server->n_requests < LIMIT_REQUESTS_TOTAL &&
		       s->n_requests < c->limits.unsettled &&
		       (f->write.arena != WIRE_NO_ARENA ||
			store_has_room(server->store, s->user, f->write.payload_len));
	/* Files stay open until what was written to them is settled: worth waiting for. Without
	 * such extents it is not, and do_open() refuses. */
	if (f->h.type == WIRE_TYPE_OPEN)
		return files_left(s) || !s->user->extents;
	return true;
}

/* The start of an inline payload may already be in the buffer. */
static void feed_payload(struct session *s)
{
	size_t n = s->receiving->extent.payload_len - s->received;

	if (n > s->input_have)
		n = s->input_have;
	memcpy((char *)s->receiving->extent.memory + s->received, s->input, n);
	s->received += n;
	consume(s, n);
}

/*
 * One step through the buffer: 1 if there may be another, 0 if more must arrive or become free,
 * or the session has failed.
 */
static int step(struct session *s)
{
	union wire_frame frame;
	struct wire_header h;
	size_t fixed, whole;
	int code;

	if (s->discard) {
		size_t n = s->discard < s->input_have ? s->discard : s->input_have;

		s->discard -= n;
		consume(s, n);
		if (s->discard)
			return 0;
	}
	if (s->receiving) {
		feed_payload(s);
		if (s->received < s->receiving->extent.payload_len)
			return 0;
		deadline_set(s, 0);
		dispatch_received(s);
	}
	if (s->input_have < sizeof(h))
		return 0;
	wire_read_header(s->input, &h);
	fixed = wire_fixed_size(h.type);
	if (!fixed) {
		session_fail(s, WIRE_E_FRAME_TYPE);
		return 0;
	}
	if (s->input_have < fixed)
		return 0;
	code = wire_read(s->input, &frame);
	if (code) {
		session_fail(s, (uint32_t)code);
		return 0;
	}
	/* An inline payload is not waited for here; every other tail fits the buffer. */
	whole = h.type == WIRE_TYPE_WRITE_ ? fixed : h.length;
	if (whole > sizeof(s->input)) {
		session_fail(s, WIRE_E_FRAME_TYPE);
		return 0;
	}
	if (s->input_have < whole)
		return 0;
	if (!has_room(s, &frame)) {
		s->wants_room = true;
		s->server->n_waiting++;
		store_settle_all(s->server->store);
		return 0;
	}
	code = dispatch(s, &frame, s->input + fixed);
	if (code) {
		session_fail(s, (uint32_t)code);
		return 0;
	}
	consume(s, whole);
	if (s->receiving)
		deadline_set(s, STALLED_SECONDS);
	else if (h.type == WIRE_TYPE_HELLO)
		deadline_set(s, 0);
	return 1;
}

static bool reading(const struct session *s)
{
	return s->state != SESSION_FAILED && !s->wants_room && !s->output_full;
}

static void process(struct session *s)
{
	while (reading(s) && step(s))
		;
	/* Nothing claims a descriptor that came with what is now through. */
	if (s->n_fds && !s->input_have && reading(s))
		session_fail(s, WIRE_E_DESCRIPTORS);
	if (!reading(s))
		event_del(s->read);
}

static void read_cb(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	uint64_t budget = READ_BUDGET;

	while (reading(s)) {
		ssize_t n = receive(s);

		if (n == -EAGAIN)
			return;
		if (n == -EBADMSG) {
			session_fail(s, WIRE_E_DESCRIPTORS);
			return;
		}
		if (n <= 0) {
			session_end(s);
			return;
		}
		process(s);
		if ((uint64_t)n >= budget)
			return;
		budget -= (uint64_t)n;
	}
}

static void stop_waiting(struct session *s)
{
	if (!s->wants_room)
		return;
	s->wants_room = false;
	s->server->n_waiting--;
}

void session_resume(struct session *s)
{
	stop_waiting(s);
	if (!reading(s))
		return;
	event_add(s->read, NULL);
	process(s);
}

static void flush_cb(evutil_socket_t fd, short what, void *arg)
{
	reply_flush(arg);
}

static void deadline_cb(evutil_socket_t fd, short what, void *arg)
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
	event_del(s->read);
	deadline_set(s, STALLED_SECONDS); /* to read the reason */
}

int session_new(struct server *server, int taken, struct session **out)
{
	_cleanup_(closep) int fd = taken;
	const struct config *c = server->config;
	struct event_base *base = server->base;
	struct session *s;
	int r;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->server = server;
	s->fd = steal_fd(&fd);
	s->state = SESSION_HELLO;
	TAILQ_INIT(&s->requests);
	TAILQ_INIT(&s->barriers);
	TAILQ_INIT(&s->openings);
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
	if (++s->user->sessions > c->limits.user_sessions) {
		r = -EDQUOT;
		goto fail;
	}
	s->output = evbuffer_new();
	s->read = event_new(base, s->fd, EV_READ | EV_PERSIST, read_cb, s);
	s->write = event_new(base, s->fd, EV_WRITE, flush_cb, s);
	s->flush = event_new(base, -1, 0, flush_cb, s);
	s->deadline = event_new(base, -1, 0, deadline_cb, s);
	if (!s->output || !s->read || !s->write || !s->flush || !s->deadline ||
	    event_add(s->read, NULL) < 0)
		goto fail;
	if (!server->single)
		deadline_set(s, (long)c->limits.hello_seconds);
	server->store->counters.sessions++;
	*out = s;
	return 0;
fail:
	server->store->counters.sessions_refused++;
	journal_refused(&(struct journal_peer){ s->identity ? s->identity->uid : (uid_t)-1,
						s->identity ? s->identity->pid : 0 },
			strerror(-r));
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

	stop_waiting(s);
	while ((r = TAILQ_FIRST(&s->requests)))
		request_orphan(r); /* leaves n_requests as it was */
	openings_orphan(s);
	barriers_orphan(s);
	for (unsigned int i = 0; s->handles && i < LIMIT_FILES; i++)
		handle_unref(s->handles[i]);
	free(s->handles);
	for (unsigned int i = 0; i < LIMIT_ARENAS; i++)
		arena_unref(s->arenas[i]);
	for (unsigned int i = 0; i < LIMIT_SESSION_FILESYSTEMS; i++)
		filesystem_unref(s->filesystems[i]);
	for (unsigned int i = 0; i < s->n_fds; i++)
		close(s->fds[i]);
	event_freep(s->read);
	event_freep(s->write);
	event_freep(s->flush);
	event_freep(s->deadline);
	if (s->output)
		evbuffer_free(s->output);
	if (s->user) {
		s->user->sessions--;
		user_unref(s->user);
	}
	close(s->fd);
	free(s->identity);
	TAILQ_REMOVE(&server->sessions, s, entry);
	server->store->counters.now_sessions--;
	if (s->n_requests) /* nobody will ask, and files stay open until it is done */
		store_settle_all(server->store);
	free(s);
	server_check_end(server);
}
