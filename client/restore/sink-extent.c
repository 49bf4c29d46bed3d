// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extents to extentd, many files in flight. A write is acknowledged when the kernel has taken it;
 * one session-wide SYNC in the end proves all of them, and everything else, to be safe.
 *
 * Small extents of new files we write ourselves where we may, see small.c. extentd learns of a file
 * with its first other extent and not before. OPEN, WRITE and CLOSE are sent
 * without waiting for each other's answers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "payload/payload.h"
#include "restore/job.h"
#include "restore/lane.h"
#include "restore/sink-extent.h"

/* Writes queued between two looks at what has arrived. */
#define POLL_EVERY 16

static int wait_for(struct restore *r)
{
	int err = restore_wait(r, -1);

	return err < 0 ? err : 0;
}

static void opened(struct extent_session *s, const struct extent_completion *c)
{
	struct restore_file *file = c->userdata;

	if (!c->result || file->r->broken)
		return;
	file->open_failed = true;
	job_failed(file->r, RESTORE_OPEN, file->dir, file->name, 0, 0, -c->result,
		   extent_code_text(c->code));
}

static void written(struct extent_session *s, const struct extent_completion *c)
{
	struct write_result w = {
		.offset = c->offset,
		.len = c->len,
		.id = c->id,
		.pending = true,
		.result = c->result,
		.form = c->form,
		.cause = c->result ? extent_code_text(c->code) : NULL,
	};
	char text[192];

	if (c->code >= PAYLOAD_FAULT_FIRST && c->code <= PAYLOAD_FAULT_LAST) {
		snprintf(text, sizeof(text), "%s (payload byte %llu)", w.cause,
			 (unsigned long long)c->detail);
		w.cause = text;
	}
	write_done(c->userdata, &w);
}

static int handle_open(struct sink_extent *x, struct restore_file *file)
{
	struct restore *r = file->r;
	char path[4096];
	int64_t id;
	int err;

	file_claim(file);
	if (file->handle >= 0)
		return 0;
	err = inode_list(file);
	if (err < 0)
		return err;
	restore_path(file->dir, file->name, path, sizeof(path));
	while ((id = extent_open_fd(x->session, file->fd, path,
				    x->sink.nodatacow ? EXTENT_NODATACOW : 0, opened, file,
				    &file->handle)) == -EAGAIN ||
	       (id == -EMFILE && extent_pending(x->session))) {
		err = wait_for(r);
		if (err < 0)
			break;
	}
	if (id < 0) {
		file->handle = -1;
		return err < 0 ? err : (int)id;
	}
	file->first_id = id;
	file->last_id = INT64_MAX; /* until CLOSE */
	return 0;
}

/* What the daemon would refuse, and what no buffer could hold. */
static int lengths_check(struct sink_extent *x, const struct extent_write *w)
{
	if (w->payload_len && w->payload_len <= x->limits.max_payload)
		return 0;
	snprintf(x->sink.text, sizeof(x->sink.text), "the payload's size is not an extent's");
	return -EBADMSG;
}

void sink_extent_unbuffer(struct sink_extent *x, const struct extent_write *w)
{
	if (w->flags & EXTENT_BUFFER)
		extent_buffer_put(x->session, (void *)(uintptr_t)w->payload);
}

/* The payload in memory that the daemon shares. */
static int buffer_fill(struct sink_extent *x, struct restore *r, struct extent_write *w)
{
	void *buffer;

	if (w->flags & EXTENT_BUFFER)
		return 0;
	while (!(buffer = extent_buffer_get(x->session, w->payload_len))) {
		int err = x->sink.busy(&x->sink) ? wait_for(r) : -ENOMEM;

		if (err < 0)
			return err;
	}
	memcpy(buffer, w->payload, w->payload_len);
	w->payload = buffer;
	w->flags |= EXTENT_BUFFER;
	return 0;
}

int sink_extent_queue(struct sink_extent *x, struct restore_file *file, struct extent_write *w)
{
	struct restore *r = file->r;
	int64_t id = 0;
	int err = lengths_check(x, w);

	if (!err)
		err = handle_open(x, file);
	if (!err)
		err = buffer_fill(x, r, w);
	w->file = file->handle;
	w->ack = EXTENT_WRITTEN;
	while (!err && (id = extent_write(x->session, w, written, file)) == -EAGAIN)
		err = extent_pending(x->session) ? wait_for(r) : -EAGAIN;
	if (!err && id < 0) {
		err = (int)id;
		snprintf(x->sink.text, sizeof(x->sink.text), "%s", extent_error_text(x->session));
	}
	if (err < 0) {
		sink_extent_unbuffer(x, w);
		return r->broken ? r->broken : err;
	}
	write_taken(file, w, true);
	err = ++x->writes % POLL_EVERY ? 0 : restore_poll(r);
	return err < 0 ? err : 0;
}

