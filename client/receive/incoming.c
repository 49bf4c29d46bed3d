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

double incoming_seconds(void)
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

int incoming_executor_begin(struct incoming *t)
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

/* What this executor did on top of what those before it did. */
void incoming_look(struct incoming *t)
{
	const struct executor_stats *now = t->executor ? executor_stats(t->executor) : NULL;
	struct executor_stats *sum = &t->stats->target;

	*sum = t->before;
	if (!now)
		return;
	sum->inodes += now->inodes;
	sum->elided += now->elided;
	sum->literal += now->literal;
	sum->calls_saved += now->calls_saved;
	sum->not_set += now->not_set;
}

void incoming_executor_end(struct incoming *t)
{
	incoming_look(t);
	t->before = t->stats->target;
	executor_free(t->executor);
	t->executor = NULL;
}

/*
 * The sender has left out what is here already. Positions are those of the whole stream: the first
 * command is thought to end where the rest begins.
 */
static int go_on(struct incoming *t, const struct stream_command *c, bool resumed)
{
	if (!resumed || t->skip != t->o->from || t->skip_digest != t->o->from_digest) {
		incoming_tell(t, LOG_ERR,
			      "%s: the stream goes on at byte %" PRIu64
			      ", but the part that is here does not end there",
			      t->name, t->o->from);
		return -EAGAIN;
	}
	t->start = c->position + c->length - t->skip;
	t->offset = t->skip;
	t->digest = t->skip_digest;
	t->skip = 0;
	t->gone_on = true;
	return 0;
}

int incoming_begin(struct incoming *t, const struct stream_command *c)
{
	struct partial_options options = {
		.directory = t->o->directory,
		.name = t->name,
		.source = -1,
		.policy = t->o->policy,
		.displace = t->o->displace,
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
	t->gone_on = false;
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
	if (t->o->goes_on) {
		r = go_on(t, c, r == PARTIAL_RESUMED);
		if (r)
			return r;
		r = PARTIAL_RESUMED;
	}
	t->stats->subvolumes++;
	t->checkpoint_offset = t->gone_on ? t->offset : t->skip;
	t->checkpoint_time = incoming_seconds();
	if (r == PARTIAL_RESUMED)
		incoming_tell(t, LOG_INFO,
			      "At %s %s, which goes on at byte %" PRIu64 " of its stream",
			      stream_op_name(c->op), t->name, t->checkpoint_offset);
	else
		incoming_tell(t, LOG_INFO, "At %s %s", stream_op_name(c->op), t->name);
	return incoming_executor_begin(t);
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

int incoming_make_durable(struct incoming *t, const char **what)
{
	int r = executor_finish(t->executor);

	*what = "finishing";
	if (!r) {
		*what = "syncing";
		r = executor_sync(t->executor);
	}
	return r;
}

static void forget(struct incoming *t)
{
	incoming_executor_end(t);
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
		r = incoming_make_durable(t, &what);
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
		incoming_checkpoint(t);
	if (t->o->max_errors != 1 && t->executor)
		planner_flush(t->planner); /* what there is, is wanted */
	incoming_executor_end(t);
	if (t->stale && t->o->policy & PARTIAL_REPLACE)
		partial_discard(t->partial); /* it is in the way of the next attempt */
	else if (partial_has_checkpoint(t->partial))
		incoming_tell(
			t, LOG_WARNING,
			"%s is not complete; receive the same stream again with --resume, and it "
			"goes on behind its first %" PRIu64 " bytes, or remove it with --abort",
			t->name, t->checkpoint_offset);
	else if (t->o->max_errors != 1)
		incoming_tell(t, LOG_WARNING,
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
