// SPDX-License-Identifier: GPL-2.0-or-later

/* WRITE: whether it makes sense, and where its payload is. */

#include <linux/btrfs.h>

#include "config/config.h"
#include "handle.h"
#include "input.h"
#include "reply.h"
#include "request.h"
#include "server.h"
#include "store/arena.h"
#include "store/file.h"
#include "store/inode.h"
#include "store/store.h"
#include "wire/codes.h"
#include "write.h"

/* Whether the numbers of a WRITE are possible together: 0 or a code. */
static uint32_t check_write(const struct wire_write *f)
{
	uint64_t end;

	if (f->encryption || f->other_encoding)
		return WIRE_E_ENCRYPTION;
	if (f->compression >= BTRFS_ENCODED_IO_COMPRESSION_TYPES)
		return WIRE_E_COMPRESSION;
	if (f->ack < WIRE_ACCEPTED || f->ack > WIRE_DURABLE)
		return WIRE_E_ACK_LEVEL;
	if (!f->payload_len || f->payload_len > LIMIT_PAYLOAD_BYTES ||
	    f->unencoded_len > LIMIT_UNENCODED_BYTES)
		return WIRE_E_PAYLOAD_SIZE;
	if (!f->len || f->unencoded_offset > f->unencoded_len ||
	    f->len > f->unencoded_len - f->unencoded_offset)
		return WIRE_E_LENGTH;
	if (__builtin_add_overflow(f->offset, f->len, &end) || end > INT64_MAX)
		return WIRE_E_FILE_SIZE;
	if (f->compression == BTRFS_ENCODED_IO_COMPRESSION_NONE &&
	    (f->unencoded_offset || f->len != f->payload_len || f->unencoded_len != f->len))
		return WIRE_E_LENGTH;
	return 0;
}

void write_refuse(struct session *s, const struct wire_write *f, uint32_t code)
{
	s->server->store->counters.writes_refused++;
	if (f->arena == WIRE_NO_ARENA)
		s->discard = f->payload_len;
	reply_code(s, f->h.id, code, 0);
}

void write_resume(struct session *s)
{
	struct request *r;

	while ((r = TAILQ_FIRST(&s->waiting)) && !r->handle->opening) {
		if (handle_crowded(r->handle)) { /* sent before it was known for which file */
			input_wait(s);
			return;
		}
		TAILQ_REMOVE(&s->waiting, r, waiting);
		r->queued = false;
		if (r->handle->file)
			request_start(r);
		else
			request_refuse(r, WIRE_E_HANDLE, 0);
	}
}

/* One that waits for its file to be open holds up those behind it: they may be for the same file
 * through another handle, and which file it is is not known yet. */
static void write_go(struct request *r)
{
	struct session *s = r->session;

	r->queued = true;
	TAILQ_INSERT_TAIL(&s->waiting, r, waiting);
	write_resume(s);
}

void write_start(struct session *s, const struct wire_write *f)
{
	struct store *store = s->server->store;
	struct handle *handle = session_handle(s, f->handle);
	const bool in_arena = f->arena != WIRE_NO_ARENA;
	uint32_t code = check_write(f);
	struct request *r;

	store->counters.writes++;
	if (!code && !handle)
		code = WIRE_E_HANDLE;
	if (!code && handle->reading)
		code = WIRE_E_NOT_WRITABLE;
	if (!code && handle->file && handle->file->inode->fs->low)
		code = WIRE_E_NO_SPACE;
	if (!code && s->server->draining)
		code = WIRE_E_SHUTDOWN;
	if (!code && s->credit_bytes + f->payload_len > s->server->config->limits.credit_bytes)
		code = WIRE_E_CREDIT;
	if (!code && in_arena && (f->arena >= LIMIT_ARENAS || !s->arenas[f->arena]))
		code = WIRE_E_ARENA;
	if (!code && in_arena &&
	    !arena_holds(s->arenas[f->arena], f->payload_offset, f->payload_len))
		code = WIRE_E_ARENA_RANGE;
	if (code) {
		write_refuse(s, f, code);
		return;
	}
	r = request_new(s, handle, f);
	if (!r) {
		write_refuse(s, f, WIRE_E_NO_MEMORY);
		return;
	}
	if (in_arena) {
		write_go(r);
		return;
	}
	r->extent.memory = store_hold(store, s->user, f->payload_len);
	if (!r->extent.memory) {
		s->discard = f->payload_len;
		request_refuse(r, WIRE_E_NO_MEMORY, 0);
		return;
	}
	r->extent.memory_bytes = f->payload_len;
	s->receiving = r;
	s->received = 0;
}

void write_received(struct session *s)
{
	struct request *r = s->receiving;

	s->receiving = NULL;
	write_go(r);
}
