/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REPLICATE_FAN_H
#define EXTENTD_REPLICATE_FAN_H

/*
 * What comes out of one pipe, into several: by reference to the same pages, so nothing is copied,
 * and what waits for a slow member is never more than the pipes hold.
 */

#include <stdbool.h>
#include <stddef.h>

enum fan_end {
	FAN_OPEN,
	FAN_ALL,    /* it got everything */
	FAN_CLOSED, /* nobody reads it any more */
	FAN_BEHIND, /* the others were not to wait for it */
};

struct fan_member {
	int to;	      /* a pipe; closed when the member has ended */
	size_t ahead; /* bytes that it has of what is still in the source's pipe */
	double held;  /* seconds that others had nothing to do because of it */
	enum fan_end end;
};

struct fan {
	int from; /* a pipe; closed by fan_run() */
	struct fan_member *members;
	size_t count;
	/* A member is left behind that held the others up for more than so many seconds, and for
	 * more than half of the time. */
	double patience;
	void (*ended)(void *userdata, size_t member); /* as soon as one has; may be NULL */
	void *userdata;
};

#define FAN_PATIENCE 10.0

/* Returns when all members have ended; a negative errno where the source was not read to its end.
 * SIGPIPE must be ignored. */
int fan_run(struct fan *fan);

#endif
