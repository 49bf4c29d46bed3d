// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "copy/acklog.h"
#include "ctl/commands.h"
#include "ctl/exit.h"
#include "ctl/json.h"
#include "ctl/progress.h"
#include "ctl/scan.h"
#include "ctl/session.h"
#include "verify/verify.h"

#define JSON_FOUND_MAX 1000 /* differences that the report names */

struct values {
	const char *socket, *digest, *digest_out;
	bool content, quiet, json;
};

#define AT(field) offsetof(struct values, field)

static const struct command_option options[] = {
	{ "digest-out", 0, "FILE", OPTION_STRING, AT(digest_out),
	  "write a list of the digests of SRC, and compare nothing; - is standard output" },
	{ "digest", 0, "FILE", OPTION_STRING, AT(digest),
	  "compare DST with such a list; - is standard input" },
	{ "content", 0, NULL, OPTION_FLAG, AT(content),
	  "a list with digests of the content too, for a copy that is stored differently" },
	{ "socket", 's', "PATH", OPTION_STRING, AT(socket), "of the daemon to read through" },
	{ "quiet", 'q', NULL, OPTION_FLAG, AT(quiet), "print errors only" },
	{ "json", 'j', NULL, OPTION_FLAG, AT(json), "print a report to stdout in the end" },
	{ NULL },
};

struct job {
	const struct values *values;
	struct verify_stats stats;
	struct progress *progress;
	struct scan *scan;
	json_t *found;
};

static const char *const words[] = {
#define X(name, word) word,
	VERIFY_FOUND(X)
#undef X
};

static void print_error(void *userdata, const char *text)
{
	struct job *job = userdata;

	progress_clear(job->progress);
	fprintf(stderr, "extentctl: %s\n", text);
}

static void print_found(void *userdata, enum verify_found what, const char *path, uint64_t offset,
			uint64_t len)
{
	char escaped[4096 * ACKLOG_ESCAPED_MAX + 1];
	bool ranged = what == VERIFY_CONTENT || what == VERIFY_UNKNOWN || what == VERIFY_SIZE;
	struct job *job = userdata;

	acklog_escape(*path ? path : ".", escaped, sizeof(escaped));
	if (job->found && json_array_size(job->found) < JSON_FOUND_MAX) {
		json_t *o = json_pack("{s:s, s:s}", "what", words[what], "path", escaped);

		if (!o) /* its name is no UTF-8 */
			o = json_pack("{s:s}", "what", words[what]);
		if (ranged) {
			json_object_set_new(o, "offset", json_integer((json_int_t)offset));
			json_object_set_new(o, "length", json_integer((json_int_t)len));
		}
		json_array_append_new(job->found, o);
	}
	if (job->values->json || job->values->quiet)
		return;
	progress_clear(job->progress);
	if (ranged)
		printf("%-8s %llu %llu %s\n", words[what], (unsigned long long)offset,
		       (unsigned long long)len, escaped);
	else
		printf("%-8s %s\n", words[what], escaped);
}

static void tick(void *userdata)
{
	struct job *job = userdata;
	struct progress_view view = {
		.done = job->stats.bytes,
		.total = scan_total(job->scan),
		.files = job->stats.files,
		.bytes = job->stats.bytes,
		.payload_bytes = job->stats.payload_bytes,
	};

	progress_tick(job->progress, &view);
}

static int report(struct job *job, int code)
{
	const struct verify_stats *s = &job->stats;
	struct json j;

	if (!job->values->json) {
		if (!job->values->quiet)
			fprintf(stderr,
				"%llu files, %llu extents: %llu stored alike, %llu compared by "
				"content; %llu differences\n",
				(unsigned long long)s->files, (unsigned long long)s->extents,
				(unsigned long long)s->extents_same,
				(unsigned long long)s->extents_content,
				(unsigned long long)s->differences);
		if (s->extents_unknown)
			fprintf(stderr,
				"extentctl: %llu extents are stored differently and cannot be "
				"compared: make the list with --content\n",
				(unsigned long long)s->extents_unknown);
		return code;
	}
	json_begin(&j, stdout);
	json_number(&j, "exit_code", (uint64_t)code);
#define X(field, text) json_number(&j, #field, s->field);
	VERIFY_STATS(X)
#undef X
	if (j.object)
		json_object_set(j.object, "found", job->found);
	if (json_end(&j) < 0)
		fprintf(stderr, "extentctl: the report could not be written\n");
	return code;
}

