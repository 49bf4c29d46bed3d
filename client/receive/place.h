/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_PLACE_H
#define EXTENTD_RECEIVE_PLACE_H

/* What lies beside NAME while it is being received (see partial.c), and taking it away. */

#include <stdbool.h>

#include "receive/journal.h"
#include "stream/path.h"

#define PLACE_FILLED	  "subvolume"
#define PLACE_CHECKPOINTS 2u
extern const char *const place_checkpoints[PLACE_CHECKPOINTS];

struct place {
	int directory; /* borrowed */
	int dir;       /* .NAME.partial, locked; or -1 */
	struct journal journal;
	char name[STREAM_NAME_MAX + 1];
	char private[STREAM_NAME_MAX + 1], complete[STREAM_NAME_MAX + 1];
};

void place_name(struct place *p, int directory, const char *name);
/* -ENOENT; -EPERM if it is not ours; -EBUSY if a process is working there, which displace puts to
 * an end. dir is the caller's. */
int place_open(struct place *p, bool displace);

/* Deletes the subvolumes there but one checkpoint (or NULL); .NAME.complete, if the journal knows
 * it: -EEXIST if it does not. */
int place_clear(struct place *p, const char *but);
/* Removes the journal and the private directory. */
int place_remove(struct place *p);

#endif
