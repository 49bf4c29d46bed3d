// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "copy/acklog.h"
#include "copy/copy.h"
#include "ctl/commands.h"
#include "ctl/copy-there.h"
#include "ctl/exit.h"
#include "ctl/job.h"
#include "ctl/scan.h"

struct values {
	struct job_options job;
	struct codec codec;
	bool compress, no_durable, no_target_directory, nodatacow, update;
	const char *ack_log;
	struct copy_there there;
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

static int parse_host(void *values, const char *text)
{
	struct values *v = values;

	return copy_there_host(&v->there, text);
}

#define AT(field)     offsetof(struct values, field)
#define AT_JOB(field) AT(job.field)

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
	{ "update", 'u', NULL, OPTION_FLAG, AT(update),
	  "only what changed since the last --update; what is gone is removed; implies -T" },
	{ "nodatacow", 0, NULL, OPTION_FLAG, AT(nodatacow),
	  "also write to files without copy-on-write, which has weaker guarantees" },
	{ "host", 0, "[USER@]MACHINE", OPTION_PARSED, 0,
	  "make DST, a subvolume, on that machine, through ssh; may be given up to 64 times",
	  parse_host },
	SESSION_RSH_PROGRAMS(AT(there.rsh)),
	{ "bwlimit", 0, "RATE", OPTION_NUMBER, AT(there.rate),
	  "with --host: send at most RATE bytes a second, to all together" },
	{ "spool-size", 0, "SIZE", OPTION_NUMBER, AT(there.spool),
	  "with --host: how far the slowest may be behind before the others wait: 1G" },
	{ "patience", 0, "SECONDS", OPTION_NUMBER, AT(there.patience),
	  "with --host: give up one that takes nothing for so long while others wait: 60" },
	{ "retries", 0, "N", OPTION_NUMBER, AT(there.retries),
	  "with --host: give up one after N attempts in a row that got nowhere: 5" },
	{ "trust-source", 0, NULL, OPTION_FLAG, AT(there.trust),
	  "with --host: the structure of extents is checked there, not that each can be "
	  "decompressed" },
	JOB_OPTIONS(AT_JOB),
	{ NULL },
};

struct copying {
	struct job job;
	struct copy_stats stats;
	struct scan *scan;
	struct acklog *log;
};

static void print_error(void *userdata, const char *text)
{
	job_message(userdata, LOG_ERR, text);
}

static void tick(void *userdata)
{
	struct copying *c = userdata;

	job_tick_copy(&c->job, &c->stats, scan_total(c->scan));
}

static void log_extent(void *userdata, const char *path, uint64_t offset, uint64_t len)
{
	struct copying *c = userdata;

	acklog_line(c->log, offset, len, path);
}

static void log_commit(void *userdata)
{
	struct copying *c = userdata;

	acklog_flush(c->log);
}

static void report_json(const struct copying *c, const struct session *session, int code)
{
	const struct copy_stats *s = &c->stats;
	struct json j;

	job_report_begin(&j, &c->job, session, code, s->durable);
#define X(field, text) json_number(&j, #field, s->field);
	COPY_STATS(X)
#undef X
	json_bool(&j, "one_moment", s->one_moment);
	job_report_end(&j);
}

