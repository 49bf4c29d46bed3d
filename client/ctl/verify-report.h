/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CTL_VERIFY_REPORT_H
#define EXTENTD_CTL_VERIFY_REPORT_H

/* What extentctl verify says, whichever way it compares. One thread at a time. */

#include <jansson.h>
#include <stdbool.h>

#include "ctl/progress.h"
#include "ctl/scan.h"
#include "verify/verify.h"

struct verify_job {
	bool quiet, json;
	struct verify_stats stats;
	struct progress *progress;
	struct scan *scan;
	json_t *found;
};

/* Callbacks of struct verify_options; the job is their userdata. */
void verify_print_error(void *job, const char *text);
void verify_print_found(void *job, enum verify_found what, const char *path, uint64_t offset,
			uint64_t len);
void verify_tick(void *job);

/* In the end; returns the code. */
int verify_report(struct verify_job *job, int code);

/* The exit code of a comparison that came to its end with those numbers. */
int verify_code(const struct verify_stats *stats);

/* Compares SRC here with DST there: an exit code. session as in struct verify_options. */
struct rsh;
int verify_there(struct verify_job *job, struct extent_session *session, const struct rsh *rsh,
		 char *const paths[2]);

#endif
