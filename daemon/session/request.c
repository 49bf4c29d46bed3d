// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * A request is freed when the store is through with it and not before, whether or not its
 * session still exists: the kernel may be reading its payload, and its range keeps later writes
 * to the file in order. It holds its handle, which holds the file.
 */

#include <stdlib.h>

#include "barrier.h"
#include "handle.h"
#include "journal/journal.h"
#include "reply.h"
#include "request.h"
#include "server.h"
#include "store/arena.h"
#include "store/commit.h"
#include "store/file.h"
#include "store/inode.h"
#include "store/store.h"
#include "store/user.h"
#include "wire/codes.h"

#define request_of(e) ((struct request *)((char *)(e)-offsetof(struct request, extent)))

static void request_acknowledge(struct request *r, enum wire_ack_level level, uint32_t code)
{
	struct session *s = r->session;
	struct wire_ack ack = {
		.id = r->id,
		.code = code,
		.level = level,
		.form = r->extent.form,
		.kernel_errno = code ? r->extent.kernel_errno : 0,
		.detail = code ? r->extent.detail : 0,
	};

	r->acked = true;
	if (!s)
		return;
	/* Accepted, and not decompressed yet. */
	if (ack.form == WIRE_FORM_ENCODED && !r->extent.file->encoded)
		ack.form = WIRE_FORM_DECODED;
	/* To the end, where request_find() does not look. */
	TAILQ_REMOVE(&s->requests, r, entry);
	TAILQ_INSERT_TAIL(&s->requests, r, entry);
	s->credit_bytes -= r->extent.payload_len;
	reply_ack(s, &ack);
}

/* The kernel has it, or never will: a SYNC behind it need not wait any longer. */
static void request_passed(struct request *r)
{
	if (r->written)
		return;
	r->written = true;
	r->handle->unwritten--;
	if (r->session) {
		r->session->unwritten--;
		barrier_passed(r->session, r->handle, r->seq);
	}
}

/* It keeps nothing any more, and nothing waits for it. */
static void request_release(struct request *r)
{
	struct server *server = r->server;

	if (r->session) {
		TAILQ_REMOVE(&r->session->requests, r, entry);
		r->session->n_requests--;
	}
	handle_unref(r->handle);
	r->handle = NULL;
	r->user->requests--;
	user_unref(r->user);
	server->n_requests--;
	server_check_end(server);
}

/* Of one that was seen only its session has still to hear, should it be lost. */
static void request_free(struct request *r)
{
	if (r->handle)
		request_release(r);
	else
		TAILQ_REMOVE(&r->session->seen, r, entry);
	free(r);
}

static void request_seen(struct request *r)
{
	request_release(r);
	TAILQ_INSERT_TAIL(&r->session->seen, r, entry);
}

void requests_forget(struct session *s)
{
	struct request *r;

	while ((r = TAILQ_FIRST(&s->seen))) {
		extent_forget(&r->extent);
		request_free(r);
	}
}

/* The file that it was for, if it is open by the same number. */
static const struct file *file_of(const struct request *r)
{
	const struct handle *h = r->handle ? r->handle : session_handle(r->session, r->number);

	return h && h->file && (r->handle || h->file->inode == r->extent.inode) ? h->file : NULL;
}

/* Acknowledged, and then lost. */
static void request_lost(struct request *r)
{
	const struct extent *e = &r->extent;
	const struct file *file = file_of(r);
	union wire_frame frame = { .lost = {
					   .target = r->id,
					   .offset = e->offset,
					   .len = e->len,
					   .handle = r->number,
					   .code = e->code,
					   .kernel_errno = e->kernel_errno,
				   } };

	journal_lost(file ? file->user->uid : r->session->user->uid, file ? file->fd : -1,
		     file ? file->inode->number : e->inode->number, e->offset, e->len,
		     wire_code_errno(e->code, e->kernel_errno));
	if (!r->session)
		return;
	r->session->lost++;
	if (r->handle)
		r->handle->lost++;
	reply_frame(r->session, WIRE_TYPE_LOST_, &frame, NULL, 0);
}

