// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "copy/acklog.h"
#include "copy/copy.h"
#include "ctl/commands.h"
#include "ctl/exit.h"
#include "ctl/json.h"
#include "ctl/progress.h"
#include "ctl/scan.h"
#include "ctl/session.h"

struct values {
	struct session_options session;
	struct codec codec;
	bool compress, no_durable, quiet, json, no_target_directory, nodatacow;
	const char *ack_log;
};

static int parse_compress(void *values, const char *text)
{
	static const struct {
		const char *name;
		uint32_t compression;
		int max;
	} codecs[] = {
		{ "none", EXTENT_NONE, 0 },
		{ "zlib", EXTENT_ZLIB, 9 },
		{ "zstd", EXTENT_ZSTD, 15 },
		{ "lzo", EXTENT_LZO_4K, 0 },
	};
	struct values *v = values;
	size_t len = strcspn(text, ":");
	char *end = NULL;
	long level = 0;

	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		if (strlen(codecs[i].name) != len || strncmp(text, codecs[i].name, len))
			continue;
		if (text[len]) {
			level = strtol(text + len + 1, &end, 10);
			if (end == text + len + 1 || *end || level < 1 || level > codecs[i].max)
				return -EINVAL;
		}
		v->codec = (struct codec){ codecs[i].compression, (int)level };
		v->compress = true;
		return 0;
	}
	return -EINVAL;
}

#define AT(field) offsetof(struct values, field)

static const struct command_option options[] = {
	{ "compress", 'c', "CODEC[:LEVEL]", OPTION_PARSED, 0,
	  "for what cannot be read compressed: zstd:1-15 (zstd:3), zlib:1-9, lzo, none",
	  parse_compress },
	{ "no-durable", 0, NULL, OPTION_FLAG, AT(no_durable),
	  "do not wait until everything is safe on disk" },
	{ "durable", 0, NULL, OPTION_CLEAR, AT(no_durable),
	  "wait until everything is safe on disk: the default" },
	{ "ack-log", 0, "FILE", OPTION_STRING, AT(ack_log),
	  "append \"offset length path\" for each extent once it is safe on disk" },
	{ "no-target-directory", 'T', NULL, OPTION_FLAG, AT(no_target_directory),
	  "DST is the new name, also if it is a directory" },
	{ "nodatacow", 0, NULL, OPTION_FLAG, AT(nodatacow),
	  "also write to files without copy-on-write, which has weaker guarantees" },
	{ "socket", 's', "PATH", OPTION_STRING, AT(session.socket), "of the daemon to use" },
	{ "private", 'p', NULL, OPTION_FLAG, AT(session.private_daemon),
	  "start a daemon for this copy only" },
	{ "quiet", 'q', NULL, OPTION_FLAG, AT(quiet), "print errors only" },
	{ "json", 'j', NULL, OPTION_FLAG, AT(json), "print a report to stdout in the end" },
	{ NULL },
};

struct job {
	const struct values *values;
	struct copy_stats stats;
	struct progress *progress;
	struct scan *scan;
	struct acklog *log;
	struct timespec start;
};

static void print_error(void *userdata, const char *text)
{
	struct job *job = userdata;

	progress_clear(job->progress);
	fprintf(stderr, "extentctl: %s\n", text);
}

static void tick(void *userdata)
{
	struct job *job = userdata;
	struct progress_view view = {
		.bytes = job->stats.bytes,
		.payload_bytes = job->stats.payload_bytes,
		.files = job->stats.files,
		.total_bytes = scan_total(job->scan),
	};

	progress_tick(job->progress, &view);
}

static void log_extent(void *userdata, const char *path, uint64_t offset, uint64_t len)
{
	struct job *job = userdata;

	acklog_line(job->log, offset, len, path);
}

static void log_commit(void *userdata)
{
	struct job *job = userdata;

	acklog_flush(job->log);
}

static double seconds_since(const struct timespec *start)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)(t.tv_sec - start->tv_sec) + (double)(t.tv_nsec - start->tv_nsec) / 1e9;
}