static int extent_sink_write(struct sink *s, struct restore_file *file, struct extent_write *w)
{
	struct sink_extent *x = extent_of(s);
	struct extent_write piece = *w;
	int err = small_write(&x->small, file, w);

	if (err < 0)
		sink_extent_unbuffer(x, w);
	if (err <= 0)
		return err;
	err = 0;
	if (w->compression || w->payload_len <= x->limits.max_payload)
		return sink_extent_queue(x, file, w);
	for (uint64_t done = 0; !err && done < w->len; done += piece.len) {
		piece = *w;
		piece.offset += done;
		piece.payload = (const char *)w->payload + done;
		piece.len = w->len - done;
		if (piece.len > x->limits.max_payload)
			piece.len = x->limits.max_payload;
		piece.payload_len = (uint32_t)piece.len;
		piece.unencoded_len = piece.len;
		err = sink_extent_queue(x, file, &piece);
	}
	return err;
}

void sink_extent_close(struct sink *s, struct restore_file *file)
{
	struct sink_extent *x = extent_of(s);
	int64_t id;

	if (file->in_lane) /* sink-own.c may need it, and closes it */
		return;
	id = extent_close(x->session, file->handle, NULL, NULL);
	while (id == -EAGAIN && wait_for(file->r) >= 0)
		id = extent_close(x->session, file->handle, NULL, NULL);
	if (id > 0)
		file->last_id = id;
}

struct answer {
	bool arrived;
	int result;
};

static void answered(struct extent_session *s, const struct extent_completion *c)
{
	struct answer *a = c->userdata;

	*a = (struct answer){ true, c->result };
}

static int extent_sink_prove(struct sink *s, struct restore_file *file)
{
	struct sink_extent *x = extent_of(s);
	struct restore *r = file->r;
	struct answer a = { false, 0 };
	int64_t id;
	int err = handle_open(x, file);

	while (!err && (id = extent_sync(x->session, file->handle, answered, &a)) == -EAGAIN)
		err = wait_for(r);
	if (!err && id < 0)
		err = (int)id;
	/* The answer comes in any case, also when the session ends: only then may a go. */
	while (!err && !a.arrived)
		err = wait_for(r);
	return err ? err : a.result;
}

static void synced(struct extent_session *s, const struct extent_completion *c)
{
	settle_answered(c->userdata, c->result, c->code);
}

static int extent_sink_sync(struct sink *s, struct restore *r)
{
	int64_t id = extent_sync(extent_of(s)->session, -1, synced, r);

	return id < 0 ? (int)id : 0;
}

static int extent_sink_turn(struct sink *s, struct restore *r, int timeout_ms)
{
	struct sink_extent *x = extent_of(s);
	struct extent_completion c;
	int own = sink_own_turn(x, timeout_ms != 0), n;

	/* Ours ends by itself, whatever the daemon does: with some of it under way, it is that
	 * which is waited for. */
	n = timeout_ms && !own ? extent_wait(x->session, timeout_ms) : extent_process(x->session);

	/* Only notices of lost writes, and CLOSE, have no callback here. */
	while (extent_next_completion(x->session, &c) == 1)
		if (c.kind == EXTENT_OP_LOST)
			settle_lost(r, &c);
	if (n < 0)
		snprintf(s->text, sizeof(s->text), "the connection to extentd: %s",
			 extent_error_text(x->session));
	return n < 0 ? n : n + own;
}

static bool extent_sink_busy(const struct sink *s)
{
	const struct sink_extent *x = (const struct sink_extent *)s;

	return lane_busy(x->small.lane) || extent_pending(x->session);
}

static void extent_sink_drop(struct sink *s, void *buffer)
{
	extent_buffer_put(extent_of(s)->session, buffer);
}

static void extent_sink_free(struct sink *s)
{
	small_end(&extent_of(s)->small);
	free(s);
}

int sink_extent_new(struct extent_session *session, struct sink **out)
{
	_cleanup_(freep) struct sink_extent *x = calloc(1, sizeof(*x));
	int err;

	if (!x)
		return -ENOMEM;
	x->session = session;
	extent_get_limits(session, &x->limits);
	err = small_begin(&x->small, x->limits.validation);
	if (err < 0)
		return err;
	x->sink = (struct sink){
		.write = extent_sink_write,
		.prove = extent_sink_prove,
		.close = sink_extent_close,
		.plain = sink_own_plain,
		.end = sink_own_end,
		.sync = extent_sink_sync,
		.turn = extent_sink_turn,
		.busy = extent_sink_busy,
		.quiesce = sink_own_quiesce,
		.drop = extent_sink_drop,
		.free = extent_sink_free,
		.files = x->limits.max_files,
		.nodatacow = true,
	};
	*out = &steal_ptr(&x)->sink;
	return 0;
}
