// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "config/config.h"
#include "input.h"
#include "read.h"
#include "reply.h"
#include "server.h"
#include "store/store.h"
#include "store/user.h"
#include "wire/codes.h"

static bool put(struct session *s, const void *bytes, size_t len)
{
	return evbuffer_add(s->output, bytes, len) == 0;
}

void reply_count(struct evbuffer *output, const struct evbuffer_cb_info *change, void *arg)
{
	((struct user *)arg)->output_bytes += change->n_added - change->n_deleted;
}

/* More than a session may leave unread; or some, of a user who leaves too much unread. */
static bool too_much(const struct session *s, size_t left)
{
	const struct config *c = s->server->config;

	return left > c->limits.output_bytes ||
	       (left && s->user->output_bytes > c->limits.user_output_bytes);
}

/* Without memory for a reply the peer can't be told anything, and half a frame may be out: hang
 * up, from the flush. */
static void flush_later(struct session *s, bool ok)
{
	if (!ok)
		s->broken = true;
	if (too_much(s, evbuffer_get_length(s->output)))
		s->output_full = true; /* at once: a turn's worth of requests is a lot of replies */
	event_active(s->flush, 0, 0);
}

/* All but the tail. */
static bool put_fixed(struct session *s, uint16_t type, union wire_frame *frame, size_t tail_len)
{
	unsigned char bytes[WIRE_FRAME_MAX_FIXED];
	size_t fixed = wire_fixed_size(type);

	frame->h.type = type;
	frame->h.length = (uint32_t)(fixed + tail_len);
	wire_write(frame, bytes);
	return put(s, bytes, fixed);
}

static bool put_frame(struct session *s, uint16_t type, union wire_frame *frame, const void *tail,
		      size_t tail_len)
{
	return put_fixed(s, type, frame, tail_len) && (!tail_len || put(s, tail, tail_len));
}

static bool put_acks(struct session *s)
{
	unsigned char bytes[LIMIT_ACKS_PER_FRAME * sizeof(struct wire_ack)];
	union wire_frame frame = { .acks.count = s->n_acks };

	if (!s->n_acks)
		return true;
	for (unsigned int i = 0; i < s->n_acks; i++)
		wire_write_ack(&s->acks[i], bytes + i * sizeof(struct wire_ack));
	s->n_acks = 0;
	return put_frame(s, WIRE_TYPE_ACKS, &frame, bytes,
			 frame.acks.count * sizeof(struct wire_ack));
}

void reply_ack(struct session *s, const struct wire_ack *ack)
{
	bool ok = true;

	if (s->n_acks == LIMIT_ACKS_PER_FRAME)
		ok = put_acks(s);
	s->acks[s->n_acks++] = *ack;
	s->credit_requests--;
	flush_later(s, ok);
}

void reply_code(struct session *s, uint64_t id, uint32_t code, int kernel_errno)
{
	reply_ack(s, &(struct wire_ack){ .id = id, .code = code, .kernel_errno = kernel_errno });
}

void reply_frame(struct session *s, uint16_t type, union wire_frame *frame, const void *tail,
		 size_t tail_len)
{
	flush_later(s, put_acks(s) && put_frame(s, type, frame, tail, tail_len));
}

struct held {
	struct session *session;
	struct user *user;
	uint64_t bytes;
};

/* The session exists: its output buffer, which calls this, is freed before it. */
static void held_release(const void *tail, size_t len, void *arg)
{
	struct held *held = arg;

	held->session->output_held -= held->bytes;
	store_release(held->session->server->store, held->user, (void *)tail, held->bytes);
	read_taken(held->session, held->bytes);
	user_unref(held->user);
	free(held);
}

void reply_payload(struct session *s, uint16_t type, union wire_frame *frame, void *tail,
		   size_t tail_len, uint64_t bytes)
{
	struct held *held = malloc(sizeof(*held));

	if (held)
		*held = (struct held){ s, user_ref(s->user), bytes };
	s->output_held += held ? bytes : 0;
	if (held && put_acks(s) && put_fixed(s, type, frame, tail_len) &&
	    evbuffer_add_reference(s->output, tail, tail_len, held_release, held) == 0) {
		flush_later(s, true);
		return;
	}
	if (held)
		held_release(tail, tail_len, held);
	else
		store_release(s->server->store, s->user, tail, bytes);
	flush_later(s, false);
}

/* A peer that leaves payloads lying in the daemon's memory has so long to take the next byte. */
static void wait_for_peer(struct session *s, bool progress)
{
	const struct timeval stalled = { .tv_sec = STALLED_SECONDS };

	if (progress || !event_pending(s->write, EV_WRITE, NULL))
		event_add(s->write, s->output_held ? &stalled : NULL);
}

bool reply_flush(struct session *s)
{
	bool progress = false;
	size_t left;
	int n;

	if (!put_acks(s) || s->broken) {
		session_end(s);
		return false;
	}
	while ((left = evbuffer_get_length(s->output))) {
		n = evbuffer_write(s->output, s->fd);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			session_end(s);
			return false;
		}
		if (n <= 0)
			break;
		progress = true;
	}
	if (!left && s->state == SESSION_FAILED) {
		session_end(s);
		return false;
	}
	if (left)
		wait_for_peer(s, progress);

	s->output_full = too_much(s, left);
	input_resume(s);
	return true;
}

void reply_refusal(int fd, uint32_t code)
{
	union wire_frame frame = { .error = { .code = code } }; /* whose text says it all */
	unsigned char bytes[WIRE_FRAME_MAX_FIXED];

	frame.h.type = WIRE_TYPE_ERROR;
	frame.h.length = (uint32_t)wire_fixed_size(WIRE_TYPE_ERROR);
	wire_write(&frame, bytes);
	send(fd, bytes, frame.h.length, MSG_DONTWAIT | MSG_NOSIGNAL);
}
