// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An attempt asks the far side what it has, sends the difference to the newest snapshot that both
 * have, and believes that it arrived when the far side says that it is safe on disk. Nothing is
 * remembered between attempts but what is on the disks: whatever was cut off, killed or replaced in
 * between, the next attempt sees how things are.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "replicate/attempt.h"
#include "replicate/destination.h"
#include "replicate/ending.h"
#include "replicate/estimate.h"
#include "replicate/far.h"
#include "replicate/gather.h"
#include "replicate/notice.h"

enum { FAR_OK = 0 };

double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

__attribute__((format(printf, 3, 4))) static enum attempt_outcome
because(struct destination *t, enum attempt_outcome outcome, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(t->reason, sizeof(t->reason), format, args);
	va_end(args);
	return outcome;
}

/* What the end of a far side means; not for success. */
static enum attempt_outcome ended(struct destination *t, const struct far *f, int status)
{
	const struct ending e = {
		.status = status,
		.remote = t->host,
		.answered = t->answered,
		.refusal = f->refusal[0] ? f->refusal : NULL,
		.last = f->last,
	};
	const char *what, *said;
	enum attempt_outcome o = ending_judge(&e, &what, &said);

	return because(t, o, "%s%s", what, said);
}

static enum attempt_outcome ask(struct destination *t, struct inventory *theirs)
{
	const char *const arguments[] = { "snapshots", "--json", "--", t->directory, NULL };
	struct pump pump = { .from = -1 };
	enum attempt_outcome o = ATTEMPT_ONE_DONE;
	struct far f;
	int status, r;

	r = far_begin(&f, t->spec, &t->rsh, arguments);
	if (!r)
		r = far_run(&f, &pump, &status);
	if (r)
		o = because(t, ATTEMPT_HOPELESS, "asking for its snapshots: %s", strerror(-r));
	else if (status != FAR_OK)
		o = ended(t, &f, status);
	else if (inventory_from_json(f.report ?: "", theirs))
		o = because(t, ATTEMPT_HOPELESS, "what it says of its snapshots is not understood");
	t->answered |= o == ATTEMPT_ONE_DONE;
	far_free(&f);
	return o;
}

static uint64_t number(json_t *report, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(report, name));
}

/* Of a far side that ended well: does it promise? */
static bool report_take(struct destination *t, const char *text)
{
	json_t *report = json_loads(text ?: "", 0, NULL);
	bool durable = json_is_true(json_object_get(report, "durable"));

	t->encoded += number(report, "encoded");
	t->decoded += number(report, "decoded");
	t->plain += number(report, "plain");
	json_decref(report);
	return durable;
}

const char *replica_base_name(const struct replica *r)
{
	const char *slash = r->path ? strrchr(r->path, '/') : NULL;

	return slash ? slash + 1 : r->path ?: "?";
}

/* far_run()'s arguments, for what is to be received there. */
struct arguments {
	const char *list[16];
	char from[64], checkpoint[40];
};

static void arguments_fill(struct arguments *a, const struct destination *t,
			   const struct part *part)
{
	const struct settings *s = t->settings;
	size_t n = 0;

	a->list[n++] = "receive";
	a->list[n++] = "--terminate-on-end";
	a->list[n++] = "--json";
	a->list[n++] = "--quiet";
	a->list[n++] = "--resume"; /* what is there of it; */
	a->list[n++] = "--abort";  /* what is there of another stream is removed */
	a->list[n++] = "--take-over";
	if (part) {
		snprintf(a->from, sizeof(a->from), "--from=%" PRIu64 ":%" PRIx64, part->offset,
			 part->digest);
		a->list[n++] = a->from;
	}
	if (s->checkpoint) {
		snprintf(a->checkpoint, sizeof(a->checkpoint), "--checkpoint=%llu", s->checkpoint);
		a->list[n++] = a->checkpoint;
	}
	if (s->trust)
		a->list[n++] = "--trust-source";
	a->list[n++] = "--";
	a->list[n++] = t->directory;
	a->list[n] = NULL;
}

/* All of the stream: at first together with others that need the same. */
static int stream_whole(struct destination *t, int subvolume, uint64_t id, uint64_t parent,
			struct feed **feed, int *stream)
{
	bool shared;
	int r;

	if (t->decided)
		return feed_alone(subvolume, parent, feed, stream);
	t->decided = true;
	r = gather(t->gathering, subvolume, id, parent, feed, stream, &shared);
	t->shared += !r && shared;
	return r;
}

/*
 * The kernel's send, without what the target has of it. A part that is of another stream (an
 * extent was moved since, the kernel is another one) cannot be gone on with: *part becomes NULL.
 */
static int stream_begin(struct destination *t, int subvolume, uint64_t id, uint64_t parent,
			const struct part **part, struct feed **feed, struct pump *pump)
{
	uint8_t *first;
	int r;

	if (!*part)
		return stream_whole(t, subvolume, id, parent, feed, &pump->from);
	destination_decided(t);
	r = feed_alone(subvolume, parent, feed, &pump->from);
	if (!r)
		r = part_skip(*part, pump->from, &first, &pump->first_size);
	if (!r) {
		pump->first = first;
		t->resumed++;
		t->resumed_bytes += (*part)->offset;
		return 0;
	}
	closep(&pump->from);
	pump->from = -1;
	feed_end(steal_ptr(feed));
	if (r != -ESTALE)
		return r;
	notice(MESSAGE_NONE, LOG_WARNING, t->spec, NULL,
	       "what is there in part is of another stream: from the beginning");
	*part = NULL;
	return feed_alone(subvolume, parent, feed, &pump->from);
}