/* The daemon's help is wanted by those who lack the privilege, if there is a daemon. */
static int session_find(const struct values *v, struct extent_session **out)
{
	int err;

	*out = NULL;
	if (session_privileged())
		return 0;
	err = extent_connect(v->socket, out);
	if (err < 0 && v->socket)
		fprintf(stderr, "extentctl: %s\n", extent_error_text(NULL));
	else if (err < 0 && !v->quiet)
		fprintf(stderr,
			"extentctl: no daemon to read through (%s): contents are read "
			"decompressed\n",
			extent_error_text(NULL));
	return err < 0 && v->socket ? err : 0;
}

static FILE *file_open(const char *name, bool write)
{
	FILE *f = !strcmp(name, "-") ? (write ? stdout : stdin) : fopen(name, write ? "we" : "re");

	if (!f)
		fprintf(stderr, "extentctl: %s: %s\n", name, strerror(errno));
	return f;
}

static int verify(struct job *job, struct extent_session *session, char *const paths[])
{
	const struct values *v = job->values;
	struct verify_options o = {
		.session = session,
		.content = v->content,
		.found = print_found,
		.error = print_error,
		.tick = tick,
		.userdata = job,
		.stats = &job->stats,
	};
	const char *name = v->digest_out ? v->digest_out : v->digest;
	FILE *f = name ? file_open(name, v->digest_out) : NULL;
	int err;

	if (name && !f)
		return CTL_FATAL;
	job->progress = progress_new(v->quiet || v->json, -1, false);
	job->scan = job->progress ? scan_new(paths, 1) : NULL;
	if (v->digest_out)
		err = verify_list_make(&o, paths[0], f);
	else if (v->digest)
		err = verify_list(&o, f, paths[0]);
	else
		err = verify_trees(&o, paths[0], paths[1]);
	if (f && fclose(f) && !err)
		err = -errno;
	scan_free(job->scan);
	job->progress = progress_free(job->progress, NULL, -1);
	if (err < 0 && !job->stats.errors)
		fprintf(stderr, "extentctl: %s\n", strerror(-err));
	if (err < 0)
		return CTL_FATAL;
	return job->stats.differences || job->stats.errors || job->stats.extents_unknown
		       ? CTL_PARTIAL
		       : CTL_OK;
}

static int run(int argc, char *argv[])
{
	struct values v = { NULL };
	struct job job = { .values = &v };
	struct extent_session *session;
	int first, code;
	int err = option_parse(&verify_command, argc, argv, &v, &first);
	int wanted = v.digest || v.digest_out ? 1 : 2;

	if (err)
		return err < 0 ? CTL_USAGE : CTL_OK;
	if (argc - first != wanted || (v.digest && v.digest_out) || (v.content && !v.digest_out)) {
		fprintf(stderr, "extentctl verify: SRC and DST are needed, or one of them with a "
				"list; try --help\n");
		return CTL_USAGE;
	}
	if (session_find(&v, &session) < 0)
		return CTL_DAEMON;
	job.found = v.json ? json_array() : NULL;
	code = report(&job, verify(&job, session, argv + first));
	json_decref(job.found);
	extent_disconnect(session);
	return code;
}

const struct command verify_command = {
	.name = "verify",
	.arguments = "SRC DST",
	.text = "Compares two trees, extent by extent as they lie on disk.\n"
		"With --digest-out and --digest, SRC and DST may be on different machines.",
	.options = options,
	.run = run,
};
