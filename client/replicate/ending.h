/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REPLICATE_ENDING_H
#define EXTENTD_REPLICATE_ENDING_H

/* Whether another attempt is of any use, from how a far side ended. */

#include <stdbool.h>

#include "replicate/attempt.h"

struct ending {
	int status;	     /* as rsh_wait(), and not 0 */
	bool remote;	     /* ssh ran it */
	bool answered;	     /* in this run it has answered before: ssh can log in there */
	const char *refusal; /* what ssh_refuses() found in what was said; NULL: nothing */
	const char *last;    /* line that it said; empty: none */
};

/* One of ssh's errors that no repetition mends? */
bool ssh_refuses(const char *line);

/* *what: a few words for the reason; *said: the line that goes with them. */
enum attempt_outcome ending_judge(const struct ending *e, const char **what, const char **said);

#endif
