/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERCUT_TRIAL_H
#define POWERCUT_TRIAL_H

/* One cut image on trial: does it mount, is every promise kept, does btrfs check pass? */

#include <stdbool.h>
#include <stdint.h>

#include "ledger.h"

struct trial {
	uint32_t lost;		 /* acknowledged versions of which a block reads as zeros */
	uint32_t stale;		 /* ... as an older version */
	uint32_t damaged;	 /* ... as something nobody wrote, or an I/O error */
	uint32_t shortened;	 /* ... of which the file ends too early */
	uint32_t nameless;	 /* files with a promise that are not there */
	uint32_t foreign;	 /* blocks without a promise that hold what nobody wrote there */
	uint32_t unreadable;	 /* blocks without a promise that cannot be read */
	uint32_t broken;	 /* the inspector was not content */
	uint32_t refused_intact; /* versions reported as failed that are there, whole */
	bool mounted, clean;	 /* clean: btrfs check */
	char first[256];	 /* the first fault found, in words */
};

/* Whether the image breaks a promise, or the filesystem. */
static inline bool trial_failed(const struct trial *trial)
{
	return trial->lost || trial->stale || trial->damaged || trial->shortened ||
	       trial->nameless || trial->foreign || trial->broken || !trial->mounted ||
	       !trial->clean;
}

static inline bool trial_lost_data(const struct trial *trial)
{
	return trial->lost || trial->stale || trial->damaged || trial->shortened ||
	       trial->nameless || trial->broken;
}

/*
 * Mounts @image on @mountpoint, looks, unmounts, checks. Leaves nothing mounted. Returns 0 with
 * the findings in *out, or -errno when the trial itself could not be held.
 *
 * @inspector: NULL, or a program that looks at what the ledger does not know about. It is started
 * by the shell as "@inspector MOUNTPOINT NAME...", the names being those that D has promised, and
 * ends with 0 if they are kept.
 */
int trial_hold(const struct ledger *ledger, const char *inspector, const char *image,
	       const char *mountpoint, struct trial *out);

#endif
