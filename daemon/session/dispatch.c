// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * What each frame does. wire_read() has checked its form; here is checked whether it makes sense
 * now. A request that does not is answered with a code and leaves the session as it was.
 */

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "barrier.h"
#include "config/config.h"
#include "dispatch.h"
#include "handle.h"
#include "opening.h"
#include "read.h"
#include "reply.h"
#include "request.h"
#include "room.h"
#include "server.h"
#include "store/arena.h"
#include "store/closing.h"
#include "store/file.h"
#include "store/inode.h"
#include "store/store.h"
#include "store/user.h"
#include "wire/codes.h"
#include "write.h"

static enum wire_backend backend_of(const struct store *store)
{
	if (!store->encoded_io || store->options.backend == STORE_DECODE)
		return WIRE_BACKEND_DECODE;
	return store->counters.engine_uring ? WIRE_BACKEND_URING : WIRE_BACKEND_IOCTL;
}

static int do_hello(struct session *s, const struct wire_hello *f)
{
	const struct config *c = s->server->config;
	union wire_frame reply = { .hello_reply = {
					   .h.id = f->h.id,
					   .magic = WIRE_MAGIC,
					   .version = WIRE_VERSION,
					   .validation = (uint16_t)s->level,
					   .features = f->features & WIRE_FEATURES,
					   .credit_bytes = c->limits.credit_bytes,
					   .max_arena_bytes = c->limits.arena_bytes,
					   .credit_requests = (uint32_t)c->limits.credit_requests,
					   .max_files = (uint32_t)c->limits.files,
					   .max_arenas = (uint32_t)c->limits.arenas,
					   .max_payload = LIMIT_PAYLOAD_BYTES,
					   .max_unencoded = LIMIT_UNENCODED_BYTES,
					   .backend = backend_of(s->server->store),
				   } };

	if (f->magic != WIRE_MAGIC || f->version_min > WIRE_VERSION ||
	    f->version_max < WIRE_VERSION)
		return WIRE_E_VERSION;
	if (f->required & ~WIRE_FEATURES)
		return WIRE_E_FEATURE;
	s->features = reply.hello_reply.features;
	s->state = SESSION_READY;
	reply_frame(s, WIRE_TYPE_HELLO_REPLY, &reply, NULL, 0);
	return 0;
}

static void do_arena(struct session *s, const struct wire_arena *f, int fd)
{
	const struct config *c = s->server->config;
	struct arena *arena;
	uint32_t code = 0;
	int r;

	if (f->arena >= c->limits.arenas)
		code = WIRE_E_ARENA;
	else if (s->arenas[f->arena])
		code = WIRE_E_ARENA_IN_USE;
	else if (!f->size || f->size > c->limits.arena_bytes)
		code = WIRE_E_ARENA_SIZE;
	else if (s->user->arena_bytes + f->size > c->limits.user_arena_bytes ||
		 !session_files_left(s))
		code = WIRE_E_USER_LIMIT;
	if (!code) {
		r = arena_new(&fd, f->size, s->level != PAYLOAD_FULL, s->user, s->server->store,
			      &arena);
		code = r > 0 ? (uint32_t)r : r < 0 ? WIRE_E_NO_MEMORY : 0;
	}
	if (!code)
		s->arenas[f->arena] = arena;
	closing_add(s->server->store, s->user, &fd, 1);
	reply_code(s, f->h.id, code, 0);
}

static void do_arena_drop(struct session *s, const struct wire_arena_drop *f)
{
	if (f->arena >= LIMIT_ARENAS || !s->arenas[f->arena]) {
		reply_code(s, f->h.id, WIRE_E_ARENA, 0);
		return;
	}
	arena_unref(s->arenas[f->arena]);
	s->arenas[f->arena] = NULL;
	reply_code(s, f->h.id, 0, 0);
}

static struct handle *handle_new(struct session *s, uint32_t number)
{
	struct handle *handle;

	if (!s->handles)
		s->handles = calloc(LIMIT_FILES, sizeof(struct handle *));
	handle = s->handles ? calloc(1, sizeof(*handle)) : NULL;
	if (!handle)
		return NULL;
	handle->refs = 1;
	handle->number = number;
	handle_unref(s->handles[number]); /* of an OPEN that failed */
	s->handles[number] = handle;
	return handle;
}

static void do_open(struct session *s, const struct wire_open *f, int fd, const unsigned char *tail)
{
	const uint32_t by_path = WIRE_OPEN_CREATE | WIRE_OPEN_EXCLUSIVE | WIRE_OPEN_TRUNCATE;
	const uint32_t to_write = by_path | WIRE_OPEN_NODATACOW;
	char path[LIMIT_PATH_BYTES + 1];
	struct handle *handle;
	uint32_t code = 0;

	memcpy(path, tail, f->path_len);
	path[f->path_len] = '\0';
	if (f->handle >= s->server->config->limits.files)
		code = WIRE_E_HANDLE;
	else if (session_handle(s, f->handle))
		code = WIRE_E_HANDLE_IN_USE;
	else if (!session_files_left(s))
		code = WIRE_E_USER_LIMIT;
	else if ((fd >= 0 && f->open_flags & by_path) ||
		 (f->open_flags & WIRE_OPEN_READ && f->open_flags & to_write) ||
		 strlen(path) != f->path_len)
		code = WIRE_E_RESERVED;
	else if (!(handle = handle_new(s, f->handle)))
		code = WIRE_E_NO_MEMORY;
	if (code) {
		closing_add(s->server->store, s->user, &fd, 1);
		reply_code(s, f->h.id, code, 0);
		return;
	}
	opening_start(s, handle, f, fd, path);
}

