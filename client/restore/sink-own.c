// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What our own thread has done for a session's job: told as the daemon's completions are, and
 * handed to the daemon where it could not be done.
 */
#include <errno.h>
#include <stdio.h>

#include "payload/payload.h"
#include "restore/job.h"
#include "restore/lane.h"
#include "restore/sink-extent.h"

bool sink_own_plain(struct sink *s, struct restore_file *file, const struct extent_write *w)
{
	return small_plain(&extent_of(s)->small, file, w);
}

bool sink_own_end(struct sink *s, struct restore_file *file)
{
	return small_end_file(&extent_of(s)->small, file);
}

/* An extent that our own thread could not write is the daemon's, which knows how to decode. */
static void write_ended(struct sink_extent *x, struct lane_work *l)
{
	struct restore_file *file = l->file;
	bool plain = l->w.compression == EXTENT_NONE, handed = false;
	struct write_result done = {
		.offset = l->w.offset,
		.len = l->w.len,
		.id = -1,
		.pending = true,
		.result = l->result,
		.form = plain ? EXTENT_PLAIN : EXTENT_ENCODED,
		.cause = "the kernel refused the write",
	};

	x->sink.text[0] = 0;
	file->refs++; /* it may end while we wait */
	file->in_lane--;
	if (l->result && l->result != PAYLOAD_BAD && !plain) {
		done.result = sink_extent_queue(x, file, &l->w);
		done.cause = x->sink.text[0] ? x->sink.text : "the extent was not taken";
		handed = !done.result;
	} else {
		sink_extent_unbuffer(x, &l->w);
	}
	if (file->finished && file->handle >= 0)
		sink_extent_close(&x->sink, file);
	if (!l->result && !plain) {
		done.result = small_written(l);
		done.cause = "there is no memory for it";
	}
	if (l->result == PAYLOAD_BAD) {
		snprintf(x->sink.text, sizeof(x->sink.text), "%s (payload byte %llu)",
			 payload_fault_text(l->fault.code), (unsigned long long)l->fault.position);
		done.result = -EBADMSG;
		done.cause = x->sink.text;
	}
	if (handed)
		file->pending--; /* counted again as the daemon's */
	else
		write_done(file, &done);
	file_put(file);
}

int sink_own_turn(struct sink_extent *x, bool wait)
{
	struct lane_work *l;
	int n = 0;

	while ((l = small_take(&x->small, wait && !n))) {
		if (l->kind == LANE_END)
			file_ended(l->file, l->result);
		else
			write_ended(x, l);
		lane_drop(x->small.lane, l);
		n++;
	}
	return n;
}

int sink_own_quiesce(struct sink *s)
{
	int n = 0, more;

	while ((more = sink_own_turn(extent_of(s), true)))
		n += more;
	return n;
}
