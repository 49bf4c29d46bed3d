// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two threads: one moves the stream from the spool into a pipe, the other one the pipe's pages to
 * ssh, and listens to what the far side says meanwhile. Whichever side ends first, the pipe tells
 * the other. Only the far side's "durable" makes it complete.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "deliver/host.h"
#include "replicate/ending.h"
#include "replicate/far.h"

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
	spool_leave(h->spool, h->reader);
	close(h->pipe);
	return NULL;
}

static void report_take(struct host *h, const struct far *f)
{
	json_t *report = json_loads(f->report ?: "", 0, NULL);

	h->complete = json_is_true(json_object_get(report, "durable"));
	h->encoded = (uint64_t)json_integer_value(json_object_get(report, "encoded"));
	h->decoded = (uint64_t)json_integer_value(json_object_get(report, "decoded"));
	h->plain = (uint64_t)json_integer_value(json_object_get(report, "plain"));
	json_decref(report);
	if (!h->complete)
		snprintf(h->reason, sizeof(h->reason),
			 "it ended well, but does not say that all is durable");
}

static void judge(struct host *h, const struct far *f, int r, int status)
{
	struct ending e = {
		.status = status,
		.remote = true,
		.refusal = *f->refusal ? f->refusal : NULL,
		.last = f->last,
	};
	const char *what, *said;

	if (*spool_dropped(h->spool, h->reader)) {
		snprintf(h->reason, sizeof(h->reason),
			 "given up: it took nothing any more, and the others were waiting");
	} else if (r || h->feed_error) {
		snprintf(h->reason, sizeof(h->reason), "sending: %s",
			 strerror(-(r ?: h->feed_error)));
	} else if (!status) {
		report_take(h, f);
	} else {
		ending_judge(&e, &what, &said);
		snprintf(h->reason, sizeof(h->reason), "%s%s", what, said);
		h->unreachable = status == RSH_NO_CONNECTION || status == RSH_NO_PROGRAM;
	}
}

static int receive(struct host *h, struct far *f, int *status)
{
	const char *const arguments[] = {
		"receive", "--terminate-on-end", "--json", "--quiet",
		/* What is left of an earlier copy is of another stream, and goes. */
		"--resume", "--abort", h->trust ? "--trust-source" : "--",
		h->trust ? "--" : h->directory, h->trust ? h->directory : NULL, NULL
	};
	struct pump pump = { .sent = &h->stream_bytes,
			     .throttle = h->throttle,
			     .stop = spool_dropped(h->spool, h->reader) };
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
	pump.from = ends[0];
	h->pipe = ends[1];
	r = pthread_create(&h->feeder, NULL, feed, h);
	if (r) {
		close(ends[0]);
		close(ends[1]);
		return -r;
	}
	r = far_begin(f, h->rsh.host, &h->rsh, arguments);
	if (r)
		close(ends[0]);
	else
		r = far_run(f, &pump, status);
	spool_leave(h->spool, h->reader);
	pthread_join(h->feeder, NULL);
	return r;
}

static void *host_main(void *arg)
{
	struct host *h = arg;
	struct far f = { .pid = 0 };
	double start = now();
	int status = 0, r;

	r = receive(h, &f, &status);
	judge(h, &f, r, status);
	far_free(&f);
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
