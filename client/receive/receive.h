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
#include "receive/partial.h"

struct receive_options {
	int input;	    /* the stream: a file, a pipe */
	int stop;	    /* readable when receiving shall end; or -1 */
	uint64_t rate;	    /* bytes of the stream a second; 0: as they come */
	int directory;	    /* where the subvolumes are made */
	int mount;	    /* parents and clone sources lie below this */
	struct sink *sink;  /* stays the caller's */
	bool literal;	    /* every command as it stands (--no-plan) */
	bool stop_at_end;   /* -e */
	bool strict;	    /* what cannot be set is an error */
	bool rehearse;	    /* say what would be missing, and write nothing: needs no sink */
	bool trust;	    /* rehearse: check the structure of payloads only */
	bool no_checkpoint; /* without the privilege to delete subvolumes they cannot be kept */
	enum partial_policy policy;
	bool displace; /* end a receiver that still works on the same subvolume */
	bool goes_on;  /* behind its first command the stream goes on at the byte from, */
	uint64_t from; /* up to which its commands have the digest from_digest */
	uint64_t from_digest;
	uint64_t checkpoint; /* bytes of the stream after which one is made; 0: by time only */
	uint64_t max_errors; /* -E: give up after so many; 0: only at the end */
	/* One line each; level as in syslog: LOG_ERR, LOG_WARNING, LOG_INFO. */
	void (*message)(void *userdata, int level, const char *text);
	void (*tick)(void *userdata); /* now and then, when stats have changed; or NULL */
	void *userdata;
};

/* Shared with whoever shows them: X(field, text), counts. */
#define RECEIVE_STATS(X)                                                                           \
	X(stream_bytes, "of the stream were read")                                                 \
	X(skipped_bytes, "of it were not applied again")                                           \
	X(commands, "were read")                                                                   \
	X(subvolumes, "were received")                                                             \
	X(checkpoints, "were made")                                                                \
	X(errors, "")                                                                              \
	X(warnings, "")

struct receive_stats {
#define X(field, text) uint64_t field;
	RECEIVE_STATS(X)
#undef X
	struct executor_stats target;
};

/*
 * Returns 0 when everything is safe on disk and sealed, or the first negative errno: -ECANCELED
 * after a stop. Each error was told through message with stream offset, command, path and cause.
 * A subvolume with errors gets no name; what is worth it stays for a resumption (see partial.h).
 */
int receive(const struct receive_options *options, struct receive_stats *stats);

#endif
