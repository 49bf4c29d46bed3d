// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "barrier.h"
#include "handle.h"
#include "reply.h"
#include "server.h"
#include "store/file.h"
#include "store/user.h"
#include "wire/codes.h"

static void barrier_free(struct barrier *b)
{
	handle_unref(b->handle);
	b->user->requests--;
	b->server->n_syncs--;
	user_unref(b->user);
	free(b);
}

static void barrier_finish(struct barrier *b)
{
	struct session *s = b->session;

	if (s) {
		uint64_t *lost = b->handle ? &b->handle->lost : &s->lost;
		struct wire_ack ack = { .id = b->id,
					.code = b->code,
					.kernel_errno = b->kernel_errno };

		if (!ack.code && *lost)
			ack.code = WIRE_E_UNSETTLED;
		ack.level = ack.code ? 0 : WIRE_DURABLE;
		ack.detail = *lost;
		*lost = 0;
		TAILQ_REMOVE(&s->barriers, b, entry);
		reply_ack(s, &ack);
	}
	barrier_free(b);
}

static void part_done(struct sync *sync)
{
	struct barrier *b = ((struct barrier_part *)sync)->barrier;

	if (sync->code && !b->code) {
		b->code = sync->code;
		b->kernel_errno = sync->kernel_errno;
	}
	if (!--b->parts_left)
		barrier_finish(b);
}

static void barrier_start(struct barrier *b)
{
	struct session *s = b->session;

	if (b->handle) {
		if (!b->handle->file) {
			b->code = WIRE_E_HANDLE;
		} else {
			b->parts[0].sync.file = b->handle->file;
			b->n_parts = 1;
		}
	} else {
		for (; b->n_parts < b->room && s->filesystems[b->n_parts]; b->n_parts++)
			b->parts[b->n_parts].sync.fs = s->filesystems[b->n_parts];
	}
	if (!b->n_parts) {
		barrier_finish(b);
		return;
	}
	b->parts_left = b->n_parts;
	for (unsigned int i = 0; i < b->n_parts; i++) {
		b->parts[i].barrier = b;
		b->parts[i].sync.notify = part_done;
		sync_start(&b->parts[i].sync);
	}
}

/* The filesystems that a session's barrier may have to cover when it starts: an OPEN that is under
 * way may add one. Those that a later OPEN adds come behind them, and are not its. */
static unsigned int parts_needed(const struct session *s)
{
	unsigned int n = 0;

	while (n < LIMIT_SESSION_FILESYSTEMS && s->filesystems[n])
		n++;
	return TAILQ_EMPTY(&s->openings) ? n : LIMIT_SESSION_FILESYSTEMS;
}

void barrier_new(struct session *s, uint64_t id, struct handle *handle)
{
	unsigned int room = handle ? 1 : parts_needed(s);
	struct barrier *b = calloc(1, sizeof(*b) + room * sizeof(b->parts[0]));

	if (!b) {
		reply_code(s, id, WIRE_E_NO_MEMORY, 0);
		return;
	}
	b->session = s;
	b->user = user_ref(s->user);
	b->user->requests++;
	b->server = s->server;
	b->server->n_syncs++;
	b->handle = handle ? handle_ref(handle) : NULL;
	b->id = id;
	b->room = room;
	b->seq = s->seq;
	b->before = handle ? handle->unwritten : s->unwritten;
	TAILQ_INSERT_TAIL(&s->barriers, b, entry);
	if (!b->before)
		barrier_start(b);
}

void barrier_passed(struct session *s, const struct handle *handle, uint64_t seq)
{
	struct barrier *b, *next;

	for (b = TAILQ_FIRST(&s->barriers); b; b = next) {
		next = TAILQ_NEXT(b, entry);
		if (b->before && b->seq >= seq && (!b->handle || b->handle == handle) &&
		    !--b->before)
			barrier_start(b);
	}
}

void barriers_orphan(struct session *s)
{
	struct barrier *b;

	while ((b = TAILQ_FIRST(&s->barriers))) {
		TAILQ_REMOVE(&s->barriers, b, entry);
		b->session = NULL;
		if (b->parts_left)
			continue; /* part_done() frees it */
		barrier_free(b);
	}
}
