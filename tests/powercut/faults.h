/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERCUT_FAULTS_H
#define POWERCUT_FAULTS_H

/*
 * What goes wrong with a disk, as a list of rules that can be changed while it runs. One rule is
 * one line:
 *
 *	slow [SELECTION] [min=MS] [max=MS]	the answer comes late
 *	fail [SELECTION] [errno=NAME]		the request is refused (EIO or ENOSPC)
 *	lie  [SELECTION]			a flush is answered and does nothing
 *	clear					no rules
 *
 * SELECTION is any of: kind=NAME (data tree log super flush discard; default data, for lie
 * flush), percent=N (of the requests that match; default 100), count=N (stop after N hits),
 * skip=N (let the first N pass), from=BYTE to=BYTE (overlapping this range of the disk).
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "history.h"

#define FAULTS_MAX_RULES 16

enum fault_action {
	FAULT_SLOW = 1,
	FAULT_FAIL,
	FAULT_LIE,
};

struct fault_rule {
	enum fault_action action;
	enum history_kind kind;
	double percent;
	uint64_t skip, count; /* still to pass, still to hit */
	uint64_t from, to;
	unsigned int min_ms, max_ms;
	int error; /* negative errno */
};

struct faults {
	pthread_mutex_t lock;
	uint64_t seed;
	unsigned int n;
	struct fault_rule rules[FAULTS_MAX_RULES];
	uint64_t hits; /* refusals and lies so far */
};

/* The fate of one request. */
struct fault_verdict {
	int error;	   /* 0 or a negative errno */
	uint64_t delay_ns; /* before the answer */
	bool lie;
};

void faults_init(struct faults *faults, uint64_t seed);
/* Takes one line. Returns 0, -EINVAL (no such rule) or -E2BIG (too many). Thread-safe. */
int faults_rule(struct faults *faults, const char *line);
struct fault_verdict faults_judge(struct faults *faults, enum history_kind kind, uint64_t offset,
				  uint64_t length);

#endif