static void do_sync(struct session *s, const struct wire_sync *f)
{
	struct handle *handle = NULL;

	if (f->scope == WIRE_SYNC_FILE) {
		handle = session_handle(s, f->handle);
		if (!handle || handle->reading) {
			reply_code(s, f->h.id, handle ? WIRE_E_NOT_WRITABLE : WIRE_E_HANDLE, 0);
			return;
		}
	} else if (f->scope != WIRE_SYNC_SESSION || f->handle) {
		reply_code(s, f->h.id, WIRE_E_ACK_LEVEL, 0);
		return;
	}
	barrier_new(s, f->h.id, handle);
}

static void do_close(struct session *s, const struct wire_close *f)
{
	if (!s->handles || f->handle >= LIMIT_FILES || !s->handles[f->handle]) {
		reply_code(s, f->h.id, WIRE_E_HANDLE, 0);
		return;
	}
	handle_unref(s->handles[f->handle]);
	s->handles[f->handle] = NULL;
	reply_code(s, f->h.id, 0, 0);
}

static void do_cancel(struct session *s, const struct wire_cancel *f)
{
	struct request *r = request_find(s, f->target);
	bool done = false;

	if (r && r->started) {
		done = extent_cancel(&r->extent);
	} else if (r) {
		request_refuse(r, WIRE_E_CANCELLED, 0);
		write_resume(s);
		done = true;
	}
	reply_code(s, f->h.id, done ? 0 : WIRE_E_TOO_LATE, 0);
}

static void do_status(struct session *s, const struct wire_status *f)
{
	struct store *store = s->server->store;
	struct wire_counters *c = &store->counters;
	union wire_frame reply = { .status_reply = {
					   .h.id = f->h.id,
					   .count = sizeof(*c) / sizeof(uint64_t),
				   } };
	uint64_t values[sizeof(*c) / sizeof(uint64_t)];
	unsigned int n = 0;

	c->uptime_seconds = (unsigned long long)(time(NULL) - s->server->started);
	c->now_requests = s->server->n_requests;
	c->now_payload_bytes = store->held_bytes + store->decoded_bytes;
	c->encoded_io = store->encoded_io;
#define X(name, text) values[n++] = htole64(c->name);
	WIRE_COUNTERS(X)
#undef X
	s->credit_requests--;
	reply_frame(s, WIRE_TYPE_STATUS_REPLY, &reply, values, sizeof(values));
}

static bool claims_fd(const union wire_frame *f)
{
	return f->h.type == WIRE_TYPE_ARENA ||
	       (f->h.type == WIRE_TYPE_OPEN && f->open.open_flags & WIRE_OPEN_DESCRIPTOR);
}

int dispatch(struct session *s, const union wire_frame *f, const unsigned char *tail)
{
	int fd = -1;

	if ((s->state == SESSION_HELLO) != (f->h.type == WIRE_TYPE_HELLO))
		return WIRE_E_HELLO_FIRST;
	if (f->h.type == WIRE_TYPE_HELLO)
		return do_hello(s, &f->hello);

	if (f->h.type == WIRE_TYPE_READ && !(s->features & WIRE_FEATURE_READ))
		return WIRE_E_FRAME_TYPE;
	if (f->h.type == WIRE_TYPE_OPEN && f->open.open_flags & WIRE_OPEN_READ &&
	    !(s->features & WIRE_FEATURE_READ))
		return WIRE_E_RESERVED;

	if (claims_fd(f)) {
		fd = session_take_fd(s);
		if (fd < 0)
			return WIRE_E_DESCRIPTORS;
	}
	if (++s->credit_requests > s->server->config->limits.credit_requests) {
		closing_add(s->server->store, s->user, &fd, 1);
		if (f->h.type == WIRE_TYPE_WRITE_)
			write_refuse(s, &f->write, WIRE_E_CREDIT);
		else
			reply_code(s, f->h.id, WIRE_E_CREDIT, 0);
		return 0;
	}

	switch (f->h.type) {
	case WIRE_TYPE_ARENA:
		do_arena(s, &f->arena, fd);
		return 0;
	case WIRE_TYPE_ARENA_DROP:
		do_arena_drop(s, &f->arena_drop);
		return 0;
	case WIRE_TYPE_OPEN:
		do_open(s, &f->open, fd, tail);
		return 0;
	case WIRE_TYPE_WRITE_:
		write_start(s, &f->write);
		return 0;
	case WIRE_TYPE_SYNC:
		do_sync(s, &f->sync);
		return 0;
	case WIRE_TYPE_CLOSE:
		do_close(s, &f->close);
		return 0;
	case WIRE_TYPE_CANCEL:
		do_cancel(s, &f->cancel);
		return 0;
	case WIRE_TYPE_READ:
		read_start(s, &f->read);
		return 0;
	case WIRE_TYPE_STATUS:
		do_status(s, &f->status);
		return 0;
	default:
		return WIRE_E_FRAME_TYPE;
	}
}
