// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Receiving. The daemon is not trusted to keep to the protocol: what it says is checked against
 * what was asked before anything is done with it, and a contradiction ends the session with
 * -EPROTO, because after it nothing in the stream means what it seems to.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "client/lib/session.h"
#include "wire/codes.h"

#define READS_PER_CALL 16 /* then the caller's loop gets its turn */
#define ERRNO_MAX      4095

#define malformed(s, format, ...)                                                                  \
	session_error(s, -EPROTO, "malformed reply from extentd at byte %llu: " format,            \
		      (unsigned long long)(s)->received, ##__VA_ARGS__)

/* The longest reply; a longer one could never be completed in the input buffer. */
static_assert(sizeof(struct wire_acks) + LIMIT_ACKS_PER_FRAME * sizeof(struct wire_ack) <=
		      CLIENT_INPUT_BYTES,
	      "ACKS fits");
static_assert(sizeof(struct wire_status_reply) + LIMIT_COUNTERS * 8 <= CLIENT_INPUT_BYTES,
	      "STATUS_REPLY fits");
static_assert(sizeof(struct wire_error) + LIMIT_ERROR_TEXT_BYTES <= CLIENT_INPUT_BYTES,
	      "ERROR fits");

/*
 * The next frame, if it is there whole: 1 and the frame, whose tail stays in the input buffer
 * until input_consume(); 0 if more has to arrive; or a negative errno. Of a frame that cannot
 * be right not even the rest is waited for.
 */
int input_frame(struct extent_session *s, union wire_frame *frame, const uint8_t **tail)
{
	const uint8_t *bytes = s->in + s->in_start;
	struct wire_header h;
	size_t fixed;
	int code;

	if (s->in_len < sizeof(h))
		return 0;
	wire_read_header(bytes, &h);
	fixed = wire_fixed_size(h.type);
	if (h.type < WIRE_TYPE_HELLO_REPLY || !fixed)
		return malformed(s, "type %u is no reply", h.type);
	if (h.length < fixed || (h.length > sizeof(s->in) && h.type != WIRE_TYPE_READ_REPLY))
		return malformed(s, "%s of %u bytes", wire_type_name(h.type), h.length);
	if (s->in_len < fixed)
		return 0;

	code = wire_read(bytes, frame);
	if (code)
		return malformed(s, "%s: %s", wire_type_name(h.type),
				 wire_code_text((unsigned int)code));
	*tail = bytes + fixed;
	/* A payload goes to where it belongs, as it comes. */
	return h.type == WIRE_TYPE_READ_REPLY || s->in_len >= h.length;
}

void input_consume(struct extent_session *s, size_t n)
{
	s->in_start += n;
	s->in_len -= n;
	s->received += n;
}

/* One recv() behind what is there, moved to the front first; as recv(). */
ssize_t input_read(struct extent_session *s)
{
	ssize_t n;

	if (s->reading)
		return read_receive(s);
	memmove(s->in, s->in + s->in_start, s->in_len);
	s->in_start = 0;
	n = recv(s->fd, s->in + s->in_len, sizeof(s->in) - s->in_len, MSG_DONTWAIT);
	if (n > 0)
		s->in_len += (size_t)n;
	return n;
}

/* The daemon's reason for ending the session. Its text may be shown: nothing but print in it. */
int input_error_frame(struct extent_session *s, const union wire_frame *f, const void *tail)
{
	char text[LIMIT_ERROR_TEXT_BYTES + 1];
	uint32_t n = f->error.text_len;
	int error = -wire_code_errno(f->error.code, 0);

	memcpy(text, tail, n);
	text[n] = 0;
	for (uint32_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 127)
			text[i] = '?';
	return session_error(s, error ? error : -EPROTO,
			     "extentd ended the session at byte %llu of what it was sent: %s%s%s",
			     (unsigned long long)f->error.position, wire_code_text(f->error.code),
			     n ? ": " : "", text);
}

static bool level_answers(const struct request *r, const struct wire_ack *a)
{
	return a->level >= r->level && a->level <= WIRE_DURABLE && a->form <= WIRE_FORM_PLAIN;
}

static int input_ack(struct extent_session *s, const struct wire_ack *a)
{
	struct request *r = request_find(s, a->id);

	if (!r)
		return malformed(s, "acknowledgement of %llu, which is not under way",
				 (unsigned long long)a->id);
	if (a->reserved0 || a->reserved1 || a->kernel_errno < 0 || a->kernel_errno > ERRNO_MAX)
		return malformed(s, "acknowledgement of %llu", (unsigned long long)a->id);
	if (a->code == WIRE_E_OK) {
		if (a->kernel_errno || r->d.c.kind == EXTENT_OP_OPEN ||
		    r->d.c.kind == EXTENT_OP_STATUS || r->d.c.kind == EXTENT_OP_READ ||
		    (r->d.c.kind == EXTENT_OP_WRITE && !level_answers(r, a)))
			return malformed(s, "acknowledgement of %llu does not answer its request",
					 (unsigned long long)a->id);
		r->d.c.level = (enum extent_ack)a->level;
		r->d.c.form = (enum extent_form)a->form;
	}

	r->d.c.code = a->code;
	r->d.c.result = -wire_code_errno(a->code, a->kernel_errno);
	r->d.c.detail = a->detail;
	if (r->d.c.kind == EXTENT_OP_OPEN)
		file_opened(s, &r->d.c, NULL);
	request_complete(s, r);
	return 0;
}

static int input_acks(struct extent_session *s, const struct wire_acks *f, const uint8_t *tail)
{
	for (uint32_t i = 0; i < f->count; i++) {
		struct wire_ack a;
		int r;

		wire_read_ack(tail + i * sizeof(a), &a);
		r = input_ack(s, &a);
		if (r)
			return r;
	}
	return 0;
}

static int input_opened(struct extent_session *s, const struct wire_open_reply *f)
{
	struct request *r = request_find(s, f->h.id);
	struct extent_file_info info = { .backend = f->backend,
					 .sector_size = f->sector_size,
					 .max_payload = f->max_payload,
					 .max_unencoded = f->max_unencoded,
					 .size = f->file_size };

	if (!r || r->d.c.kind != EXTENT_OP_OPEN || f->handle != (uint32_t)r->d.c.file)
		return malformed(s, "OPEN_REPLY that answers no OPEN");
	if (!info.sector_size || info.sector_size & (info.sector_size - 1) || !info.max_payload ||
	    !info.max_unencoded)
		return malformed(s, "OPEN_REPLY with impossible limits");
	if (info.max_payload > s->limits.max_payload)
		info.max_payload = s->limits.max_payload;

	file_opened(s, &r->d.c, &info);
	request_complete(s, r);
	return 0;
}

static int input_status(struct extent_session *s, const struct wire_status_reply *f,
			const uint8_t *tail)
{
	struct request *r = request_find(s, f->h.id);

	if (!r || r->d.c.kind != EXTENT_OP_STATUS)
		return malformed(s, "STATUS_REPLY that answers no STATUS");
	s->n_counters = f->count;
	for (uint32_t i = 0; i < f->count; i++) {
		memcpy(&s->counters[i], tail + i * sizeof(uint64_t), sizeof(uint64_t));
		s->counters[i] = le64toh(s->counters[i]);
	}
	request_complete(s, r);
	return 0;
}

static int input_lost(struct extent_session *s, const struct wire_lost *f)
{
	struct extent_completion c = {
		.id = (int64_t)f->target,
		.kind = EXTENT_OP_LOST,
		.result = -wire_code_errno(f->code, f->kernel_errno),
		.code = f->code,
		.file = (int)f->handle,
		.offset = f->offset,
		.len = f->len,
	};

	if (!f->target || f->target >= (uint64_t)s->next_id || request_find(s, f->target) ||
	    f->code == WIRE_E_OK || f->kernel_errno < 0 || f->kernel_errno > ERRNO_MAX ||
	    f->handle >= s->limits.max_files)
		return malformed(s, "LOST names no acknowledged write");
	return request_lost(s, &c);
}

static int dispatch(struct extent_session *s, const union wire_frame *f, const uint8_t *tail)
{
	switch (f->h.type) {
	case WIRE_TYPE_ACKS:
		return input_acks(s, &f->acks, tail);
	case WIRE_TYPE_OPEN_REPLY:
		return input_opened(s, &f->open_reply);
	case WIRE_TYPE_READ_REPLY:
		return read_answered(s, &f->read_reply);
	case WIRE_TYPE_STATUS_REPLY:
		return input_status(s, &f->status_reply, tail);
	case WIRE_TYPE_LOST_:
		return input_lost(s, &f->lost);
	case WIRE_TYPE_ERROR:
		return input_error_frame(s, f, tail);
	default:
		return malformed(s, "unexpected %s", wire_type_name(f->h.type));
	}
}

static int dispatch_all(struct extent_session *s)
{
	union wire_frame f;
	const uint8_t *tail;
	int r;

	while (!(r = read_feed(s)) && (r = input_frame(s, &f, &tail)) > 0) {
		r = dispatch(s, &f, tail);
		if (r < 0)
			return r;
		input_consume(s,
			      f.h.type == WIRE_TYPE_READ_REPLY ? sizeof(f.read_reply) : f.h.length);
	}
	return r < 0 ? r : 0;
}

int input_receive(struct extent_session *s)
{
	for (int i = 0; i < READS_PER_CALL; i++) {
		size_t room = s->reading ? s->reading_left : sizeof(s->in) - s->in_len;
		ssize_t n = input_read(s);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno != ECONNRESET)
			return session_error(s, -errno, "receiving from extentd: %s",
					     text_errno(-errno));
		if (n <= 0)
			return session_error(s, -ECONNRESET,
					     "extentd closed the connection%s with %u requests "
					     "under way",
					     s->in_len || s->reading ? " in the middle of a reply"
								     : "",
					     s->in_flight);

		s->fds_stuck = false;
		r = dispatch_all(s);
		if (r < 0)
			return r;
		if ((size_t)n < room)
			return 0; /* that was all; a poll finds the rest */
	}
	return 0;
}
