// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compressed extents to extentd, many files in flight. A write is acknowledged when the kernel has
 * taken it; one session-wide sync in the end proves all of them, and everything else, to be safe.
 *
 * Plain data have no use for the daemon's privilege and are written here: a writeback error of
 * theirs is reported by the syncfs() of the end. They wait for the file's extents in flight only
 * where the two could overlap, which no stream of the kernel does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sync.h"
#include "lib/extent.h"
#include "receive/sink.h"

/* Writes queued between two looks at what has arrived. */
#define POLL_EVERY 16
/* No inline extent is larger than a sector, and none of those than 64 KiB. */
#define INLINE_MAX (64u << 10)

struct sink_extent {
	struct sink sink; /* first: the two are one pointer */
	struct extent_session *session;
	unsigned int writes;
	uint64_t lost;
	int error; /* the session's */
};

/* A file as the daemon has it. */
struct slot {
	int handle;
	uint64_t from, to; /* the range that writes in flight lie in */
	bool unproved;
	bool may_be_inline; /* an unproved write that growing the file would rewrite */
};

struct flight {
	struct sink_extent *x;
	struct sink_file *file;
};

static int session_lost(struct sink_extent *x, int r)
{
	if (r < 0 && !x->error) {
		x->error = r;
		snprintf(x->sink.text, sizeof(x->sink.text), "the connection to extentd: %s",
			 extent_error_text(x->session));
	}
	return r < 0 ? r : 0;
}

/* Completions without a callback: what was acknowledged and then not found on disk. */
static void collect_lost(struct sink_extent *x)
{
	struct extent_completion c;

	while (extent_next_completion(x->session, &c) == 1) {
		if (c.kind != EXTENT_OP_LOST)
			continue;
		x->lost++;
		x->sink.report(x->sink.userdata, extent_completion_text(x->session, &c));
	}
}

static int process(struct sink_extent *x, bool wait)
{
	int r = x->error;

	if (!r)
		r = session_lost(x,
				 wait ? extent_wait(x->session, -1) : extent_process(x->session));
	collect_lost(x);
	return r;
}

static void write_done(struct extent_session *s, const struct extent_completion *c)
{
	struct flight *flight = c->userdata;
	struct sink_extent *x = flight->x;
	struct sink_file *f = flight->file;
	struct sink_stats *stats = &x->sink.stats;

	free(flight);
	if (c->result < 0) {
		if (!f->error)
			f->error = c->result;
		x->sink.report(x->sink.userdata, extent_completion_text(s, c));
	} else {
		stats->encoded += c->form == EXTENT_ENCODED;
		stats->decoded += c->form == EXTENT_DECODED;
		stats->plain += c->form == EXTENT_PLAIN;
		stats->file_bytes += c->len;
	}
	if (--f->inflight == 0) {
		struct slot *slot = f->sink;

		if (slot)
			slot->from = slot->to = 0;
		f->settled(f);
	}
}

/* The writes to a file whose opening failed fail too, but only this one says why. */
static void open_done(struct extent_session *s, const struct extent_completion *c)
{
	struct sink_extent *x = c->userdata;

	if (c->result < 0)
		x->sink.report(x->sink.userdata, extent_completion_text(s, c));
}

static void close_done(struct extent_session *s, const struct extent_completion *c)
{
}

static int slot_open(struct sink_extent *x, struct sink_file *f)
{
	_cleanup_(freep) struct slot *slot = calloc(1, sizeof(*slot));
	int64_t id;
	int r;

	if (!slot)
		return -ENOMEM;
	while ((id = extent_open_fd(x->session, f->fd, f->path, EXTENT_NODATACOW, open_done, x,
				    &slot->handle)) == -EAGAIN ||
	       id == -EMFILE) {
		r = process(x, true);
		if (r)
			return r;
	}
	if (id < 0)
		return session_lost(x, id);
	f->sink = steal_ptr(&slot);
	return 0;
}

