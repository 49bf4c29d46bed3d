// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/commands.h"
#include "ctl/exit.h"
#include "ctl/session.h"
#include "ctl/verify-report.h"
#include "verify/answer.h"

struct values {
	const char *socket, *digest, *digest_out;
	bool content, answers, quiet, json;
	struct rsh rsh;
};

#define AT(field) offsetof(struct values, field)

static const struct command_option options[] = {
	{ "digest-out", 0, "FILE", OPTION_STRING, AT(digest_out),
	  "write a list of the digests of SRC, and compare nothing; - is standard output" },
	{ "digest", 0, "FILE", OPTION_STRING, AT(digest),
	  "compare DST with such a list; - is standard input" },
	{ "content", 0, NULL, OPTION_FLAG, AT(content),
	  "a list with digests of the content too, for a copy that is stored differently" },
	{ "answers", 0, NULL, OPTION_FLAG, AT(answers),
	  "with --digest: print what verify --host reads, on whose behalf this runs" },
	SESSION_RSH_OPTIONS(AT(rsh)),
	{ "socket", 's', "PATH", OPTION_STRING, AT(socket), "of the daemon to read through" },
	{ "quiet", 'q', NULL, OPTION_FLAG, AT(quiet), "print errors only" },
	{ "json", 'j', NULL, OPTION_FLAG, AT(json), "print a report to stdout in the end" },
	{ NULL },
};

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

static void ask(void *userdata, const char *path, uint64_t offset, uint64_t len,
		XXH128_hash_t content)
{
	answers_put_question(stdout, path, offset, len, content);
}

static void answer_found(void *userdata, enum verify_found what, const char *path, uint64_t offset,
			 uint64_t len)
{
	answers_put_found(stdout, what, path, offset, len);
}

static FILE *file_open(const char *name, bool write)
{
	FILE *f = !strcmp(name, "-") ? (write ? stdout : stdin) : fopen(name, write ? "we" : "re");

	if (!f)
		fprintf(stderr, "extentctl: %s: %s\n", name, strerror(errno));
	return f;
}

static int verify(struct verify_job *job, const struct values *v, struct extent_session *session,
		  char *const paths[])
{
	struct verify_options o = {
		.session = session,
		.content = v->content,
		.found = v->answers ? answer_found : verify_print_found,
		.ask = v->answers ? ask : NULL,
		.error = verify_print_error,
		.tick = verify_tick,
		.userdata = job,
		.stats = &job->stats,
	};
	const char *name = v->digest_out ? v->digest_out : v->digest;
	FILE *f = name ? file_open(name, v->digest_out) : NULL;
	int err;

	if (name && !f)
		return CTL_FATAL;
	job->progress = progress_new(v->quiet || v->json || v->answers, -1, false);
	job->scan = job->progress ? scan_new(paths, 1) : NULL;
	if (v->answers)
		answers_begin(stdout);
	if (v->digest_out)
		err = verify_list_make(&o, paths[0], f);
	else if (v->digest)
		err = verify_list(&o, f, paths[0]);
	else
		err = verify_trees(&o, paths[0], paths[1]);
	if (f && fclose(f) && !err)
		err = -errno;
	if (v->answers && !err)
		err = answers_end(stdout, &job->stats);
	scan_free(job->scan);
	job->progress = progress_free(job->progress, NULL, -1);
	if (err < 0 && !job->stats.errors)
		fprintf(stderr, "extentctl: %s\n", strerror(-err));
	return err < 0 ? CTL_FATAL : verify_code(&job->stats);
}

/* Some options go together and some do not. */
static bool makes_sense(const struct values *v, int arguments)
{
	if (v->digest && v->digest_out)
		return false;
	if (v->rsh.host && (v->digest || v->digest_out))
		return false;
	if ((v->content && !v->digest_out) || (v->answers && (!v->digest || v->json)))
		return false;
	return arguments == (v->digest || v->digest_out ? 1 : 2);
}

static int run(int argc, char *argv[])
{
	struct values v = { NULL };
	struct verify_job job = { .progress = NULL };
	struct extent_session *session;
	int first, code;
	int err = option_parse(&verify_command, argc, argv, &v, &first);

	if (err)
		return err < 0 ? CTL_USAGE : CTL_OK;
	if (!makes_sense(&v, argc - first)) {
		fprintf(stderr, "extentctl verify: SRC and DST are needed, or one of them with a "
				"list; try --help\n");
		return CTL_USAGE;
	}
	if (session_find(&v, &session) < 0)
		return CTL_DAEMON;
	job.quiet = v.quiet;
	job.json = v.json;
	job.found = v.json ? json_array() : NULL;
	if (v.rsh.host)
		code = verify_there(&job, session, &v.rsh, argv + first);
	else
		code = verify(&job, &v, session, argv + first);
	if (!v.answers)
		code = verify_report(&job, code);
	json_decref(job.found);
	extent_disconnect(session);
	return code;
}

const struct command verify_command = {
	.name = "verify",
	.arguments = "SRC DST",
	.text = "Compares two trees, extent by extent as they lie on disk.\n"
		"With --host, DST is on that machine: digests travel, and no content.",
	.options = options,
	.run = run,
};
