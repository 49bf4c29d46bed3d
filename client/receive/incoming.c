// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/journal.h"
#include "receive/incoming.h"

/* Seconds between checkpoints, and how many times its own duration one is apart from the next: at
 * most 5 % of the time goes into them. */
#define CHECKPOINT_SECONDS 30.0
#define CHECKPOINT_SHARE   20.0

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void incoming_tell(struct incoming *t, int level, const char *format, ...)
{
	char text[STREAM_PATH_MAX + 1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	t->o->message(t->o->userdata, level, text);
}

int incoming_failed(struct incoming *t, int r)
{
	t->stats->errors++;
	t->errors++;
	t->first = t->first ?: r;
	return r;
}

int incoming_failed_at(struct incoming *t, uint64_t position, const char *what,
		       struct stream_string path, int r, const char *more)
{
	incoming_tell(t, LOG_ERR, "stream offset %" PRIu64 ", %s %s%s%.*s: %s%s%s", position, what,
		      t->name, path.size ? "/" : "", (int)path.size, path.data ?: "", strerror(-r),
		      *more ? ": " : "", more);
	return incoming_failed(t, r);
}

static void warn(void *userdata, const struct action *a, const char *what, int error)
{
	struct incoming *t = userdata;

	/* The first of each run is told in full, the count in the end. */
	if (t->stats->warnings++ < 10)
		incoming_tell(t, LOG_WARNING,
			      "stream offset %" PRIu64 ", %s of %s/%.*s not set: %s", a->position,
			      what, t->name, (int)a->path.size, a->path.data ?: "",
			      strerror(error));
}

/* What a sink learns after the call that caused it. */
static void sink_report(void *userdata, const char *text)
{
	incoming_tell(userdata, LOG_ERR, "%s", text);
}

void incoming_init(struct incoming *t, const struct receive_options *o, struct receive_stats *stats)
{
	*t = (struct incoming){
		.o = o,
		.stats = stats,
		.reference = { .mount = o->mount,
			       .strict = o->strict,
			       .message = o->message,
			       .userdata = o->userdata,
			       .fd = -1 },
	};
	if (o->sink) {
		o->sink->report = sink_report;
		o->sink->userdata = t;
	}
}

static int clone_root(void *userdata, const uint8_t uuid[16], uint64_t transid)
{
	struct incoming *t = userdata;

	if (!memcmp(uuid, t->uuid, 16))
		return executor_root(t->executor);
	return reference_open(&t->reference, "clone source", uuid, transid);
}

/* On the partial's subvolume, from where it stands. */
static int executor_begin(struct incoming *t)
{
	struct executor_options options = {
		.sink = t->o->sink,
		.clone_root = clone_root,
		.warn = warn,
		.userdata = t,
		.strict = t->o->strict,
		.closed = !t->o->literal,
	};
	int root = fcntl(partial_root(t->partial), F_DUPFD_CLOEXEC, 0);

	return root < 0 ? -errno : executor_new(root, &options, &t->executor);
}

static void executor_end(struct incoming *t)
{
	const struct executor_stats *from;
	struct executor_stats *to = &t->stats->target;

	if (!t->executor)
		return;
	from = executor_stats(t->executor);
	to->inodes += from->inodes;
	to->elided += from->elided;
	to->literal += from->literal;
	to->calls_saved += from->calls_saved;
	to->not_set += from->not_set;
	executor_free(t->executor);
	t->executor = NULL;
}

int incoming_begin(struct incoming *t, const struct stream_command *c)
{
	struct partial_options options = {
		.directory = t->o->directory,
		.name = t->name,
		.source = -1,
		.policy = t->o->policy,
		.transid = c->ctransid,
		.begin = journal_digest(0, c),
		.message = t->o->message,
		.userdata = t->o->userdata,
	};
	int r;

	memcpy(t->name, c->path.data, c->path.size);
	t->name[c->path.size] = 0;
	memcpy(t->uuid, c->uuid, 16);
	memcpy(options.uuid, c->uuid, 16);
	t->errors = 0;
	t->stale = false;
	t->start = c->position;
	t->offset = t->digest = t->skip = 0;
	if (t->o->rehearse)
		return rehearse_begin(t, c);
	if (c->op == STREAM_C_SNAPSHOT) {
		options.source =
			reference_open(&t->reference, "parent", c->clone_uuid, c->clone_ctransid);
		if (options.source < 0)
			return options.source;
	}
	r = partial_begin(&options, &t->partial, &t->skip, &t->skip_digest);
	if (r < 0)
		return r;
	if (r == PARTIAL_COMPLETE) {
		t->skip = UINT64_MAX;
		return 0;
	}
	t->stats->subvolumes++;
	t->checkpoint_offset = t->skip;
	t->checkpoint_time = now();
	if (r == PARTIAL_RESUMED)
		incoming_tell(t, LOG_INFO,
			      "At %s %s, which goes on at byte %" PRIu64 " of its stream",
			      stream_op_name(c->op), t->name, t->skip);
	else
		incoming_tell(t, LOG_INFO, "At %s %s", stream_op_name(c->op), t->name);
	return executor_begin(t);
}

int incoming_execute(struct incoming *t, const struct action *a)
{
	const char *what = a->command ? stream_op_name(a->command->op) : "utimes";
	int r;

	if (t->o->rehearse)
		return rehearse_action(t, a);
	if (!t->executor)
		return incoming_failed_at(t, a->position, what, a->path, -EPROTO,
					  "no subvolume was begun");
	t->o->sink->text[0] = 0;
	r = executor_execute(t->executor, a);
	return r ? incoming_failed_at(t, a->position, what, a->path, r, t->o->sink->text) : 0;
}

/* All that was executed, and the root's mode, safe on disk. */
static int make_durable(struct incoming *t, const char **what)
{
	int r = executor_finish(t->executor);

	*what = "finishing";
	if (!r) {
		*what = "syncing";
		r = executor_sync(t->executor);
	}
	return r;
}

static int checkpoint(struct incoming *t)
{
	double began = now();
	const char *what;
	int r = planner_flush(t->planner);

	if (r || t->errors)
		return r;
	r = make_durable(t, &what);
	if (!r) {
		what = "making a checkpoint";
		r = partial_checkpoint(t->partial, t->offset, t->digest);
	}
	executor_end(t);
	if (!r)
		r = executor_begin(t);
	if (r) {
		t->skip = UINT64_MAX;
		return incoming_failed_at(t, t->start + t->offset, what,
					  (struct stream_string){ 0 }, r, t->o->sink->text);
	}
	t->stats->checkpoints++;
	t->checkpoint_offset = t->offset;
	t->checkpoint_time = now();
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
		return checkpoint(t);
	if (t->stats->commands % 64)
		return 0;
	if (wait < CHECKPOINT_SHARE * t->checkpoint_cost)
		wait = CHECKPOINT_SHARE * t->checkpoint_cost;
	return now() - t->checkpoint_time >= wait ? checkpoint(t) : 0;
}

static void forget(struct incoming *t)
{
	executor_end(t);
	partial_free(t->partial);
	t->partial = NULL;
	t->skip = 0;
	reference_close(&t->reference);
}

int incoming_end(struct incoming *t, uint64_t position)
{
	const char *what = "finishing";
	int r;

	if (t->o->rehearse)
		return rehearse_end(t);
	if (!t->partial || t->errors) {
		if (t->partial)
			incoming_break_off(t, position);
		return 0;
	}
	r = partial_leave(t->partial);
	if (!r)
		r = make_durable(t, &what);
	if (!r) {
		what = "sealing";
		r = partial_seal(t->partial);
	}
	if (r) {
		incoming_failed_at(t, position, what, (struct stream_string){ 0 }, r,
				   t->o->sink->text);
		incoming_break_off(t, position);
		return r;
	}
	forget(t);
	return 0;
}

void incoming_break_off(struct incoming *t, uint64_t position)
{
	if (!t->partial)
		return;
	/* The input ended, or somebody said stop, and all until then is good. */
	if (!t->skip && !t->errors && !t->o->no_checkpoint && t->offset > t->checkpoint_offset &&
	    t->offset > STREAM_COMMAND_HEADER)
		checkpoint(t);
	if (t->o->max_errors != 1 && t->executor)
		planner_flush(t->planner); /* what there is, is wanted */
	executor_end(t);
	if (t->stale && t->o->policy & PARTIAL_REPLACE)
		partial_discard(t->partial); /* it is in the way of the next attempt */
	else if (partial_has_checkpoint(t->partial))
		incoming_tell(
			t, LOG_ERR,
			"%s is not complete; receive the same stream again with --resume, and it "
			"goes on behind its first %" PRIu64 " bytes, or remove it with --abort",
			t->name, t->checkpoint_offset);
	else if (t->o->max_errors != 1)
		incoming_tell(t, LOG_ERR,
			      "%s is not complete; what there is lies in %s, until "
			      "--abort",
			      t->name, partial_place(t->partial));
	else
		partial_discard(t->partial);
	forget(t);
}

void incoming_deinit(struct incoming *t)
{
	forget(t);
	rehearsal_free(t->rehearsal);
	t->stats->warnings += t->reference.warnings;
}
