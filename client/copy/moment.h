/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_COPY_MOMENT_H
#define EXTENTD_COPY_MOMENT_H

/*
 * A source as it is at one moment: a read-only snapshot of the subvolume that it lies in, for as
 * long as it is read.
 */

#include <stdbool.h>
#include <sys/stat.h>

struct moment {
	bool taken;   /* or the source cannot change anyway */
	char *source; /* where to read it: NULL: where it is */
	int root;     /* of the subvolume, or -1 */
	int lock;     /* the snapshot itself: who holds its lock reads it */
	char name[64];
	struct stat before, after; /* the root, without the snapshot and with it */
};

/*
 * Where it can be: a directory on btrfs, with CAP_SYS_ADMIN, and no subvolume or mount below it,
 * which a snapshot does not hold. Else (and where destination lies in it) it is left as it is.
 */
void moment_take(const char *source, const char *destination, struct moment *out);

/* Deletes the snapshot: 0 or a negative errno. */
int moment_release(struct moment *m);

#endif
