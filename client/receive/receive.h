/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_H
#define EXTENTD_RECEIVE_H

/*
 * A send stream to subvolumes. Ties together stream, guard, planner and target; the data go into
 * the sink.
 */

#include <stdbool.h>
#include <stdint.h>

#include "restore/sink.h"
#include "receive/executor.h"

struct receive_options {
	int input;	     /* the stream: a file, a pipe */
	int directory;	     /* where the subvolumes are made */
	int mount;	     /* parents and clone sources lie below this */
	struct sink *sink;   /* stays the caller's */
	bool literal;	     /* every command as it stands (--no-plan) */
	bool stop_at_end;    /* -e */
	bool strict;	     /* what cannot be set is an error */
	uint64_t max_errors; /* -E: give up after so many; 0: only at the end */
	/* One line each; level as in syslog: LOG_ERR, LOG_WARNING, LOG_INFO. */
	void (*message)(void *userdata, int level, const char *text);
	void (*tick)(void *userdata); /* now and then, when stats have changed; or NULL */
	void *userdata;
};

struct receive_stats {
	uint64_t bytes, commands, subvolumes, errors, warnings;
	struct executor_stats target;
};

/*
 * Returns 0 when everything is safe on disk and sealed, or the first negative errno. Each error was
 * told through message with stream offset, command, path and cause. A subvolume with errors is left
 * unsealed: writable and without a received UUID.
 */
int receive(const struct receive_options *options, struct receive_stats *stats);

#endif
