// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Writes, and what refers to them: sync, cancel, status. What a write says about its extent is
 * the daemon's to judge; here is checked only what would break the stream or the buffers.
 */
#include <errno.h>
#include <string.h>

#include "client/lib/session.h"

static_assert(EXTENT_ACCEPTED == (int)WIRE_ACCEPTED && EXTENT_WRITTEN == (int)WIRE_WRITTEN &&
		      EXTENT_DURABLE == (int)WIRE_DURABLE,
	      "levels travel as they are");
static_assert(EXTENT_ENCODED == (int)WIRE_FORM_ENCODED &&
		      EXTENT_DECODED == (int)WIRE_FORM_DECODED &&
		      EXTENT_PLAIN == (int)WIRE_FORM_PLAIN,
	      "forms travel as they are");

#define bad_write(s, w, error, format, ...)                                                        \
	session_error(s, error, "write at offset %llu: " format, (unsigned long long)(w)->offset,  \
		      ##__VA_ARGS__)

static int write_check(struct extent_session *s, const struct extent_write *w)
{
	if (!file_get(s, w->file))
		return bad_write(s, w, -EBADF, "%d is no open handle", w->file);
	if ((int)w->ack < EXTENT_ACCEPTED || (int)w->ack > EXTENT_DURABLE)
		return bad_write(s, w, -EINVAL, "unknown acknowledgement level %d", (int)w->ack);
	if (w->flags & ~(unsigned int)EXTENT_BUFFER)
		return bad_write(s, w, -EINVAL, "unknown flags %#x", w->flags);
	if (!w->payload || !w->payload_len)
		return bad_write(s, w, -EINVAL, "no payload");
	if (w->payload_len > s->limits.max_payload)
		return bad_write(s, w, -EMSGSIZE, "payload of %u bytes, the limit is %u",
				 w->payload_len, s->limits.max_payload);
	return request_room(s, w->payload_len);
}

/* Puts the payload into a buffer that is the library's, and says where: the caller's or a copy. */
static int write_buffer(struct extent_session *s, const struct extent_write *w, void **buffer,
			const void **payload)
{
	*payload = w->payload;
	if (!(w->flags & EXTENT_BUFFER)) {
		void *copy;
		int r = buffer_take(s, w->payload_len, &copy);

		if (r)
			return r;
		*payload = memcpy(copy, w->payload, w->payload_len);
	}
	*buffer = buffer_give(s, *payload, w->payload_len);
	return *buffer ? 0 : bad_write(s, w, -EINVAL, "the payload lies in no buffer of ours");
}

int64_t extent_write(struct extent_session *s, const struct extent_write *w, extent_callback done,
		     void *userdata)
{
	union wire_frame f = { .write = { .h.type = WIRE_TYPE_WRITE_,
					  .handle = (uint32_t)w->file,
					  .arena = WIRE_NO_ARENA,
					  .offset = w->offset,
					  .len = w->len,
					  .unencoded_len = w->unencoded_len,
					  .unencoded_offset = w->unencoded_offset,
					  .payload_len = w->payload_len,
					  .compression = w->compression,
					  .encryption = w->encryption,
					  .ack = (uint8_t)w->ack } };
	const void *payload;
	struct request *r;
	void *buffer;
	bool shared;
	int error;

	error = write_check(s, w);
	if (!error)
		error = write_buffer(s, w, &buffer, &payload);
	if (error)
		return error;

	shared = buffer_place(s, payload, &f.write.payload_offset);
	if (shared)
		f.write.arena = 0;
	r = request_queue(s, EXTENT_OP_WRITE, &f, shared ? NULL : payload,
			  shared ? 0 : w->payload_len, done, userdata);
	r->d.c.file = w->file;
	r->d.c.offset = w->offset;
	r->d.c.len = w->len;
	r->buffer = buffer;
	r->level = (uint8_t)w->ack;
	r->credit = w->payload_len;
	s->in_flight_bytes += w->payload_len;
	return r->d.c.id;
}

int64_t extent_sync(struct extent_session *s, int file, extent_callback done, void *userdata)
{
	bool all = file == -1;
	union wire_frame f = { .sync = { .h.type = WIRE_TYPE_SYNC,
					 .scope = all ? WIRE_SYNC_SESSION : WIRE_SYNC_FILE,
					 .handle = all ? 0 : (uint32_t)file } };
	struct request *r;
	int error;

	if (!all && !file_get(s, file))
		return session_error(s, -EBADF, "sync: %d is no open handle", file);
	error = request_room(s, 0);
	if (error)
		return error;
	r = request_queue(s, EXTENT_OP_SYNC, &f, NULL, 0, done, userdata);
	r->d.c.file = file;
	return r->d.c.id;
}

/* An id that has been completed, or never was, is sent too: the daemon answers TOO_LATE. */
int64_t extent_cancel(struct extent_session *s, int64_t id, extent_callback done, void *userdata)
{
	union wire_frame f = { .cancel = { .h.type = WIRE_TYPE_CANCEL, .target = (uint64_t)id } };
	int error = request_room(s, 0);

	if (error)
		return error;
	return request_queue(s, EXTENT_OP_CANCEL, &f, NULL, 0, done, userdata)->d.c.id;
}

int64_t extent_status(struct extent_session *s, extent_callback done, void *userdata)
{
	union wire_frame f = { .status = { .h.type = WIRE_TYPE_STATUS } };
	int error = request_room(s, 0);

	if (error)
		return error;
	return request_queue(s, EXTENT_OP_STATUS, &f, NULL, 0, done, userdata)->d.c.id;
}

unsigned int extent_counters(const struct extent_session *s, const uint64_t **values)
{
	*values = s->counters;
	return s->n_counters;
}
