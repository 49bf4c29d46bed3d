// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Reading: bytes and descriptors come in, frames go to dispatch(). A frame is cut out of a small
 * buffer; an inline payload goes straight to the memory it will be written from. The session
 * stops reading, and so lets the peer's socket fill, whenever it may not take on more: replies
 * are not being read, memory for payloads is used up, or too much is on its way to the disk.
 */

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "config/config.h"
#include "dispatch.h"
#include "handle.h"
#include "input.h"
#include "request.h"
#include "room.h"
#include "schedule.h"
#include "store/closing.h"
#include "store/store.h"
#include "store/user.h"
#include "wire/codes.h"
#include "write.h"

int session_take_fd(struct session *s)
{
	int fd;

	if (!s->n_fds)
		return -1;
	fd = s->fds[s->fds_taken++];
	s->n_fds--;
	s->user->queued_fds--;
	return fd;
}

/* False: there were too many, or some got lost. */
static bool take_descriptors(struct session *s, struct msghdr *msg)
{
	int beyond[LIMIT_MESSAGE_FDS];
	unsigned int n_beyond = 0;

	if (msg->msg_controllen && s->fds_taken) {
		memmove(s->fds, s->fds + s->fds_taken, s->n_fds * sizeof(s->fds[0]));
		s->fds_taken = 0;
	}
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
				s->user->queued_fds++;
			} else {
				beyond[n_beyond++] = fd;
			}
		}
	}
	closing_add(s->server->store, s->user, beyond, n_beyond);
	return !n_beyond && !(msg->msg_flags & MSG_CTRUNC);
}

void input_deadline(struct session *s, long seconds)
{
	const struct timeval tv = { .tv_sec = seconds };

	if (seconds)
		event_add(s->deadline, &tv);
	else
		event_del(s->deadline);
}

/* What the user left us to close may be stuck, see closing.h: where it takes the last of his files,
 * no more comes in until it is not. */
static bool clogged(const struct session *s)
{
	return s->user->closing_fds && !session_files_left(s);
}

/* Bytes read, 0 at the end of the stream, or -errno. */
static ssize_t receive(struct session *s)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(LIMIT_MESSAGE_FDS * sizeof(int))];
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
	if (s->user->queued_fds > LIMIT_USER_QUEUED_FDS)
		return -EDQUOT;
	if ((size_t)n > payload)
		s->input_have += (size_t)n - payload;
	else
		payload = (size_t)n;
	if (s->receiving) {
		s->received += payload;
		s->position += payload;
		input_deadline(s, STALLED_SECONDS);
	}
	return n;
}

static void consume(struct session *s, size_t n)
{
	s->position += n;
	s->input_have -= n;
	memmove(s->input, s->input + n, s->input_have);
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
		input_deadline(s, 0);
		write_received(s);
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
	if (!room_for(s, &frame)) {
		input_wait(s);
		room_make(s, &frame);
		return 0;
	}
	code = dispatch(s, &frame, s->input + fixed);
	if (code) {
		session_fail(s, (uint32_t)code);
		return 0;
	}
	consume(s, whole);
	if (s->receiving)
		input_deadline(s, STALLED_SECONDS);
	else if (h.type == WIRE_TYPE_HELLO)
		input_deadline(s, 0);
	return 1;
}

static bool reading(const struct session *s)
{
	return s->state != SESSION_FAILED && !s->broken && !s->wants_room && !s->output_full;
}

void input_wait(struct session *s)
{
	if (s->wants_room)
		return;
	s->wants_room = true;
	s->server->n_waiting++;
}

void input_stop_waiting(struct session *s)
{
	if (!s->wants_room)
		return;
	s->wants_room = false;
	s->server->n_waiting--;
}

static void process(struct session *s)
{
	while (reading(s) && step(s))
		;
}

/* False: it ended. */
static bool take_in(struct session *s)
{
	ssize_t n;

	if (clogged(s)) {
		input_wait(s);
		return true;
	}
	n = receive(s);
	if (n > 0) {
		process(s);
	} else if (n == -EAGAIN) {
		s->readable = false;
		/* Nothing claims a descriptor that came with what is now through. */
		if (s->n_fds && !s->input_have)
			session_fail(s, WIRE_E_DESCRIPTORS);
	} else if (n == -EBADMSG || n == -EDQUOT) {
		session_fail(s, n == -EDQUOT ? WIRE_E_USER_LIMIT : WIRE_E_DESCRIPTORS);
	} else {
		session_end(s);
		return false;
	}
	return true;
}

/* A peer that hangs up while it is not read from must not keep what it has. */
static bool hung_up(struct session *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLRDHUP };

	s->stirred = false;
	return poll(&p, 1, 0) > 0;
}

void input_resume(struct session *s)
{
	input_stop_waiting(s);
	write_resume(s);
	process(s); /* what it stopped at */
	if (reading(s) && s->readable)
		schedule_session(s);
}

bool input_turn(struct session *s)
{
	if (reading(s) && s->readable && !take_in(s))
		return false;
	if (reading(s))
		return s->readable;
	if (s->stirred && hung_up(s))
		session_end(s);
	return false;
}
