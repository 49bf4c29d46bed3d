// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two threads: one moves the stream from the spool into a pipe, the other one the pipe's pages to
 * ssh, and listens to what the far side says meanwhile. Whichever side ends first, the pipe tells
 * the other. Only the far side's "durable" makes it complete.
 *
 * A stream of a living tree cannot be made again. So a machine that was cut off goes on from what
 * the spool has kept, if its last checkpoint lies in that; the checkpoints are close enough for it.
 */
#include <errno.h>
#include <fcntl.h>
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
#include "deliver/host.h"
#include "deliver/where.h"
#include "replicate/ending.h"
#include "replicate/far.h"
#include "replicate/notice.h"

#define FEED_BYTES (256u << 10)
#define PIPE_BYTES (1 << 20)

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int feed_chunk(int to, const char *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(to, bytes, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		bytes += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static void *feed(void *arg)
{
	struct host *h = arg;
	_cleanup_(freep) char *buffer = malloc(FEED_BYTES);
	ssize_t n = buffer ? 1 : -ENOMEM;
	int r = 0;

	while (!r && n > 0) {
		n = spool_read(h->spool, h->reader, buffer, FEED_BYTES);
		if (n > 0)
			r = feed_chunk(h->pipe, buffer, (size_t)n);
	}
	h->feed_error = n < 0 ? (int)n : 0; /* that nobody takes it is told by who does not */
	close(h->pipe);
	return NULL;
}

static bool report_take(struct host *h, const struct far *f)
{
	json_t *report = json_loads(f->report ?: "", 0, NULL);

	h->complete = json_is_true(json_object_get(report, "durable"));
	h->encoded = (uint64_t)json_integer_value(json_object_get(report, "encoded"));
	h->decoded = (uint64_t)json_integer_value(json_object_get(report, "decoded"));
	h->plain = (uint64_t)json_integer_value(json_object_get(report, "plain"));
	json_decref(report);
	return h->complete;
}

__attribute__((format(printf, 3, 4))) static enum attempt_outcome
because(struct host *h, enum attempt_outcome outcome, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(h->reason, sizeof(h->reason), format, args);
	va_end(args);
	return outcome;
}

/* Of a far side that did not end well. */
static enum attempt_outcome judge(struct host *h, const struct far *f, int r, int status)
{
	const struct ending e = {
		.status = status,
		.remote = true,
		.answered = h->answered,
		.refusal = *f->refusal ? f->refusal : NULL,
		.last = f->last,
	};
	const char *what, *said;
	enum attempt_outcome o;

	if (*spool_dropped(h->spool, h->reader))
		return because(h, ATTEMPT_HOPELESS,
			       "given up: it took nothing any more, and the others were waiting");
	if (r)
		return because(h, ATTEMPT_HOPELESS, "sending: %s", strerror(-r));
	o = ending_judge(&e, &what, &said);
	h->unreachable = status == RSH_NO_CONNECTION || status == RSH_NO_PROGRAM;
	return because(h, o, "%s%s", what, said);
}

struct arguments {
	const char *list[16];
	char from[64], checkpoint[40];
};

static void arguments_fill(struct arguments *a, const struct host *h, const struct where *from)
{
	size_t n = 0;

	a->list[n++] = "receive";
	a->list[n++] = "--terminate-on-end";
	a->list[n++] = "--json";
	a->list[n++] = "--quiet";
	a->list[n++] = "--resume";
	a->list[n++] =
		"--abort"; /* what is left of an earlier copy is of another stream, and goes */
	a->list[n++] = "--take-over";
	snprintf(a->checkpoint, sizeof(a->checkpoint), "--checkpoint=%" PRIu64, h->checkpoint);
	a->list[n++] = a->checkpoint;
	if (from->offset) {
		snprintf(a->from, sizeof(a->from), "--from=%" PRIu64 ":%" PRIx64, from->offset,
			 from->digest);
		a->list[n++] = a->from;
	}
	if (h->trust)
		a->list[n++] = "--trust-source";
	a->list[n++] = "--";
	a->list[n++] = h->directory;
	a->list[n] = NULL;
}

/* What the pump moves, on its way from the spool. */
static int feed_begin(struct host *h, int *from)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
	h->pipe = ends[1];
	r = pthread_create(&h->feeder, NULL, feed, h);
	if (r) {
		close(ends[0]);
		close(ends[1]);
		return -r;
	}
	*from = ends[0];
	return 0;
}

static enum attempt_outcome host_send(struct host *h, struct pump *pump, const struct where *from)
{
	struct arguments arguments;
	struct far f = { .pid = 0 };
	enum attempt_outcome o = ATTEMPT_ALL_DONE;
	int status = 0, r = feed_begin(h, &pump->from);

	if (r)
		return because(h, ATTEMPT_HOPELESS, "sending: %s", strerror(-r));
	arguments_fill(&arguments, h, from);
	h->attempts++;
	r = far_begin(&f, h->rsh.host, &h->rsh, arguments.list);
	if (r)
		close(pump->from);
	else
		r = far_run(&f, pump, &status);
	spool_pause(h->spool, h->reader);
	pthread_join(h->feeder, NULL);
	r = r ?: h->feed_error;
	if (r || status || *pump->stop)
		o = judge(h, &f, r, status);
	else if (!report_take(h, &f))
		o = because(h, ATTEMPT_HOPELESS,
			    "it ended well, but does not say that all is durable");
	far_free(&f);
	return o;
}

/* Another attempt begins with a question. */
static enum attempt_outcome host_ask(struct host *h, const struct stream_command *first,
				     struct where *from)
{
	enum attempt_outcome o = ATTEMPT_ONE_DONE;
	struct far f = { .pid = 0 };
	int status = 0, r = where_ask(&h->rsh, h->directory, first, from, &f, &status);

	if (r || status)
		o = judge(h, &f, r, status);
	else
		h->answered = true;
	far_free(&f);
	return o;
}

static enum attempt_outcome host_attempt(struct host *h, struct where *from)
{
	struct pump pump = { .sent = &h->stream_bytes,
			     .throttle = h->throttle,
			     .stop = spool_dropped(h->spool, h->reader) };
	uint8_t bytes[SPOOL_FIRST_BYTES];
	struct stream_command first;
	size_t size;

	if (!h->attempts)
		return host_send(h, &pump, from);
	size = where_begin(bytes, spool_first(h->spool, bytes), &first);
	if (size) {
		enum attempt_outcome o = host_ask(h, &first, from);

		if (o != ATTEMPT_ONE_DONE)
			return o;
	}
	if (from->complete) {
		h->complete = true; /* and only saying so was cut off */
		return ATTEMPT_ALL_DONE;
	}
	if (from->offset) {
		pump.first = bytes;
		pump.first_size = size;
	}
	if (spool_seek(h->spool, h->reader, from->offset ? STREAM_HEADER_SIZE + from->offset : 0))
		return because(h, ATTEMPT_HOPELESS,
			       "cut off, and the stream from byte %" PRIu64
			       " on, where it stands, is not kept any more: see --spool-size",
			       from->offset);
	h->resumed += from->offset > 0;
	h->resumed_bytes += from->offset;
	return host_send(h, &pump, from);
}

static void wait_for(const struct host *h, unsigned int seconds)
{
	while (seconds-- && !*spool_dropped(h->spool, h->reader))
		sleep(1);
}

static void *host_main(void *arg)
{
	struct host *h = arg;
	struct where from = { .offset = 0 };
	unsigned int wait = HOST_RETRY_WAIT;
	unsigned long long idle = 0;
	double start = now();

	for (;;) {
		uint64_t before = from.offset;
		enum attempt_outcome o = host_attempt(h, &from);

		if ((o != ATTEMPT_AGAIN && o != ATTEMPT_UNSURE) ||
		    *spool_dropped(h->spool, h->reader))
			break;
		if (from.offset > before) { /* the attempt before this one got on */
			idle = 0;
			wait = HOST_RETRY_WAIT;
		}
		if (++idle > h->retries)
			break;
		notice(MESSAGE_NONE, LOG_WARNING, h->rsh.host, NULL, "%s; again in %u s", h->reason,
		       wait);
		wait_for(h, wait);
		wait = 2 * wait < HOST_WAIT_MAX ? 2 * wait : HOST_WAIT_MAX;
	}
	spool_leave(h->spool, h->reader);
	h->seconds = now() - start;
	h->done = true;
	return NULL;
}

void host_start(struct host *h)
{
	int r = pthread_create(&h->thread, NULL, host_main, h);

	h->started = !r;
	if (!r)
		return;
	snprintf(h->reason, sizeof(h->reason), "no thread: %s", strerror(r));
	spool_leave(h->spool, h->reader);
	h->done = true;
}

void host_join(struct host *h)
{
	if (h->started)
		pthread_join(h->thread, NULL);
	h->started = false;
}
