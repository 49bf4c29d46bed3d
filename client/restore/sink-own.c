// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What our own thread has done for a session's job: told as the daemon's completions are, and
 * handed to the daemon where it could not be done.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "payload/payload.h"
#include "restore/job.h"
#include "restore/lane.h"
#include "restore/sink-extent.h"

bool sink_own_end(struct sink *s, struct restore_file *file)
{
	return small_end_file(&extent_of(s)->small, file);
}

/* What our own thread could not do is the daemon's, which knows how to decode. */
static void write_ended(struct sink_extent *x, struct lane_work *l)
{
	struct restore_file *file = l->file;
	struct write_result failed = {
		.offset = l->w.offset,
		.len = l->w.len,
		.id = -1,
		.pending = true,
		.result = -EBADMSG,
		.cause = x->sink.text,
	};

	x->sink.text[0] = 0;
	file->refs++; /* it may end while we wait */
	file->in_lane--;
	if (l->result && l->result != PAYLOAD_BAD) {
		failed.result = sink_extent_queue(x, file, &l->w);
		if (!failed.result)
			file->pending--; /* counted again as the daemon's */
	} else {
		sink_extent_unbuffer(x, &l->w);
	}
	if (file->finished && file->handle >= 0)
		sink_extent_close(&x->sink, file);
	if (!l->result)
		small_written(l);
	if (l->result == PAYLOAD_BAD)
		snprintf(x->sink.text, sizeof(x->sink.text), "%s (payload byte %llu)",
			 payload_fault_text(l->fault.code), (unsigned long long)l->fault.position);
	if (!x->sink.text[0])
		failed.cause = "the extent was not taken";
	if (l->result && failed.result < 0)
		write_done(file, &failed);
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
		free(l);
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