static void report_json(const struct job *job, const struct session *session, int code)
{
	const struct copy_stats *s = &job->stats;
	struct extent_limits limits = { 0 };
	static const char *const backends[] = { "unknown", "uring", "ioctl", "decode" };
	struct json j;

	if (session->extent)
		extent_get_limits(session->extent, &limits);
	json_begin(&j, stdout);
	json_number(&j, "exit_code", (uint64_t)code);
	json_bool(&j, "durable", s->durable);
	json_decimal(&j, "seconds", seconds_since(&job->start));
	json_bool(&j, "private_daemon", session->pid > 0);
	json_text(&j, "backend", backends[limits.backend < 4 ? limits.backend : 0]);
#define X(field, text) json_number(&j, #field, s->field);
	COPY_STATS(X)
#undef X
	if (json_end(&j) < 0)
		fprintf(stderr, "extentctl: the report could not be written\n");
}

static void report_text(const struct job *job)
{
	const struct copy_stats *s = &job->stats;
	double seconds = seconds_since(&job->start);
	char a[16], b[16], c[16];

	fprintf(stderr, "%llu files, %s as %s, in %.2f s (%s/s)%s\n",
		(unsigned long long)(s->files + s->links + s->symlinks + s->specials),
		progress_bytes(s->bytes, a), progress_bytes(s->payload_bytes, b), seconds,
		progress_bytes((uint64_t)((double)s->bytes / (seconds > 0 ? seconds : 1)), c),
		s->durable ? ", safe on disk" : "");
	if (s->decoded)
		fprintf(stderr, "%llu extents had to be decompressed\n",
			(unsigned long long)s->decoded);
	if (s->owners_kept || s->xattrs_skipped)
		fprintf(stderr,
			"%llu owners and %llu extended attributes could not be set: no privilege, "
			"or no place for them\n",
			(unsigned long long)s->owners_kept, (unsigned long long)s->xattrs_skipped);
}

static int exit_code(int err)
{
	switch (err) {
	case 0:
		return CTL_OK;
	case 1:
		return CTL_PARTIAL;
	case -ECONNRESET:
	case -ESHUTDOWN:
		return CTL_DAEMON;
	default:
		return CTL_FATAL;
	}
}

static int copy(struct job *job, const struct session *session, char *const arguments[],
		unsigned int n)
{
	const struct values *v = job->values;
	struct copy_options o = {
		.session = session->extent,
		.codec = v->codec,
		.compress = v->compress,
		.durable = !v->no_durable,
		.no_target_directory = v->no_target_directory,
		.nodatacow = v->nodatacow,
		.error = print_error,
		.extent_durable = job->log ? log_extent : NULL,
		.committed = job->log ? log_commit : NULL,
		.tick = tick,
		.userdata = job,
		.stats = &job->stats,
	};
	int code, err;

	job->progress = progress_new(v->quiet || v->json);
	job->scan = job->progress ? scan_new(arguments, n) : NULL;
	code = exit_code(copy_run(&o, arguments, n, arguments[n]));
	scan_free(job->scan);
	job->progress = progress_free(job->progress);

	err = acklog_close(job->log);
	if (err < 0) {
		fprintf(stderr, "extentctl: %s: %s\n", v->ack_log, strerror(-err));
		code = code ? code : CTL_PARTIAL;
	}
	return code;
}

static int run(int argc, char *argv[])
{
	struct values v = { .codec = { EXTENT_ZSTD, 3 } };
	struct job job = { .values = &v };
	struct session session;
	int first, code;
	int err = option_parse(&copy_command, argc, argv, &v, &first);

	if (err)
		return err < 0 ? CTL_USAGE : CTL_OK;
	if (argc - first < 2) {
		fprintf(stderr, "extentctl copy: SRC and DST are needed; try --help\n");
		return CTL_USAGE;
	}
	umask(0); /* modes are the sources' */
	clock_gettime(CLOCK_MONOTONIC, &job.start);
	if (v.ack_log) {
		err = acklog_open(v.ack_log, &job.log);
		if (err < 0) {
			fprintf(stderr, "extentctl: %s: %s\n", v.ack_log, strerror(-err));
			return CTL_FATAL;
		}
	}
	v.session.quiet = v.quiet;
	err = session_open(&v.session, &session);
	if (err < 0) {
		acklog_close(job.log);
		return CTL_DAEMON;
	}
	code = copy(&job, &session, argv + first, (unsigned int)(argc - first - 1));
	if (v.json)
		report_json(&job, &session, code);
	else if (!v.quiet)
		report_text(&job);
	session_close(&session);
	return code;
}

const struct command copy_command = {
	.name = "copy",
	.arguments = "SRC... DST",
	.text = "Copies files and trees as cp -a does; compressed extents stay compressed.\n"
		"Exit code 0 says that everything is safe on disk.",
	.options = options,
	.run = run,
};