static enum attempt_outcome send_through(struct destination *t, const struct replica *which,
					 const struct replica *parent, const struct part *part,
					 int subvolume)
{
	struct pump pump = { .from = -1, .throttle = t->throttle, .sent = &t->stream_bytes };
	struct arguments arguments;
	struct feed *feed = NULL;
	enum attempt_outcome o = ATTEMPT_ONE_DONE;
	double sent_all = 0;
	int status = 0, r, sent;
	struct far f;

	r = stream_begin(t, subvolume, which->id, parent ? parent->id : 0, &part, &feed, &pump);
	if (r)
		return because(t, ATTEMPT_HOPELESS, "sending %s: %s", replica_base_name(which),
			       strerror(-r));
	arguments_fill(&arguments, t, part);
	pump.sent_all = &sent_all;
	r = far_begin(&f, t->spec, &t->rsh, arguments.list);
	if (r)
		closep(&pump.from);
	else
		r = far_run(&f, &pump, &status);
	sent = feed_end(feed);
	free((void *)pump.first);
	if (r)
		o = because(t, ATTEMPT_HOPELESS, "the far side: %s", strerror(-r));
	else if (sent == FEED_BEHIND)
		o = because(
			t, ATTEMPT_AGAIN,
			"it was too slow for those that got the same stream, and goes on alone");
	else if (sent && sent != -EPIPE)
		o = because(t, ATTEMPT_HOPELESS, "the kernel's send of %s: %s",
			    replica_base_name(which), strerror(-sent));
	else if (status != FAR_OK)
		o = ended(t, &f, status);
	else if (!report_take(t, f.report))
		o = because(t, ATTEMPT_HOPELESS,
			    "it ended well, but does not say that all is durable");
	else
		t->wait_seconds = seconds_now() - sent_all;
	far_free(&f);
	return o;
}

static enum attempt_outcome send_one(struct destination *t, const struct replica *which,
				     const struct replica *parent, const struct part *part)
{
	_cleanup_(closep) int subvolume = source_snapshot(t->source, which);
	char bytes[24];
	enum attempt_outcome o;

	if (subvolume < 0)
		return because(t, ATTEMPT_HOPELESS, "%s cannot be opened: %s",
			       replica_base_name(which), strerror(-subvolume));
	if (!parent && !part)
		notice(MESSAGE_FULL, 0, t->spec,
		       (struct notice_field[]){ { "SNAPSHOT", replica_base_name(which) }, {} },
		       "no snapshot in common: all of %s is sent", replica_base_name(which));
	t->attempts++;
	if (!t->total_bytes)
		t->total_bytes = estimate(subvolume, which->id, parent ? parent->ctransid : 0);
	snprintf(t->parent, sizeof(t->parent), "%s", parent ? replica_base_name(parent) : "");
	o = send_through(t, which, parent, part && part->offset ? part : NULL, subvolume);
	if (o != ATTEMPT_ONE_DONE)
		return o;
	t->base = which->id;
	t->base_time = which->otime;
	t->snapshots++;
	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)t->stream_bytes);
	notice(MESSAGE_REPLICATED, 0, t->spec,
	       (struct notice_field[]){
		       { "SNAPSHOT", replica_base_name(which) }, { "BYTES", bytes }, {} },
	       "%s is there, and safe on disk (%s bytes sent)", replica_base_name(which), bytes);
	return which == t->source->self ? ATTEMPT_ALL_DONE : ATTEMPT_ONE_DONE;
}

/* A snapshot of an earlier run, newer than what they have, that was interrupted: it comes first. */
static const struct replica *unfinished(const struct destination *t, const struct inventory *theirs,
					const struct replica *common)
{
	const struct inventory *all = &t->source->all;

	for (size_t i = 0; i < all->count; i++) {
		const struct replica *r = &all->list[i];
		_cleanup_(closep) int fd = -1;

		if (!r->read_only || (common && r->otransid <= common->otransid) ||
		    !inventory_part(theirs, r))
			continue;
		fd = source_snapshot(t->source, r);
		if (fd >= 0)
			return r;
	}
	return NULL;
}

static enum attempt_outcome attempt_with(struct destination *t, const struct inventory *theirs)
{
	const struct replica *which = t->source->self, *common, *old;
	const struct part *part;

	common = inventory_copy(theirs, which) ? which
					       : inventory_common(&t->source->all, which, theirs);
	t->base = common ? common->id : 0;
	t->base_time = common ? common->otime : 0;
	if (common == which)
		return ATTEMPT_ALL_DONE;
	part = inventory_part(theirs, which);
	if (!part) {
		old = unfinished(t, theirs, common);
		which = old ?: which;
		part = inventory_part(theirs, which);
		common = inventory_common(&t->source->all, which, theirs);
	}
	t->part = part ? which->id : 0;
	t->part_offset = part ? part->offset : 0;
	return send_one(t, which, common, part);
}

enum attempt_outcome attempt(struct destination *t)
{
	struct inventory theirs = { .list = NULL };
	enum attempt_outcome o = ask(t, &theirs);

	if (o == ATTEMPT_ONE_DONE)
		o = attempt_with(t, &theirs);
	inventory_free(&theirs);
	return o;
}
