// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A session from connect to disconnect: the handshake, which blocks, and then the turns of the
 * caller's event loop. The socket's O_NONBLOCK is never touched, because the caller may share
 * its open file description; every call says MSG_DONTWAIT instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/lib/session.h"
#include "wire/codes.h"

#define HELLO_SECONDS 10

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 1 if the socket is ready, 0 when the deadline (in ms, -1: none) has passed. */
static int socket_wait(int fd, int events, int64_t deadline)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = (short)events };
		int64_t left = deadline < 0 ? -1 : deadline - now_ms();
		int r = poll(&p, 1, deadline < 0 ? -1 : left > 0 ? (int)left : 0);

		if (r >= 0)
			return r;
		if (errno != EINTR)
			return -errno;
	}
}

static bool is_local(int fd)
{
	int domain;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

static int hello_send(struct extent_session *s, uint64_t features, int64_t deadline)
{
	union wire_frame f = { .hello = { .h = { .length = sizeof(struct wire_hello),
						 .type = WIRE_TYPE_HELLO },
					  .magic = WIRE_MAGIC,
					  .version_min = WIRE_VERSION,
					  .version_max = WIRE_VERSION,
					  .features = features } };
	uint8_t bytes[sizeof(struct wire_hello)];
	size_t sent = 0;

	wire_write(&f, bytes);
	while (sent < sizeof(bytes)) {
		ssize_t n = send(s->fd, bytes + sent, sizeof(bytes) - sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0)
			sent += (size_t)n;
		else if (errno == EAGAIN && socket_wait(s->fd, POLLOUT, deadline) == 0)
			return session_error(s, -ETIMEDOUT, "extentd does not take a HELLO");
		else if (errno == EPIPE || errno == ECONNRESET)
			return 0; /* the reason may be there to be read */
		else if (errno != EAGAIN && errno != EINTR)
			return session_error(s, -errno, "sending HELLO: %s", text_errno(-errno));
	}
	return 0;
}

static int hello_check(struct extent_session *s, const struct wire_hello_reply *f, uint64_t offered)
{
	struct extent_limits *l = &s->limits;

	if (f->magic != WIRE_MAGIC || f->version != WIRE_VERSION || f->features & ~offered)
		return session_error(s, -EPROTO, "HELLO_REPLY does not answer our HELLO");
	if (!f->credit_requests || !f->max_files || !f->max_payload || !f->max_unencoded ||
	    f->credit_bytes < f->max_payload)
		return session_error(s, -EPROTO, "HELLO_REPLY grants nothing to work with");

	*l = (struct extent_limits){
		.credit_bytes = f->credit_bytes,
		.credit_requests = f->credit_requests,
		.max_files = f->max_files,
		.max_payload = f->max_payload,
		.max_unencoded = f->max_unencoded,
		.backend = f->backend,
		.validation = f->validation,
		.descriptors = f->features & WIRE_FEATURE_FDS,
		.reads = f->features & WIRE_FEATURE_READ,
	};
	if (l->credit_requests > CLIENT_CREDIT_REQUESTS)
		l->credit_requests = CLIENT_CREDIT_REQUESTS;
	if (l->max_files > CLIENT_FILES)
		l->max_files = CLIENT_FILES;
	if (l->max_payload > LIMIT_PAYLOAD_BYTES)
		l->max_payload = LIMIT_PAYLOAD_BYTES;
	s->max_arena_bytes = f->max_arenas ? f->max_arena_bytes : 0;
	return 0;
}

static int hello_receive(struct extent_session *s, uint64_t offered, int64_t deadline)
{
	union wire_frame f;
	const uint8_t *tail;
	int r;

	while (!(r = input_frame(s, &f, &tail))) {
		ssize_t n = input_read(s);

		if (n > 0)
			continue;
		if (n == 0 || errno == ECONNRESET)
			return session_error(
				s, -ECONNRESET,
				"the peer closed the connection without a HELLO_REPLY");
		if (errno == EAGAIN && socket_wait(s->fd, POLLIN, deadline) == 0)
			return session_error(s, -ETIMEDOUT, "no HELLO_REPLY within %d seconds",
					     HELLO_SECONDS);
		if (errno != EAGAIN && errno != EINTR)
			return session_error(s, -errno, "receiving HELLO_REPLY: %s",
					     text_errno(-errno));
	}
	if (r < 0)
		return r;
	if (f.h.type == WIRE_TYPE_ERROR)
		return input_error_frame(s, &f, tail);
	if (f.h.type != WIRE_TYPE_HELLO_REPLY)
		return session_error(s, -EPROTO, "the peer answered HELLO with %s",
				     wire_type_name(f.h.type));
	r = hello_check(s, &f.hello_reply, offered);
	input_consume(s, f.h.length);
	return r;
}

static int tables_make(struct extent_session *s)
{
	uint32_t slots = 16;

	while (slots < 2 * s->limits.credit_requests)
		slots *= 2;
	s->ring = calloc(slots, sizeof(*s->ring));
	s->files = calloc(s->limits.max_files, sizeof(*s->files));
	if (!s->ring || !s->files)
		return session_error(s, -ENOMEM, "no memory for a session");
	s->ring_mask = slots - 1;
	return 0;
}

static int session_start(struct extent_session *s)
{
	int64_t deadline = now_ms() + HELLO_SECONDS * 1000;
	uint64_t features = WIRE_FEATURE_READ;
	int r;

	if (is_local(s->fd) && !secure_getenv("EXTENTD_NO_DESCRIPTORS"))
		features |= WIRE_FEATURE_FDS;
	r = hello_send(s, features, deadline);
	if (r)
		return r;
	r = hello_receive(s, features, deadline);
	return r ? r : tables_make(s);
}

static void disconnectp(struct extent_session **s)
{
	extent_disconnect(*s);
}

int extent_attach(int fd, struct extent_session **out)
{
	_cleanup_(disconnectp) struct extent_session *s = NULL;
	_cleanup_(closep) int owned = fd;
	int r;

	*out = NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return text_set_for_thread(-ENOMEM, "no memory for a session");
	s->fd = steal_fd(&owned);
	s->next_id = 1;
	TAILQ_INIT(&s->to_send);
	TAILQ_INIT(&s->done);
	fcntl(s->fd, F_SETFD, FD_CLOEXEC);

	r = session_start(s);
	if (r) {
		text_keep_for_thread(s);
		return r;
	}
	*out = steal_ptr(&s);
	return 0;
}

int extent_connect(const char *socket_path, struct extent_session **out)
{
	struct timeval limit = { .tv_sec = HELLO_SECONDS }, none = {};
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	_cleanup_(closep) int fd = -1;

	*out = NULL;
	if (!socket_path)
		socket_path = secure_getenv("EXTENTD_SOCKET");
	if (!socket_path || !*socket_path)
		socket_path = EXTENT_DEFAULT_SOCKET;
	if (strlen(socket_path) >= sizeof(a.sun_path))
		return text_set_for_thread(-ENAMETOOLONG, "'%s' is too long for a socket's path",
					   socket_path);
	strcpy(a.sun_path, socket_path);

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return text_set_for_thread(-errno, "socket: %s", text_errno(-errno));
	/* connect() waits for a place in the daemon's backlog for as long as this says. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		int e = errno == EAGAIN ? ETIMEDOUT : errno;

		return text_set_for_thread(-e, "connecting to extentd at '%s': %s", socket_path,
					   text_errno(-e));
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none));
	return extent_attach(steal_fd(&fd), out);
}

void extent_disconnect(struct extent_session *s)
{
	if (!s)
		return;
	closep(&s->fd);
	if (s->ring)
		request_free_all(s);
	if (s->files)
		file_free_all(s);
	pool_free(s->pool);
	free(s);
}

void extent_get_limits(const struct extent_session *s, struct extent_limits *out)
{
	*out = s->limits;
}

int extent_fd(const struct extent_session *s)
{
	return s->fd;
}

int extent_events(const struct extent_session *s)
{
	bool send = s->queued && !s->hung_up && !s->fds_stuck;

	return POLLIN | (send ? POLLOUT : 0);
}

void session_fail(struct extent_session *s, int error)
{
	s->error = error;
	s->processing = true;
	request_complete_all(s, -ECONNRESET);
	s->processing = false;
}

int extent_process(struct extent_session *s)
{
	int r;

	if (s->processing)
		return session_error(s, -EDEADLK, "a callback may not process its session");
	s->processing = true;
	s->delivered = 0;
	if (!s->error) {
		r = output_flush(s);
		if (!r)
			r = input_receive(s);
		if (!r)
			r = output_flush(s); /* what callbacks queued */
		if (r)
			session_fail(s, r);
	}
	s->processing = false;
	return s->delivered ? s->delivered : s->error;
}

int extent_wait(struct extent_session *s, int timeout_ms)
{
	int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;

	for (;;) {
		int n = extent_process(s);

		if (n)
			return n;
		n = socket_wait(s->fd, extent_events(s), deadline);
		if (!n)
			return 0;
		if (n < 0) {
			session_error(s, n, "waiting for extentd: %s", text_errno(n));
			session_fail(s, n);
			return n;
		}
	}
}