static void report_text(const struct copying *c)
{
	const struct copy_stats *s = &c->stats;
	double seconds = job_seconds(&c->job);
	char a[16], b[16], rate[16];

	fprintf(stderr, "%llu files, %s as %s, in %.2f s (%s/s)%s\n",
		(unsigned long long)(s->files + s->links + s->symlinks + s->specials),
		progress_bytes(s->bytes, a), progress_bytes(s->payload_bytes, b), seconds,
		progress_bytes((uint64_t)((double)s->bytes / (seconds > 0 ? seconds : 1)), rate),
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

static int copy(struct copying *c, const struct values *v, const struct session *session,
		char *const arguments[], unsigned int n)
{
	struct copy_options o = {
		.session = session->extent,
		.codec = v->codec,
		.compress = v->compress,
		.durable = !v->no_durable,
		.no_target_directory = v->no_target_directory || v->update,
		.update = v->update,
		.nodatacow = v->nodatacow,
		.error = print_error,
		.extent_durable = c->log ? log_extent : NULL,
		.committed = c->log ? log_commit : NULL,
		.tick = tick,
		.userdata = c,
		.stats = &c->stats,
	};
	int code, err;

	c->scan = c->job.progress ? scan_new(arguments, n) : NULL;
	err = copy_run(&o, arguments, n, arguments[n]);
	code = err > 0 ? CTL_PARTIAL : job_exit_code(err, CTL_FATAL);
	tick(c);
	scan_free(c->scan);

	err = acklog_close(c->log);
	if (err < 0) {
		fprintf(stderr, "extentctl: %s: %s\n", v->ack_log, strerror(-err));
		code = code ? code : CTL_PARTIAL;
	}
	job_end(&c->job, code);
	return code;
}

/* What has no meaning for a copy elsewhere, or NULL. */
static const char *local_option(const struct values *v)
{
	return v->no_durable		       ? "--no-durable"
	       : v->update		       ? "--update"
	       : v->nodatacow		       ? "--nodatacow"
	       : v->ack_log		       ? "--ack-log"
	       : v->job.session.socket	       ? "--socket"
	       : v->job.session.private_daemon ? "--private"
					       : NULL;
}

static int run(int argc, char *argv[])
{
	struct values v = { .codec = { EXTENT_ZSTD, 3 },
			    .there = { .spool = SPOOL_LIMIT_DEFAULT,
				       .patience = SPOOL_PATIENCE,
				       .retries = COPY_RETRIES } };
	struct copying c = { .log = NULL };
	struct session session;
	int first, code;
	int err = option_parse(&copy_command, argc, argv, &v, &first);

	if (err)
		return err < 0 ? CTL_USAGE : CTL_OK;
	if (argc - first < 2) {
		fprintf(stderr, "extentctl copy: SRC and DST are needed; try --help\n");
		return CTL_USAGE;
	}
	if (v.update && argc - first != 2) {
		fprintf(stderr, "extentctl copy: --update takes one SRC; try --help\n");
		return CTL_USAGE;
	}
	if (v.there.n && local_option(&v)) {
		fprintf(stderr, "extentctl copy: %s and --host do not go together; try --help\n",
			local_option(&v));
		return CTL_USAGE;
	}
	if (v.there.n)
		return copy_there(&v.there, &v.job, &v.codec, argv + first,
				  (unsigned int)(argc - first - 1), argv[argc - 1]);
	umask(0); /* modes are the sources' */
	if (v.ack_log) {
		err = acklog_open(v.ack_log, &c.log);
		if (err < 0) {
			fprintf(stderr, "extentctl: %s: %s\n", v.ack_log, strerror(-err));
			return CTL_FATAL;
		}
	}
	v.job.session.quiet = v.job.quiet;
	code = job_begin(&c.job, &v.job);
	if (code || session_open(&v.job.session, &session) < 0) {
		acklog_close(c.log);
		job_end(&c.job, code ?: CTL_DAEMON);
		return code ?: CTL_DAEMON;
	}
	code = copy(&c, &v, &session, argv + first, (unsigned int)(argc - first - 1));
	if (v.job.json)
		report_json(&c, &session, code);
	else if (!v.job.quiet)
		report_text(&c);
	session_close(&session);
	return code;
}

const struct command copy_command = {
	.name = "copy",
	.arguments = "SRC... DST",
	.text = "Copies files and trees as cp -a does; compressed extents stay compressed.\n"
		"With --host, DST becomes a subvolume on other machines.\n"
		"Exit code 0 says that everything is safe on disk.",
	.options = options,
	.run = run,
};
