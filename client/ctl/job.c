// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "base/cleanup.h"
#include "ctl/exit.h"
#include "ctl/job.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int job_begin(struct job *job, const struct job_options *options)
{
	int fd = options->progress_fd ? (int)options->progress_fd : -1;

	*job = (struct job){ .options = options, .start = now() };
	if (options->progress_fd > INT_MAX || (fd >= 0 && fcntl(fd, F_GETFD) < 0)) {
		fprintf(stderr, "extentctl: --progress-fd: %llu is not open\n",
			options->progress_fd);
		return CTL_USAGE;
	}
	job->progress = progress_new(options->quiet || options->json, fd, true);
	return 0;
}

void job_tick(struct job *job)
{
	progress_tick(job->progress, &job->view);
}

void job_tick_copy(struct job *job, const struct copy_stats *s, uint64_t total)
{
	job->view = (struct progress_view){
		.done = s->bytes,
		.total = total,
		.files = s->files,
		.extents = s->read_encoded + s->compressed,
		.decompressed = s->decoded,
		.bytes = s->bytes,
		.payload_bytes = s->payload_bytes,
	};
	job_tick(job);
}

void job_message(struct job *job, int level, const char *text)
{
	if (job->options->quiet && level > LOG_ERR)
		return;
	progress_clear(job->progress);
	if (level == LOG_INFO)
		fprintf(stderr, "%s\n", text);
	else
		fprintf(stderr, "extentctl: %s%s\n", level == LOG_WARNING ? "warning: " : "", text);
}

void job_end(struct job *job, int code)
{
	job->progress = progress_free(job->progress, &job->view, code);
}

double job_seconds(const struct job *job)
{
	return now() - job->start;
}

int job_exit_code(int err, int partial)
{
	switch (err) {
	case 0:
		return CTL_OK;
	case -ECONNRESET:
	case -ESHUTDOWN:
		return CTL_DAEMON;
	case -ECANCELED:
		return CTL_STOPPED;
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return CTL_FATAL;
	default:
		return partial;
	}
}

void job_report_begin(struct json *j, const struct job *job, const struct session *session,
		      int code, bool durable)
{
	static const char *const backends[] = { "unknown", "uring", "ioctl", "decode" };
	struct extent_limits limits = { 0 };

	if (session->extent)
		extent_get_limits(session->extent, &limits);
	json_begin(j, stdout);
	json_number(j, "exit_code", (uint64_t)code);
	json_bool(j, "durable", durable);
	json_decimal(j, "seconds", job_seconds(job));
	json_bool(j, "private_daemon", session->pid > 0);
	json_text(j, "backend",
		  session->extent
			  ? backends[limits.backend < ARRAY_SIZE(backends) ? limits.backend : 0]
			  : NULL);
}

void job_report_end(struct json *j)
{
	if (json_end(j) < 0)
		fprintf(stderr, "extentctl: the report could not be written\n");
}
