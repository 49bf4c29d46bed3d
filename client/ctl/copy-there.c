// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "copy/names.h"
#include "ctl/copy-there.h"
#include "ctl/exit.h"
#include "ctl/scan.h"
#include "deliver/host.h"
#include "pack/pack.h"
#include "replicate/notice.h"
#include "stream/path.h"

struct copying {
	const struct copy_there *there;
	struct job job;
	struct copy_stats stats;
	struct scan *scan;
	struct spool *spool;
	struct throttle throttle;
	struct host hosts[SPOOL_READERS_MAX];
	uint64_t stream_bytes; /* made; each host gets them all */
};

int copy_there_host(struct copy_there *there, const char *host)
{
	const struct rsh rsh = { .host = host };

	if (there->n == SPOOL_READERS_MAX || rsh_check(&rsh))
		return -EINVAL;
	there->hosts[there->n++] = host;
	return 0;
}

static void clear_line(void *userdata)
{
	struct copying *c = userdata;

	progress_clear(c->job.progress);
}

static void print_error(void *userdata, const char *text)
{
	notice(MESSAGE_NONE, LOG_ERR, NULL, NULL, "%s", text);
}

static void tick(void *userdata)
{
	struct copying *c = userdata;

	notice_lock(); /* a host's lines come from its thread */
	job_tick_copy(&c->job, &c->stats, scan_total(c->scan));
	notice_unlock();
}

static int put(void *userdata, const void *head, size_t head_size, const void *data, size_t size)
{
	struct copying *c = userdata;
	int r;

	while ((r = spool_write(c->spool, head, head_size, data, size)) == -EAGAIN)
		tick(c);
	if (!r)
		c->stream_bytes += head_size + size;
	return r;
}

static int hosts_start(struct copying *c, const char *directory)
{
	const struct copy_there *t = c->there;
	int r = spool_new(NULL, t->spool, (double)t->patience, t->n, &c->spool);

	if (r) {
		fprintf(stderr, "extentctl: no room for the stream in %s: %s; TMPDIR says where\n",
			spool_directory(), strerror(-r));
		return r;
	}
	throttle_init(&c->throttle, t->rate);
	for (unsigned int i = 0; i < t->n; i++) {
		struct host *h = &c->hosts[i];

		h->rsh = t->rsh;
		h->rsh.host = t->hosts[i];
		h->directory = directory;
		h->trust = t->trust;
		h->checkpoint = t->spool / 4;
		h->retries = t->retries;
		h->spool = c->spool;
		h->reader = i;
		h->throttle = t->rate ? &c->throttle : NULL;
		host_start(h);
	}
	return 0;
}

static unsigned int hosts_running(const struct copying *c)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < c->there->n; i++)
		n += !c->hosts[i].done;
	return n;
}

/* 0 is for everything, everywhere, safe on disk. */
static int hosts_end(struct copying *c, const char *destination)
{
	unsigned int complete = 0, unreachable = 0, n = c->there->n;

	spool_end(c->spool);
	while (hosts_running(c)) {
		tick(c);
		nanosleep(&(struct timespec){ .tv_nsec = 100000000L }, NULL);
	}
	for (unsigned int i = 0; i < n; i++) {
		struct host *h = &c->hosts[i];

		host_join(h);
		complete += h->complete;
		unreachable += h->unreachable;
		if (!h->complete)
			notice(MESSAGE_NONE, LOG_ERR, h->rsh.host, NULL, "%s is not there: %s",
			       destination, h->reason);
	}
	return complete == n ? CTL_OK : unreachable == n ? CTL_DAEMON : CTL_PARTIAL;
}

static json_t *host_json(const struct host *h)
{
	json_t *o = json_pack("{s:s,s:b,s:s?,s:f}", "host", h->rsh.host, "complete", h->complete,
			      "error", h->complete ? NULL : h->reason, "seconds", h->seconds);

#define X(name) json_object_set_new(o, #name, json_integer((json_int_t)h->name));
	HOST_COUNTS(X)
#undef X
	return o;
}

