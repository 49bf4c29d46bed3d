// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/guard.h"
#include "receive/receive.h"
#include "receive/subvolume.h"
#include "stream/stream.h"

/* 8 blocks: the one being read, what the planner holds, and what a sink keeps in flight. */
#define BLOCK_SIZE  (2u << 20)
#define BLOCK_COUNT 8

#define TICK_EVERY 256 /* commands */

struct receive {
	const struct receive_options *o;
	struct receive_stats *stats;
	struct planner *planner;
	struct executor *target; /* NULL between subvolumes */
	uint8_t uuid[16];	 /* of target */
	uint64_t transid;
	char name[STREAM_NAME_MAX + 1];
	uint64_t target_errors;	 /* in this subvolume */
	uint8_t source_uuid[16]; /* the clone source looked up last */
	int source;		 /* its descriptor, or -1 */
	int first;		 /* error */
};

__attribute__((format(printf, 3, 4))) static void tell(struct receive *rx, int level,
						       const char *format, ...)
{
	char text[STREAM_PATH_MAX + 1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	rx->o->message(rx->o->userdata, level, text);
}

static int failed(struct receive *rx, int r)
{
	rx->stats->errors++;
	rx->target_errors++;
	if (!rx->first)
		rx->first = r;
	return r;
}

static int failed_at(struct receive *rx, uint64_t position, const char *what,
		     struct stream_string path, int r, const char *more)
{
	tell(rx, LOG_ERR, "stream offset %" PRIu64 ", %s %s%s%.*s: %s%s%s", position, what,
	     rx->name, path.size ? "/" : "", (int)path.size, path.data ?: "", strerror(-r),
	     *more ? ": " : "", more);
	return failed(rx, r);
}

static void warn(void *userdata, const struct action *a, const char *what, int error)
{
	struct receive *rx = userdata;

	/* The first of each run is told in full, the count in the end. */
	if (rx->stats->warnings++ < 10)
		tell(rx, LOG_WARNING, "stream offset %" PRIu64 ", %s of %s/%.*s not set: %s",
		     a->position, what, rx->name, (int)a->path.size, a->path.data ?: "",
		     strerror(error));
}

/* What a sink learns after the call that caused it. */
static void sink_report(void *userdata, const char *text)
{
	tell(userdata, LOG_ERR, "%s", text);
}

static int source_open(struct receive *rx, const char *role, const uint8_t uuid[16],
		       uint64_t transid)
{
	struct subvolume_match m;
	int r = subvolume_find(rx->o->mount, uuid, transid, &m), fd;
	char text[37], *p = text;

	for (int i = 0; i < 16; i++)
		p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			     uuid[i]);
	if (r == -ENOENT) {
		tell(rx, LOG_ERR,
		     "%s: no subvolume here was received from, or is, %s; receive that one first",
		     role, text);
		return r;
	}
	if (r) {
		tell(rx, LOG_ERR, "%s: looking for %s: %s", role, text, strerror(-r));
		return r;
	}
	if (m.transid != transid) {
		tell(rx, rx->o->strict ? LOG_ERR : LOG_WARNING,
		     "%s: subvolume %" PRIu64 " is %s, but as of transaction %" PRIu64
		     " where the stream was made against %" PRIu64 "%s",
		     role, m.id, text, m.transid, transid,
		     m.received ? "" : ": it was changed since");
		if (rx->o->strict)
			return -ESTALE;
		rx->stats->warnings++;
	}
	fd = subvolume_open(rx->o->mount, m.id);
	if (fd < 0)
		tell(rx, LOG_ERR, "%s: subvolume %" PRIu64 " (%s) %s", role, m.id, text,
		     fd == -EXDEV
			     ? "lies outside of what is mounted here; give -m a mount of the whole "
			       "filesystem"
			     : strerror(-fd));
	return fd;
}

static int clone_root(void *userdata, const uint8_t uuid[16], uint64_t transid)
{
	struct receive *rx = userdata;

	if (!memcmp(uuid, rx->uuid, 16))
		return executor_root(rx->target);
	if (rx->source >= 0 && !memcmp(uuid, rx->source_uuid, 16))
		return rx->source;
	closep(&rx->source);
	rx->source = source_open(rx, "clone source", uuid, transid);
	memcpy(rx->source_uuid, uuid, 16);
	return rx->source;
}

static int subvolume_begin(struct receive *rx, const struct stream_command *c)
{
	struct executor_options options = {
		.sink = rx->o->sink,
		.clone_root = clone_root,
		.warn = warn,
		.userdata = rx,
		.strict = rx->o->strict,
		.closed = !rx->o->literal,
	};
	_cleanup_(closep) int parent = -1, fd = -1;

	memcpy(rx->name, c->path.data, c->path.size);
	rx->name[c->path.size] = 0;
	if (c->op == STREAM_C_SNAPSHOT) {
		parent = source_open(rx, "parent", c->clone_uuid, c->clone_ctransid);
		if (parent < 0)
			return parent;
	}
	fd = subvolume_make(rx->o->directory, rx->name, parent);
	if (fd < 0)
		return fd;
	tell(rx, LOG_INFO, "At %s %s", stream_op_name(c->op), rx->name);
	memcpy(rx->uuid, c->uuid, 16);
	rx->transid = c->ctransid;
	rx->target_errors = 0;
	rx->stats->subvolumes++;
	return executor_new(steal_fd(&fd), &options, &rx->target);
}

