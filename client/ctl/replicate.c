// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/commands.h"
#include "ctl/exit.h"
#include "ctl/progress.h"
#include "replicate/gather.h"
#include "replicate/metrics.h"
#include "replicate/notice.h"

#define TICK_NS	       200000000L
#define RETRIES	       10
#define RETRY_WAIT     2 /* seconds */
#define STATUS_SECONDS 2 /* between lines for systemctl status */

struct values {
	struct settings settings;
	const char *config;
	bool quiet, json;
};

#define AT(field)      offsetof(struct values, field)
#define SETTING(field) AT(settings.field)

static const struct command_option options[] = {
	{ "config", 'c', "FILE", OPTION_STRING, AT(config),
	  "read source, targets and the rest from FILE" },
	{ "snapshots", 0, "DIRECTORY", OPTION_STRING, SETTING(snapshots),
	  "where to take a read-only snapshot of SRC, if that is writable" },
	{ "keep", 0, "N", OPTION_NUMBER, SETTING(keep),
	  "leave N snapshots there, deleting the oldest that no target needs" },
	{ "rsh", 0, "COMMAND", OPTION_STRING, SETTING(rsh),
	  "what to run instead of ssh, with its options" },
	{ "remote-program", 0, "COMMAND", OPTION_STRING, SETTING(program),
	  "what extentctl is called there" },
	{ "bwlimit", 0, "BYTES", OPTION_NUMBER, SETTING(bwlimit),
	  "send at most that many in a second, to all targets together" },
	{ "retries", 0, "N", OPTION_NUMBER, SETTING(retries),
	  "give a target up after N attempts in a row that got nowhere: 10" },
	{ "retry-wait", 0, "SECONDS", OPTION_NUMBER, SETTING(retry_wait),
	  "before the second attempt, and twice as long before each other: 2" },
	{ "checkpoint", 0, "SIZE", OPTION_NUMBER, SETTING(checkpoint),
	  "make a point to resume from each SIZE of the stream, besides each 30 s" },
	{ "trust-source", 0, NULL, OPTION_FLAG, SETTING(trust),
	  "targets check the structure of extents only, not that each can be decompressed" },
	{ "metrics", 0, "FILE", OPTION_STRING, SETTING(metrics),
	  "write OpenMetrics text there in the end" },
	{ "quiet", 'q', NULL, OPTION_FLAG, AT(quiet), "print errors only" },
	{ "json", 'j', NULL, OPTION_FLAG, AT(json), "print a report to stdout in the end" },
	{ NULL },
};

struct job {
	const struct values *values;
	struct source source;
	struct throttle throttle;
	struct gathering gathering;
	struct destination targets[SETTINGS_TARGETS];
	size_t count;
	struct progress *progress;
	time_t status; /* when systemd was told last */
};

static void clear_line(void *userdata)
{
	struct job *job = userdata;

	progress_clear(job->progress);
}

static int targets_parse(struct job *job)
{
	const struct settings *s = &job->values->settings;

	for (; job->count < s->target_count; job->count++) {
		struct destination *t = &job->targets[job->count];

		if (destination_parse(s->targets[job->count], t)) {
			fprintf(stderr,
				"extentctl: \"%s\" is no target: HOST:DIRECTORY or DIRECTORY\n",
				t->spec);
			destination_free(t);
			return -EINVAL;
		}
		t->rsh.command = s->rsh ?: RSH_BATCH;
		t->rsh.program = s->program;
		t->settings = s;
		t->source = &job->source;
		t->gathering = &job->gathering;
		t->throttle = s->bwlimit ? &job->throttle : NULL;
	}
	return 0;
}

/* The numbers of running threads, read without a lock: they are for looking at. */
static size_t job_look(struct job *job)
{
	struct progress_view view = { 0 };
	char sent[16], total[16];
	size_t running = 0;
	bool known = true;

	for (size_t i = 0; i < job->count; i++) {
		const struct destination *t = &job->targets[i];

		running += !t->done;
		view.done += t->stream_bytes;
		view.total += t->total_bytes;
		known &= t->done || t->total_bytes;
	}
	if (!known || view.total < view.done)
		view.total = 0;
	notice_lock();
	progress_tick(job->progress, &view);
	notice_unlock();
	if (time(NULL) - job->status >= STATUS_SECONDS) {
		job->status = time(NULL);
		sd_notifyf(0, "STATUS=%zu of %zu targets done, %s%s%s sent", job->count - running,
			   job->count, progress_bytes(view.done, sent),
			   view.total ? " of about " : "",
			   view.total ? progress_bytes(view.total, total) : "");
	}
	return running;
}

static void job_run(struct job *job)
{
	const struct timespec tick = { .tv_nsec = TICK_NS };

	for (size_t i = 0; i < job->count; i++) {
		struct destination *t = &job->targets[i];
		int r = pthread_create(&t->thread, NULL, destination_run, t);

		if (r) {
			snprintf(t->reason, sizeof(t->reason), "no thread: %s", strerror(r));
			t->thread = 0;
			destination_decided(t);
			t->done = true;
		}
	}
	while (job_look(job))
		nanosleep(&tick, NULL);
	for (size_t i = 0; i < job->count; i++)
		if (job->targets[i].thread)
			pthread_join(job->targets[i].thread, NULL);
}