static void report_json(struct copying *c, int code, bool durable)
{
	const struct session none = { NULL, 0 };
	json_t *list = json_array();
	struct json j;

	job_report_begin(&j, &c->job, &none, code, durable);
#define X(field) json_number(&j, #field, c->stats.field);
	PACK_STATS(X)
#undef X
	json_number(&j, "stream_bytes", c->stream_bytes);
	for (unsigned int i = 0; i < c->there->n; i++)
		json_array_append_new(list, host_json(&c->hosts[i]));
	if (json_object_set_new(j.object, "hosts", list))
		j.failed = true;
	job_report_end(&j);
}

static void report_text(const struct copying *c, const char *destination)
{
	const struct copy_stats *s = &c->stats;
	char a[16], b[16], sent[16];
	unsigned int complete = 0;

	for (unsigned int i = 0; i < c->there->n; i++)
		complete += c->hosts[i].complete;
	fprintf(stderr, "%s: %llu files, %s as %s, a stream of %s, in %.2f s; safe on %u of %u\n",
		destination, (unsigned long long)(s->files + s->links + s->symlinks + s->specials),
		progress_bytes(s->bytes, a), progress_bytes(s->payload_bytes, b),
		progress_bytes(c->stream_bytes, sent), job_seconds(&c->job), complete, c->there->n);
}

static int run(struct copying *c, const struct codec *codec, char *const sources[], unsigned int n,
	       const struct target *target, const char *destination)
{
	struct pack_options o = {
		.name = target->name,
		.codec = *codec,
		.write = put,
		.error = print_error,
		.tick = tick,
		.userdata = c,
		.stats = &c->stats,
	};
	int code, packed;

	notice_open(clear_line, c, c->job.options->quiet ? LOG_ERR : LOG_INFO);
	if (hosts_start(c, target->parent))
		return CTL_FATAL;
	c->scan = c->job.progress ? scan_new(sources, n) : NULL;
	packed = pack_run(&o, sources, n);
	if (packed < 0 && packed != -EPIPE && !c->stats.errors) /* each host says why it left */
		notice(MESSAGE_NONE, LOG_ERR, NULL, NULL, "making the stream: %s",
		       strerror(-packed));
	code = hosts_end(c, destination);
	tick(c);
	scan_free(c->scan);
	if (packed < 0 && packed != -EPIPE)
		code = job_exit_code(packed, CTL_PARTIAL);
	else if (packed && code == CTL_OK)
		code = CTL_PARTIAL;
	job_end(&c->job, code);
	if (c->job.options->json)
		report_json(c, code, code == CTL_OK);
	else if (!c->job.options->quiet)
		report_text(c, destination);
	spool_free(c->spool);
	return code;
}

int copy_there(const struct copy_there *there, const struct job_options *options,
	       const struct codec *codec, char *const sources[], unsigned int n,
	       const char *destination)
{
	_cleanup_(target_free) struct target target = { NULL, NULL };
	_cleanup_(freep) struct copying *c = calloc(1, sizeof(*c));
	size_t len = strlen(destination);
	bool into = len && destination[len - 1] == '/';
	enum path_verdict v;
	int code;

	if (!c || target_find(sources[0], destination, into, &target))
		return CTL_FATAL;
	if (into && n > 1) {
		fprintf(stderr, "extentctl copy: with --host and several SRC, DST is the name of "
				"the subvolume that holds them; it ends in no slash\n");
		return CTL_USAGE;
	}
	v = path_check_name(target.name ?: "", target.name ? strlen(target.name) : 0);
	if (v != PATH_OK) {
		fprintf(stderr,
			"extentctl copy: %s: the name of a subvolume is needed there, and this "
			"%s\n",
			destination, path_verdict_text(v));
		return CTL_USAGE;
	}
	c->there = there;
	code = job_begin(&c->job, options);
	return code ?: run(c, codec, sources, n, &target, destination);
}