static void add_stats(struct receive *rx)
{
	const struct executor_stats *from = executor_stats(rx->target);
	struct executor_stats *to = &rx->stats->target;

	to->inodes += from->inodes;
	to->elided += from->elided;
	to->literal += from->literal;
	to->calls_saved += from->calls_saved;
	to->not_set += from->not_set;
}

/* Everything durable, then sealed; only if nothing went wrong. */
static int subvolume_end(struct receive *rx, uint64_t position, bool complete)
{
	struct stream_string none = { 0 };
	const char *what = "finishing";
	int r;

	if (!rx->target)
		return 0;
	r = executor_finish(rx->target);
	if (!r && complete && !rx->target_errors) {
		what = "syncing";
		r = executor_sync(rx->target);
		if (!r) {
			what = "sealing";
			r = subvolume_seal(executor_root(rx->target), rx->uuid, rx->transid);
		}
	}
	if (r)
		failed_at(rx, position, what, none, r, rx->o->sink->text);
	add_stats(rx);
	executor_free(rx->target);
	rx->target = NULL;
	closep(&rx->source);
	rx->source = -1;
	return r;
}

static int execute(void *userdata, const struct action *a)
{
	struct receive *rx = userdata;
	enum stream_op op = a->type == ACTION_COMMAND ? a->command->op : 0;
	int r;

	if (op == STREAM_C_END)
		return subvolume_end(rx, a->position, true);
	if (op == STREAM_C_SUBVOL || op == STREAM_C_SNAPSHOT) {
		r = subvolume_end(rx, a->position, true) ?: subvolume_begin(rx, a->command);
		return r ? failed_at(rx, a->position, stream_op_name(op),
				     (struct stream_string){ 0 }, r, "")
			 : 0;
	}
	if (!rx->target)
		return failed_at(rx, a->position, stream_op_name(op), a->path, -EPROTO,
				 "no subvolume was begun");
	rx->o->sink->text[0] = 0;
	r = executor_execute(rx->target, a);
	if (r)
		failed_at(rx, a->position, a->command ? stream_op_name(a->command->op) : "utimes",
			  a->path, r, rx->o->sink->text);
	/* Below the limit of errors the planner goes on as if nothing had been. */
	return rx->o->max_errors == 0 || rx->stats->errors < rx->o->max_errors ? 0 : r;
}

static int next(struct receive *rx, struct stream *s, struct stream_command *c)
{
	char text[512];
	int r = stream_next(s, c);

	if (r >= 0)
		return r;
	stream_fault_format(stream_fault(s), text, sizeof(text));
	tell(rx, LOG_ERR, "%s", text);
	return failed(rx, r);
}

static int receive_stream(struct receive *rx, struct stream *s)
{
	struct stream_command c;
	struct stream_string which;
	enum path_verdict v;
	uint64_t max = rx->o->max_errors;
	int r;

	for (;;) {
		r = next(rx, s, &c);
		if (r == STREAM_DONE)
			return 0;
		if (!r) {
			v = command_guard(&c, &which);
			if (v != PATH_OK)
				r = failed_at(rx, c.position, stream_op_name(c.op), which, -EPERM,
					      path_verdict_text(v));
		} else if (!stream_fault_recoverable(stream_fault(s))) {
			return r;
		}
		if (!r) {
			if (++rx->stats->commands % TICK_EVERY == 0) {
				rx->stats->bytes = stream_position(s);
				if (rx->o->tick)
					rx->o->tick(rx->o->userdata);
			}
			r = planner_push(rx->planner, &c);
			if (!r && c.op == STREAM_C_END && rx->o->stop_at_end)
				return 0;
		}
		if (r && (max ? rx->stats->errors >= max : false))
			return r;
	}
}

int receive(const struct receive_options *options, struct receive_stats *stats)
{
	struct receive rx = { .o = options, .stats = stats, .source = -1 };
	struct block_source *pool = NULL;
	struct stream *s = NULL;
	mode_t mask = umask(0);
	int r;

	*stats = (struct receive_stats){ 0 };
	options->sink->report = sink_report;
	options->sink->userdata = &rx;
	r = block_pool_new(BLOCK_SIZE, BLOCK_COUNT, &pool);
	if (!r)
		r = stream_new_fd(options->input, pool, &s);
	if (!r)
		r = planner_new(options->literal, execute, &rx, &rx.planner);
	if (!r) {
		r = receive_stream(&rx, s);
		if (!r || !rx.target)
			r = planner_flush(rx.planner) ?: r;
		stats->bytes = stream_position(s);
		/* What ends without END, or after an error, is not complete. */
		subvolume_end(&rx, stats->bytes, false);
	}
	planner_free(rx.planner);
	stream_free(s);
	block_pool_free(pool);
	closep(&rx.source);
	umask(mask);
	return rx.first ?: r;
}
