// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the commands stand in their stream: skipped, up to a checkpoint, and on to the next. */
#include <errno.h>

#include "receive/incoming.h"
#include "receive/journal.h"

/* Seconds between checkpoints, and how many times its own duration one is apart from the next: at
 * most 5 % of the time goes into them. */
#define CHECKPOINT_SECONDS 30.0
#define CHECKPOINT_SHARE   20.0

int incoming_checkpoint(struct incoming *t)
{
	double began = incoming_seconds();
	const char *what;
	int r = planner_flush(t->planner);

	if (r || t->errors)
		return r;
	r = incoming_make_durable(t, &what);
	if (!r) {
		what = "making a checkpoint";
		r = partial_checkpoint(t->partial, t->offset, t->digest);
	}
	incoming_executor_end(t);
	if (!r)
		r = incoming_executor_begin(t);
	if (r) {
		t->skip = UINT64_MAX;
		return incoming_failed_at(t, t->start + t->offset, what,
					  (struct stream_string){ 0 }, r, t->o->sink->text);
	}
	t->stats->checkpoints++;
	t->checkpoint_offset = t->offset;
	t->checkpoint_time = incoming_seconds();
	t->checkpoint_cost = t->checkpoint_time - began;
	return 0;
}

int incoming_skip(struct incoming *t, const struct stream_command *c)
{
	uint64_t offset = c->position + c->length - t->start;

	if (!t->skip)
		return 0;
	t->digest = journal_digest(t->digest, c);
	t->stats->skipped_bytes += c->length;
	if (t->skip == UINT64_MAX) {
		if (c->op == STREAM_C_END)
			t->skip = 0;
		return 1;
	}
	if (offset < t->skip && c->op != STREAM_C_END)
		return 1;
	if (offset == t->skip && t->digest == t->skip_digest) {
		t->offset = offset;
		t->skip = 0;
		return 1;
	}
	t->skip = UINT64_MAX;
	t->stale = true;
	return incoming_failed_at(
		t, c->position, stream_op_name(c->op), (struct stream_string){ 0 }, -ESTALE,
		"this is not the stream that the part was received from; give that "
		"one again, or remove the part with --abort");
}

int incoming_passed(struct incoming *t, const struct stream_command *c)
{
	double wait = CHECKPOINT_SECONDS;

	if (c->op == STREAM_C_SUBVOL || c->op == STREAM_C_SNAPSHOT) {
		if (t->gone_on)
			return 0;
		/* Where a part is resumed, its first command is the first that is skipped. */
		t->digest = journal_digest(0, c);
		t->offset = c->length;
		return 0;
	}
	t->digest = journal_digest(t->digest, c);
	t->offset = c->position + c->length - t->start;
	if (!t->executor || t->errors || t->o->no_checkpoint)
		return 0;
	if (t->o->checkpoint && t->offset - t->checkpoint_offset >= t->o->checkpoint)
		return incoming_checkpoint(t);
	if (t->stats->commands % 64)
		return 0;
	if (wait < CHECKPOINT_SHARE * t->checkpoint_cost)
		wait = CHECKPOINT_SHARE * t->checkpoint_cost;
	return incoming_seconds() - t->checkpoint_time >= wait ? incoming_checkpoint(t) : 0;
}
