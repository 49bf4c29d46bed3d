// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The list of digests is made here, and compared there while it is made. What is stored in another
 * way there than here comes back as a question, with a digest of the content: it is answered here,
 * where the file is. So each side reads its own tree once, decompresses only what it must, and
 * neither holds more than an extent of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/exit.h"
#include "ctl/there.h"
#include "ctl/verify-report.h"
#include "verify/answer.h"

/* The list's maker has a thread and numbers of its own; what is printed, one prints at a time. */
struct comparison {
	struct verify_job *job;
	pthread_mutex_t printing;
	struct extent_session *session;
	const char *source;
	FILE *list;
	struct verify_stats made;
	int error; /* of the list */
};

static void maker_error(void *userdata, const char *text)
{
	struct comparison *c = userdata;

	pthread_mutex_lock(&c->printing);
	verify_print_error(c->job, text);
	pthread_mutex_unlock(&c->printing);
}

static void maker_tick(void *userdata)
{
	struct comparison *c = userdata;

	pthread_mutex_lock(&c->printing);
	c->job->stats = c->made; /* until the other side's numbers are there */
	verify_tick(c->job);
	pthread_mutex_unlock(&c->printing);
}

static void *make_list(void *arg)
{
	struct comparison *c = arg;
	const struct verify_options o = {
		.session = c->session,
		.error = maker_error,
		.tick = maker_tick,
		.userdata = c,
		.stats = &c->made,
	};

	c->error = verify_list_make(&o, c->source, c->list);
	if (fclose(c->list) && !c->error)
		c->error = -errno;
	return NULL;
}

/* What differs is counted by the other side, but for what it could not tell. */
static int take(struct comparison *c, const struct answer *a, uint64_t *judged)
{
	enum verify_found what = a->what;
	char text[4096 + 128];
	int r = MARK_DIFFERS;

	if (a->type == ANSWER_ASKS) {
		r = answer_judge(c->source, a);
		what = VERIFY_CONTENT;
		*judged += r == MARK_DIFFERS;
	}
	pthread_mutex_lock(&c->printing);
	if (r < 0) {
		snprintf(text, sizeof(text), "%.4096s: at byte %llu: cannot be read again: %s",
			 a->path, (unsigned long long)a->offset, strerror(-r));
		verify_print_error(c->job, text);
	} else if (r == MARK_DIFFERS) {
		verify_print_found(c->job, what, a->path, a->offset, a->len);
	}
	pthread_mutex_unlock(&c->printing);
	return r < 0 ? r : 0;
}

/* Reads the answers to their end: the numbers are then in *stats. */
static int answers_take(struct comparison *c, FILE *in, struct verify_stats *stats)
{
	uint64_t judged = 0, failed = 0;
	struct answers answers;
	struct answer a;
	int r = answers_open(in, &answers);

	while (!r && !(r = answers_next(&answers, &a, stats)) && a.type != ANSWER_END)
		failed += take(c, &a, &judged) < 0;
	stats->differences += judged;
	stats->errors += failed;
	answers_close(&answers);
	return r;
}

static int compare(struct comparison *c, const struct rsh *rsh, FILE *answers, pid_t pid)
{
	struct verify_stats stats = { 0 };
	pthread_t maker;
	int status, answered, r = -pthread_create(&maker, NULL, make_list, c);

	if (r) {
		fclose(c->list);
		fclose(answers);
		rsh_wait(pid);
		return CTL_FATAL;
	}
	answered = answers_take(c, answers, &stats);
	fclose(answers); /* should it not have ended, it ends now, and with it the list */
	status = rsh_wait(pid);
	pthread_join(maker, NULL);
	stats.payload_bytes = c->made.payload_bytes;
	stats.errors += c->made.errors;
	c->job->stats = stats;
	if (c->error && c->made.errors)
		return CTL_FATAL; /* and why was told */
	if (status > CTL_PARTIAL)
		return there_exit(rsh, status);
	if (answered || c->error) {
		fprintf(stderr, "extentctl: %s: %s\n", rsh->host,
			answered ? "its answer is none of extentctl verify" : strerror(-c->error));
		return CTL_FATAL;
	}
	return verify_code(&stats);
}

int verify_there(struct verify_job *job, struct extent_session *session, const struct rsh *rsh,
		 char *const paths[2])
{
	const char *const arguments[] = { "verify", "--digest", "-", "--answers",
					  "--",	    paths[1],	NULL };
	struct comparison c = { .job = job, .session = session, .source = paths[0] };
	int to[2] = { -1, -1 }, from[2] = { -1, -1 }, r, code = CTL_FATAL;
	FILE *answers = NULL;
	pid_t pid;

	r = pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC) ? -errno : 0;
	if (!r)
		r = rsh_start(rsh, arguments, (const int[]){ to[0], from[1], STDERR_FILENO }, &pid);
	closep(&to[0]);
	closep(&from[1]);
	if (r) {
		fprintf(stderr, "extentctl: --host %s: %s\n", rsh->host, strerror(-r));
		closep(&to[1]);
		closep(&from[0]);
		return r == -EINVAL ? CTL_USAGE : CTL_FATAL;
	}
	pthread_mutex_init(&c.printing, NULL);
	c.list = fdopen(to[1], "w");
	answers = fdopen(from[0], "r");
	if (c.list && answers) {
		job->progress = progress_new(job->quiet || job->json, -1, false);
		job->scan = job->progress ? scan_new(paths, 1) : NULL;
		code = compare(&c, rsh, answers, pid);
		scan_free(job->scan);
		job->progress = progress_free(job->progress, NULL, -1);
	} else {
		c.list ? fclose(c.list) : close(to[1]);
		answers ? fclose(answers) : close(from[0]);
		rsh_wait(pid);
	}
	pthread_mutex_destroy(&c.printing);
	return code;
}
