/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CTL_JOB_H
#define EXTENTD_CTL_JOB_H

/*
 * What the commands that write trees have in common: which daemon, what is told meanwhile and in
 * the end, and what the exit code is.
 */

#include "copy/copy.h"
#include "ctl/json.h"
#include "ctl/option.h"
#include "ctl/progress.h"
#include "ctl/session.h"

struct job_options {
	struct session_options session;
	bool quiet, json;
	unsigned long long progress_fd; /* 0: none */
};

/* The rows of a command's table for them; they lie at AT(field). */
#define JOB_OPTIONS(AT)                                                                              \
	{ "socket", 's', "PATH", OPTION_STRING, AT(session.socket), "of the daemon to use" },        \
		{ "private",                                                                         \
		  'p',                                                                               \
		  NULL,                                                                              \
		  OPTION_FLAG,                                                                       \
		  AT(session.private_daemon),                                                        \
		  "start a daemon for this job only" },                                              \
		{ "quiet", 'q', NULL, OPTION_FLAG, AT(quiet), "print errors only" },                 \
		{ "json", 'j', NULL, OPTION_FLAG, AT(json), "print a report to stdout in the end" }, \
	{                                                                                            \
		"progress-fd", 0, "FD", OPTION_NUMBER, AT(progress_fd),                              \
			"write a line a second to this descriptor"                                   \
	}

struct job {
	const struct job_options *options;
	struct progress *progress;
	struct progress_view view; /* what was shown last */
	double start;
};

/* 0, or the exit code after the reason was printed. */
int job_begin(struct job *job, const struct job_options *options);
/* The view is up to date. */
void job_tick(struct job *job);
/* The same, with the view that a copy has; total as in the view. */
void job_tick_copy(struct job *job, const struct copy_stats *s, uint64_t total);
/* Level as in syslog. */
void job_message(struct job *job, int level, const char *text);
/* The work is over. */
void job_end(struct job *job, int code);

double job_seconds(const struct job *job);
/* Of a negative errno that ended the work, or 0. partial: the code for the others. */
int job_exit_code(int err, int partial);

/* A report with what all have; session->extent may be NULL. Ends with job_report_end(). */
void job_report_begin(struct json *j, const struct job *job, const struct session *session,
		      int code, bool durable);
void job_report_end(struct json *j);

#endif
