// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * READ: an extent from the disk to the client. Its payload goes into the client's arena, or
 * follows the answer on the socket; then the memory that holds it is given back when the client
 * has taken the last byte, so that what slow clients leave lying about counts as theirs.
 */

#include <stdlib.h>

#include "config/config.h"
#include "handle.h"
#include "read.h"
#include "reply.h"
#include "server.h"
#include "store/arena.h"
#include "store/file.h"
#include "store/reader.h"
#include "store/store.h"
#include "store/user.h"
#include "wire/codes.h"

struct fetch {
	struct reading reading;
	TAILQ_ENTRY(fetch) entry; /* session->fetches */
	struct server *server;
	struct session *session; /* NULL: the client is gone */
	struct user *user;
	struct handle *handle;
	uint64_t id;
	uint32_t arena;
	bool waiting; /* for its file to be open, or the peer to take earlier answers */
	bool counted; /* in session->inline_read */
};

#define fetch_of(r) ((struct fetch *)((char *)(r)-offsetof(struct fetch, reading)))

static void fetch_free(struct fetch *f)
{
	struct server *server = f->server;

	if (f->session)
		TAILQ_REMOVE(&f->session->fetches, f, entry);
	if (f->reading.memory)
		store_release(server->store, f->user, f->reading.memory, f->reading.room);
	arena_unref(f->reading.arena);
	handle_unref(f->handle);
	f->user->requests--;
	user_unref(f->user);
	free(f);
	server->n_requests--;
	server_check_end(server);
}

static void answer(struct fetch *f)
{
	struct session *s = f->session;
	struct reading *r = &f->reading;
	union wire_frame frame = { .read_reply = {
					   .h.id = f->id,
					   .offset = r->offset,
					   .len = r->len,
					   .unencoded_len = r->unencoded_len,
					   .unencoded_offset = r->unencoded_offset,
					   .arena = f->arena,
					   .payload_len = r->payload_len,
					   .compression = r->compression,
					   .kind = r->kind,
				   } };

	s->credit_bytes -= r->room;
	if (f->counted && !r->memory) /* no payload comes of it */
		read_taken(s, r->room);
	if (r->code) {
		reply_code(s, f->id, r->code, r->kernel_errno);
		return;
	}
	s->credit_requests--;
	if (r->memory)
		reply_payload(s, WIRE_TYPE_READ_REPLY, &frame, r->memory, r->payload_len, r->room);
	else
		reply_frame(s, WIRE_TYPE_READ_REPLY, &frame, NULL, 0);
	r->memory = NULL;
}

static void fetch_done(struct reading *r)
{
	struct fetch *f = fetch_of(r);

	if (f->session)
		answer(f);
	fetch_free(f);
}

static void fetch_refuse(struct fetch *f, uint32_t code)
{
	f->server->store->counters.reads_failed++;
	f->reading.code = code;
	fetch_done(&f->reading);
}

/* An answer with its payload keeps memory of the user's until the peer has taken it. One session
 * does not get all of that. */
static bool crowded(const struct fetch *f)
{
	const struct session *s = f->session;

	return f->arena == WIRE_NO_ARENA && s->inline_read &&
	       s->inline_read + f->reading.room > LIMIT_INLINE_READ_BYTES;
}

static void fetch_go(struct fetch *f)
{
	f->waiting = false;
	f->counted = f->arena == WIRE_NO_ARENA;
	f->session->inline_read += f->counted ? f->reading.room : 0;
	f->reading.file = f->handle->file;
	reader_start(&f->reading);
}

/* 0 or a code. */
static uint32_t check_read(const struct session *s, const struct wire_read *f,
			   const struct handle *handle)
{
	if (!handle)
		return WIRE_E_HANDLE;
	if (!handle->reading)
		return WIRE_E_NOT_READABLE;
	if (f->offset > INT64_MAX)
		return WIRE_E_FILE_SIZE;
	if (!f->payload_max || f->payload_max > LIMIT_PAYLOAD_BYTES)
		return WIRE_E_PAYLOAD_SIZE;
	if (s->server->draining)
		return WIRE_E_SHUTDOWN;
	if (s->credit_bytes + f->payload_max > s->server->config->limits.credit_bytes)
		return WIRE_E_CREDIT;
	if (f->arena == WIRE_NO_ARENA)
		return 0;
	if (f->arena >= LIMIT_ARENAS || !s->arenas[f->arena])
		return WIRE_E_ARENA;
	if (!arena_holds(s->arenas[f->arena], f->payload_offset, f->payload_max))
		return WIRE_E_ARENA_RANGE;
	return 0;
}

void read_start(struct session *s, const struct wire_read *f)
{
	struct handle *handle = session_handle(s, f->handle);
	uint32_t code = check_read(s, f, handle);
	struct fetch *fetch = NULL;

	s->server->store->counters.reads++;
	if (!code && !(fetch = calloc(1, sizeof(*fetch))))
		code = WIRE_E_NO_MEMORY;
	if (code) {
		s->server->store->counters.reads_failed++;
		reply_code(s, f->h.id, code, 0);
		return;
	}
	*fetch = (struct fetch){
		.server = s->server,
		.session = s,
		.user = user_ref(s->user),
		.handle = handle_ref(handle),
		.id = f->h.id,
		.arena = f->arena,
		.waiting = true,
		.reading = { .offset = f->offset, .room = f->payload_max, .notify = fetch_done },
	};
	if (f->arena != WIRE_NO_ARENA) {
		fetch->reading.arena = arena_ref(s->arenas[f->arena]);
		fetch->reading.arena_offset = f->payload_offset;
	}
	TAILQ_INSERT_TAIL(&s->fetches, fetch, entry);
	s->user->requests++;
	s->credit_bytes += f->payload_max;
	s->server->n_requests++;
	if (!handle->opening && !crowded(fetch))
		fetch_go(fetch);
}

void read_resume(struct session *s)
{
	struct fetch *f, *next;

	for (f = TAILQ_FIRST(&s->fetches); f; f = next) {
		next = TAILQ_NEXT(f, entry);
		/* What is refused here was never counted: next stays. */
		if (!f->waiting || f->handle->opening || (f->handle->file && crowded(f)))
			continue;
		if (f->handle->file)
			fetch_go(f);
		else
			fetch_refuse(f, WIRE_E_HANDLE);
	}
}

void read_taken(struct session *s, uint64_t bytes)
{
	s->inline_read -= bytes;
	read_resume(s);
}

void reads_orphan(struct session *s)
{
	struct fetch *f, *next;

	for (f = TAILQ_FIRST(&s->fetches); f; f = next) {
		next = TAILQ_NEXT(f, entry);
		TAILQ_REMOVE(&s->fetches, f, entry);
		f->session = NULL;
		if (f->waiting)
			fetch_free(f);
	}
}
