// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reads. The payload arrives in a buffer of the pool: through the arena, or behind its READ_REPLY
 * on the socket, which is received straight into the buffer, since it is longer than any other
 * reply. While it arrives, nothing else does.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "client/lib/session.h"

static_assert(EXTENT_READ_ENCODED == (int)WIRE_READ_ENCODED &&
		      EXTENT_READ_PLAIN == (int)WIRE_READ_PLAIN &&
		      EXTENT_READ_HOLE == (int)WIRE_READ_HOLE &&
		      EXTENT_READ_END == (int)WIRE_READ_END,
	      "kinds travel as they are");

int64_t extent_read(struct extent_session *s, struct extent_read *read, extent_callback done,
		    void *userdata)
{
	uint32_t room = read->payload_max ? read->payload_max : s->limits.max_payload;
	union wire_frame f = { .read = { .h.type = WIRE_TYPE_READ,
					 .handle = (uint32_t)read->file,
					 .arena = WIRE_NO_ARENA,
					 .offset = read->offset,
					 .payload_max = room } };
	struct request *r;
	void *buffer;
	int error;

	if (!file_get(s, read->file))
		return session_error(s, -EBADF, "read: %d is no open handle", read->file);
	if (room > s->limits.max_payload)
		return session_error(s, -EMSGSIZE, "read of up to %u bytes, the limit is %u", room,
				     s->limits.max_payload);
	error = request_room(s, room);
	if (!error)
		error = buffer_take(s, room, &buffer);
	if (error)
		return error;

	buffer = buffer_give(s, buffer, room);
	if (buffer_place(s, buffer, &f.read.payload_offset)) {
		f.read.arena = 0;
		buffer_touch(s, buffer, room);
	}
	r = request_queue(s, EXTENT_OP_READ, &f, NULL, 0, done, userdata);
	r->d.c.file = read->file;
	r->d.c.offset = read->offset;
	r->buffer = buffer;
	r->read = read;
	r->shared = f.read.arena == 0;
	r->credit = room;
	s->in_flight_bytes += room;
	return r->d.c.id;
}

/* What a READ_REPLY says, is it possible? The caller will take it at its word. */
static bool sane(const struct request *r, const struct wire_read_reply *f)
{
	uint64_t end;

	if (f->offset != r->d.c.offset || (f->arena == WIRE_NO_ARENA) == r->shared ||
	    (r->shared && f->arena) || f->payload_len > r->credit ||
	    __builtin_add_overflow(f->offset, f->len, &end) || end > INT64_MAX)
		return false;
	switch (f->kind) {
	case WIRE_READ_ENCODED:
		return f->len && f->payload_len && f->compression &&
		       f->unencoded_offset <= f->unencoded_len &&
		       f->len <= f->unencoded_len - f->unencoded_offset;
	case WIRE_READ_PLAIN:
		return f->len && f->len == f->payload_len && f->len == f->unencoded_len &&
		       !f->unencoded_offset && !f->compression;
	case WIRE_READ_HOLE:
		return f->len && !f->payload_len && !f->compression;
	case WIRE_READ_END:
		return !f->len && !f->payload_len && !f->compression;
	default:
		return false;
	}
}

static void completed(struct extent_session *s, struct request *r)
{
	if (r->read->payload_len) {
		r->read->payload = r->buffer;
		buffer_return(s, r->buffer);
		r->buffer = NULL;
	}
	r->d.c.len = r->read->len;
	request_complete(s, r);
}

int read_answered(struct extent_session *s, const struct wire_read_reply *f)
{
	struct request *r = request_find(s, f->h.id);
	struct extent_read *read;

	if (!r || r->d.c.kind != EXTENT_OP_READ || !sane(r, f))
		return session_error(s, -EPROTO,
				     "malformed reply from extentd at byte %llu: READ_REPLY that "
				     "answers no READ",
				     (unsigned long long)s->received);
	read = r->read;
	read->kind = (enum extent_read_kind)f->kind;
	read->len = f->len;
	read->unencoded_len = f->unencoded_len;
	read->unencoded_offset = f->unencoded_offset;
	read->compression = f->compression;
	read->payload_len = f->payload_len;
	read->payload = NULL;
	if (f->arena == WIRE_NO_ARENA && f->payload_len) {
		s->reading = r;
		s->reading_left = f->payload_len;
		return 0;
	}
	completed(s, r);
	return 0;
}

static void arrived(struct extent_session *s, size_t n)
{
	struct request *r = s->reading;

	s->reading_left -= (uint32_t)n;
	if (s->reading_left)
		return;
	s->reading = NULL;
	completed(s, r);
}

static uint8_t *place(const struct extent_session *s)
{
	const struct request *r = s->reading;

	return (uint8_t *)r->buffer + (r->read->payload_len - s->reading_left);
}

/* From what has been received already. */
int read_feed(struct extent_session *s)
{
	size_t n = s->in_len < s->reading_left ? s->in_len : s->reading_left;

	if (!s->reading)
		return 0;
	memcpy(place(s), s->in + s->in_start, n);
	input_consume(s, n);
	arrived(s, n);
	return s->reading ? 1 : 0;
}

/* One recv() into the buffer, when nothing is left of what has been received; as recv(). */
ssize_t read_receive(struct extent_session *s)
{
	ssize_t n = recv(s->fd, place(s), s->reading_left, MSG_DONTWAIT);

	if (n > 0) {
		s->received += (uint64_t)n;
		arrived(s, (size_t)n);
	}
	return n;
}
