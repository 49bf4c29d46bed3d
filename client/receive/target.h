/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_TARGET_H
#define EXTENTD_RECEIVE_TARGET_H

/*
 * One subvolume being filled: executes the planner's actions. Metadata by calls relative to cached
 * directory descriptors, never through a symbolic link; data by a sink.
 */

#include "receive/planner.h"
#include "receive/sink.h"

/* Directory descriptors kept open; hard limits of 20,000 open files are common. */
#define TARGET_DIRS 1024

struct target;

struct target_stats {
	uint64_t inodes, elided, literal; /* made; of them without, and with, the temporary name */
	uint64_t calls_saved;		  /* chmods and chowns that were true already */
	uint64_t not_set; /* owners, xattrs or modes that this process may not set */
};

struct target_options {
	struct sink *sink;
	/* A descriptor of the file's subvolume for a clone source: borrowed, or negative errno. */
	int (*clone_root)(void *userdata, const uint8_t uuid[16], uint64_t ctransid);
	/* What could not be done and was passed over; strict makes it an error. */
	void (*warn)(void *userdata, const struct action *a, const char *what, int error);
	void *userdata;
	bool strict;
	bool closed; /* keep the root 0700 until target_finish(): what the planner relies on */
};

/* Takes root over: the subvolume's directory, opened for reading. */
int target_new(int root, const struct target_options *options, struct target **out);
void target_free(struct target *t);

/* An action_fn; userdata is the target. SUBVOL, SNAPSHOT and END are not for it. */
int target_execute(void *target, const struct action *a);

/* Waits for the data, and gives the root the mode it should have. 0 or the first error. */
int target_finish(struct target *t);

int target_root(const struct target *t);
const struct target_stats *target_stats(const struct target *t);

#endif