static void count_written(struct request *r)
{
	struct wire_counters *c = &r->server->store->counters;
	const struct extent *e = &r->extent;

	c->writes_encoded += e->form == WIRE_FORM_ENCODED;
	c->writes_decoded += e->form == WIRE_FORM_DECODED;
	c->writes_plain += e->form == WIRE_FORM_PLAIN;
	c->payload_bytes += e->payload_len;
	c->unencoded_bytes += e->len;
}

static void request_notify(struct extent *e, enum extent_event event)
{
	struct request *r = request_of(e);

	switch (event) {
	case EXTENT_TAKEN:
		if (r->ack == WIRE_ACCEPTED)
			request_acknowledge(r, WIRE_ACCEPTED, 0);
		break;
	case EXTENT_WRITTEN:
		count_written(r);
		if (r->ack == WIRE_WRITTEN)
			request_acknowledge(r, WIRE_WRITTEN, 0);
		request_passed(r);
		break;
	case EXTENT_SEEN:
		request_seen(r);
		break;
	case EXTENT_SAFE:
		if (!r->acked)
			request_acknowledge(r, WIRE_DURABLE, 0);
		request_free(r);
		break;
	case EXTENT_FAILED:
		if (!r->written)
			r->server->store->counters.writes_failed++;
		if (!r->acked)
			request_acknowledge(r, 0, e->code);
		else
			request_lost(r);
		request_passed(r);
		request_free(r);
		break;
	}
}

struct request *request_new(struct session *s, struct handle *handle, const struct wire_write *f)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct request){
		.server = s->server,
		.session = s,
		.user = user_ref(s->user),
		.handle = handle_ref(handle),
		.id = f->h.id,
		.number = handle->number,
		.seq = ++s->seq,
		.ack = f->ack,
		.extent =
			{
				.offset = f->offset,
				.len = f->len,
				.unencoded_len = f->unencoded_len,
				.unencoded_offset = f->unencoded_offset,
				.payload_len = f->payload_len,
				.compression = f->compression,
				.level = s->level,
				.early = f->ack == WIRE_ACCEPTED,
				.prompt = f->ack == WIRE_DURABLE,
				.notify = request_notify,
			},
	};
	if (f->arena != WIRE_NO_ARENA) {
		r->extent.arena = arena_ref(s->arenas[f->arena]);
		r->extent.arena_offset = f->payload_offset;
	}
	TAILQ_INSERT_HEAD(&s->requests, r, entry);
	s->n_requests++;
	s->user->requests++;
	s->credit_bytes += f->payload_len;
	s->unwritten++;
	handle->unwritten++;
	s->server->n_requests++;
	return r;
}

void request_start(struct request *r)
{
	r->started = true;
	r->queued = false;
	r->extent.file = r->handle->file;
	extent_start(&r->extent);
}

/* Its payload is not the store's to release yet. */
static void request_drop_payload(struct request *r)
{
	arena_unref(r->extent.arena);
	if (r->extent.memory)
		store_release(r->server->store, r->user, r->extent.memory, r->extent.memory_bytes);
	r->extent.memory = NULL;
}

void request_refuse(struct request *r, uint32_t code, int kernel_errno)
{
	if (r->queued)
		TAILQ_REMOVE(&r->session->waiting, r, waiting);
	request_drop_payload(r);
	r->server->store->counters.writes_refused++;
	r->extent.kernel_errno = kernel_errno;
	request_acknowledge(r, 0, code);
	request_passed(r);
	request_free(r);
}

void request_orphan(struct request *r)
{
	struct session *s = r->session;

	TAILQ_REMOVE(&s->requests, r, entry);
	r->session = NULL;
	r->extent.orphan = true;
	if (!r->started) {
		if (r->queued)
			TAILQ_REMOVE(&s->waiting, r, waiting);
		request_drop_payload(r);
		r->handle->unwritten--;
		request_free(r);
		return;
	}
	/* What nobody was promised need not be: a dead client's queue ends with it. */
	if (!r->acked && extent_cancel(&r->extent))
		return;
	commit_hurry(&r->extent); /* nobody will ask, and the file stays open until it is settled */
}

struct request *request_find(struct session *s, uint64_t id)
{
	struct request *r;

	TAILQ_FOREACH(r, &s->requests, entry)
		if (r->acked || r->id == id)
			break;
	return r && !r->acked ? r : NULL;
}