static json_t *target_json(const struct destination *t)
{
	json_t *o = json_pack("{s:s,s:b,s:s?,s:f,s:f}", "target", t->spec, "complete",
			      destination_complete(t), "error", *t->reason ? t->reason : NULL,
			      "seconds", t->seconds, "durable_wait_seconds", t->wait_seconds);

#define X(name) json_object_set_new(o, #name, json_integer((json_int_t)t->name));
	DESTINATION_COUNTS(X)
#undef X
	json_object_set_new(o, "parent", *t->parent ? json_string(t->parent) : json_null());
	json_object_set_new(o, "newest", t->base ? json_integer(t->base_time) : json_null());
	return o;
}

static void report(const struct job *job, int code)
{
	json_t *list = json_array(), *all;

	for (size_t i = 0; i < job->count; i++)
		json_array_append_new(list, target_json(&job->targets[i]));
	all = json_pack("{s:i,s:s?,s:I,s:o}", "exit_code", code, "snapshot", job->source.self->path,
			"snapshot_time", (json_int_t)job->source.self->otime, "targets", list);
	if (!all || json_dumpf(all, stdout, JSON_INDENT(2)) || puts("") < 0 || fflush(stdout))
		fprintf(stderr, "extentctl: the report could not be written\n");
	json_decref(all);
}

/* A parent that a target may want next time. */
static bool needed(void *userdata, const struct replica *which)
{
	struct job *job = userdata;

	for (size_t i = 0; i < job->count; i++)
		if (job->targets[i].base == which->id || job->targets[i].part == which->id)
			return true;
	return false;
}

static int job_end(struct job *job)
{
	const struct values *v = job->values;
	size_t complete = 0;
	int code = CTL_OK, r;

	for (size_t i = 0; i < job->count; i++)
		complete += destination_complete(&job->targets[i]);
	if (complete < job->count)
		code = CTL_PARTIAL;
	sd_notifyf(0, "STATUS=%zu of %zu targets have %s", complete, job->count,
		   job->source.self->path);
	if (v->settings.keep)
		source_prune(&job->source, v->settings.keep, needed, job);
	if (v->settings.metrics) {
		r = metrics_write(v->settings.metrics, job->targets, job->count,
				  v->settings.source);
		if (r)
			notice(MESSAGE_NONE, LOG_ERR, NULL, NULL, "%s: %s", v->settings.metrics,
			       strerror(-r));
		if (r && code == CTL_OK)
			code = CTL_FATAL;
	}
	if (v->json)
		report(job, code);
	return code;
}

static int run_job(struct job *job)
{
	const struct values *v = job->values;
	int code;

	notice_open(clear_line, job, v->quiet ? LOG_ERR : LOG_INFO);
	if (targets_parse(job))
		return CTL_USAGE;
	if (source_open(v->settings.source, v->settings.snapshots, &job->source))
		return CTL_FATAL;
	throttle_init(&job->throttle, v->settings.bwlimit);
	gathering_init(&job->gathering, job->count);
	job->progress = progress_new(v->quiet || v->json, -1, false);
	job_run(job);
	notice_lock();
	job->progress = progress_free(job->progress, NULL, -1);
	notice_unlock();
	code = job_end(job);
	return code;
}

static int run(int argc, char *argv[])
{
	struct values v = { .settings = { .retries = RETRIES, .retry_wait = RETRY_WAIT } };
	struct job *job;
	int first, r, code = CTL_USAGE;

	r = option_parse(&replicate_command, argc, argv, &v, &first);
	if (r)
		return r < 0 ? CTL_USAGE : CTL_OK;
	/* The file first, so that the command line, read again, stands above it. */
	if (v.config && (settings_read(&v.settings, v.config) ||
			 option_parse(&replicate_command, argc, argv, &v, &first)))
		goto out;
	if (first < argc)
		v.settings.source = argv[first++];
	if (first < argc)
		v.settings.target_count = 0;
	for (; first < argc && v.settings.target_count < SETTINGS_TARGETS; first++)
		v.settings.targets[v.settings.target_count++] = argv[first];
	if (first < argc || !v.settings.source || !v.settings.target_count) {
		fprintf(stderr,
			"extentctl replicate: SRC and 1 to %d targets are needed; try --help\n",
			SETTINGS_TARGETS);
		goto out;
	}
	code = CTL_FATAL;
	job = calloc(1, sizeof(*job));
	if (!job)
		goto out;
	job->values = &v;
	job->source = (struct source){ .mount = -1, .snapshots = -1 };
	code = run_job(job);
	for (size_t i = 0; i < job->count; i++)
		destination_free(&job->targets[i]);
	source_close(&job->source);
	free(job);
out:
	settings_free(&v.settings);
	return code;
}

const struct command replicate_command = {
	.name = "replicate",
	.arguments = "SRC [HOST:]DIRECTORY...",
	.text = "Keeps copies of a snapshot or subvolume on other btrfs filesystems.\n"
		"Exit code 0 says that all targets have it, safe on disk.",
	.options = options,
	.run = run,
};
