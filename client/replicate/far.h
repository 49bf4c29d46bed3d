/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REPLICATE_FAR_H
#define EXTENTD_REPLICATE_FAR_H

/*
 * One extentctl on the far side while it runs: a stream goes in, its report is kept, and what it
 * (or ssh) says on standard error goes on, line by line, with the target's name in front.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "remote/rsh.h"

#define FAR_REPORT_MAX (64u << 20) /* bytes of standard output; more is an error */
#define FAR_LINE_MAX   1024

struct throttle;

struct far {
	const char *name; /* of the target, in front of each line */
	pid_t pid;
	int in, out, err; /* ours; -1 when closed */
	char *report;	  /* standard output, ends with a zero byte */
	size_t report_size;
	char line[FAR_LINE_MAX]; /* the one being received */
	size_t line_size;
	char last[FAR_LINE_MAX];    /* the last one that was whole */
	char refusal[FAR_LINE_MAX]; /* the last one with which ssh refused to go on; empty: none */
};

/* 0 or negative errno. */
int far_begin(struct far *f, const char *name, const struct rsh *rsh,
	      const char *const arguments[]);

struct pump {
	const uint8_t *first; /* first_size bytes before from; may be NULL */
	size_t first_size;
	int from;		   /* a pipe; -1: nothing to send. Closed by far_run() */
	struct throttle *throttle; /* NULL: none */
	uint64_t *sent;		   /* counts on */
	double *sent_all;	   /* becomes the time of the stream's end; may be NULL */
	const atomic_bool *stop;   /* the far side is ended when it is true; may be NULL */
	void (*tick)(void *userdata);
	void *userdata;
};

/*
 * Sends all of it, and waits for the end of the far side. *status as rsh_wait(); a negative errno
 * only where this side failed.
 */
int far_run(struct far *f, struct pump *pump, int *status);
void far_free(struct far *f);

#endif