static int queue(struct sink_extent *x, struct sink_file *f, const struct sink_write *w)
{
	_cleanup_(freep) struct flight *flight = calloc(1, sizeof(*flight));
	struct extent_write e = {
		.offset = w->offset,
		.len = w->len,
		.unencoded_len = w->unencoded_len,
		.unencoded_offset = w->unencoded_offset,
		.payload_len = w->payload_len,
		.compression = w->compression,
		.encryption = w->encryption,
		.ack = EXTENT_WRITTEN,
		.flags = EXTENT_BUFFER,
	};
	struct extent_limits limits;
	struct slot *slot;
	void *buffer;
	int64_t id;
	int r;

	extent_get_limits(x->session, &limits);
	if (!w->payload_len || w->payload_len > limits.max_payload) {
		snprintf(x->sink.text, sizeof(x->sink.text),
			 "the payload's size is not an extent's");
		return -EBADMSG;
	}
	if (!flight)
		return -ENOMEM;
	*flight = (struct flight){ x, f };
	r = f->sink ? 0 : slot_open(x, f);
	if (r)
		return r;
	slot = f->sink;
	e.file = slot->handle;
	while (!(buffer = extent_buffer_get(x->session, w->payload_len))) {
		r = process(x, true);
		if (r)
			return r;
	}
	memcpy(buffer, w->payload, w->payload_len);
	e.payload = buffer;
	while ((id = extent_write(x->session, &e, write_done, flight)) == -EAGAIN) {
		r = process(x, true);
		if (r)
			break;
	}
	if (id < 0) {
		extent_buffer_put(x->session, buffer);
		return r ?: session_lost(x, id);
	}
	steal_ptr(&flight);
	slot->unproved = true;
	slot->may_be_inline |= w->offset == 0 && w->len < INLINE_MAX;
	if (!f->inflight++) {
		slot->from = w->offset;
		slot->to = w->offset + w->len;
	} else {
		if (w->offset < slot->from)
			slot->from = w->offset;
		if (w->offset + w->len > slot->to)
			slot->to = w->offset + w->len;
	}
	return ++x->writes % POLL_EVERY ? 0 : process(x, false);
}

static int extent_sink_settle(struct sink *s, struct sink_file *f)
{
	struct sink_extent *x = (struct sink_extent *)s;
	int r = 0;

	if (f) {
		while (f->inflight && !r)
			r = process(x, true);
		return f->error ?: r;
	}
	while (extent_pending(x->session) && !r)
		r = process(x, true);
	return r;
}

static int extent_sink_prove(struct sink *s, struct sink_file *f)
{
	struct sink_extent *x = (struct sink_extent *)s;
	struct slot *slot = f->sink;
	int r = extent_sink_settle(s, f);

	if (r || !slot || !slot->unproved)
		return r;
	r = extent_sync_wait(x->session, slot->handle);
	collect_lost(x);
	slot->unproved = slot->may_be_inline = false;
	return r;
}

static int extent_sink_write(struct sink *s, struct sink_file *f, const struct sink_write *w)
{
	struct sink_extent *x = (struct sink_extent *)s;
	const struct slot *slot = f->sink;
	int r = f->error;

	if (r)
		return r;
	s->text[0] = 0;
	s->stats.payload_bytes += w->payload_len;
	if (w->compression)
		return queue(x, f, w);
	if (slot && slot->may_be_inline)
		r = extent_sink_prove(s, f);
	else if (f->inflight && w->offset < slot->to && w->offset + w->len > slot->from)
		r = extent_sink_settle(s, f);
	if (!r)
		r = sink_write_plain(f->fd, w->payload, w->len, w->offset);
	if (!r) {
		s->stats.plain++;
		s->stats.file_bytes += w->len;
	}
	return r;
}

static void extent_sink_close(struct sink *s, struct sink_file *f)
{
	struct sink_extent *x = (struct sink_extent *)s;
	struct slot *slot = f->sink;

	while (!x->error && extent_close(x->session, slot->handle, close_done, NULL) == -EAGAIN)
		process(x, true);
	f->sink = NULL;
	free(slot);
}

static int extent_sink_sync(struct sink *s, int fd)
{
	struct sink_extent *x = (struct sink_extent *)s;
	int r = extent_sink_settle(s, NULL), synced;

	if (r)
		return r;
	/* Plain data, and the metadata, also on a filesystem that the session never wrote to. */
	synced = filesystem_sync(fd);
	r = extent_sync_wait(x->session, -1);
	collect_lost(x);
	if (!r && x->lost)
		r = -EIO;
	if (r && !s->text[0])
		snprintf(s->text, sizeof(s->text), "%s", extent_error_text(x->session));
	return r ?: synced;
}

static void extent_sink_free(struct sink *s)
{
	free(s);
}

int sink_extent_new(struct extent_session *session, struct sink **out)
{
	struct sink_extent *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->session = session;
	x->sink = (struct sink){
		.write = extent_sink_write,
		.settle = extent_sink_settle,
		.prove = extent_sink_prove,
		.close = extent_sink_close,
		.sync = extent_sink_sync,
		.free = extent_sink_free,
	};
	*out = &x->sink;
	return 0;
}
