/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_EXECUTOR_H
#define EXTENTD_RECEIVE_EXECUTOR_H

/*
 * One subvolume being filled: a job of the restore core, told by the planner's actions what to do.
 */

#include "receive/planner.h"
#include "restore/sink.h"

struct executor;

struct executor_stats {
	uint64_t inodes, elided, literal; /* made; of them without, and with, the temporary name */
	uint64_t calls_saved;		  /* chmods and chowns that were true already */
	uint64_t not_set; /* owners, xattrs or modes that this process may not set */
};

struct executor_options {
	struct sink *sink;
	/* A descriptor of the file's subvolume for a clone source: borrowed, or negative errno. */
	int (*clone_root)(void *userdata, const uint8_t uuid[16], uint64_t ctransid);
	/* What could not be done and was passed over; strict makes it an error. */
	void (*warn)(void *userdata, const struct action *a, const char *what, int error);
	void *userdata;
	bool strict;
	bool closed; /* keep the root 0700 until executor_finish(): what the planner relies on */
};

/* Takes root over: the subvolume's directory, opened for reading. */
int executor_new(int root, const struct executor_options *options, struct executor **out);
void executor_free(struct executor *t);

/* An action_fn; userdata is the target. SUBVOL, SNAPSHOT and END are not for it. */
int executor_execute(void *target, const struct action *a);

/* Waits for the data, and gives the root the mode it should have. 0 or the first error. */
int executor_finish(struct executor *t);

/* Waits until all of it is safe on disk, and proved so where the sink can. */
int executor_sync(struct executor *t);

int executor_root(const struct executor *t);
const struct executor_stats *executor_stats(struct executor *t);

#endif
