/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REPLICATE_SOURCE_H
#define EXTENTD_REPLICATE_SOURCE_H

/* What is replicated: a read-only snapshot, or a subvolume of which one is taken. */

#include <stdbool.h>

#include "replicate/inventory.h"

struct source {
	struct inventory all;	    /* of its filesystem, with the snapshot */
	const struct replica *self; /* the snapshot, in all */
	int mount;		    /* path itself */
	int snapshots;		    /* where they are taken, or -1 */
	char origin[256];	    /* name that they begin with */
	uint8_t origin_uuid[16];    /* of what they are taken from */
	char taken[300];	    /* name of the one that was; empty: none was */
};

/* snapshots: a directory on the same filesystem; needed if path is writable, else not looked at.
 * 0, or a negative errno after the reason was told. */
int source_open(const char *path, const char *snapshots, struct source *out);
void source_close(struct source *s);

/* A descriptor of self, or of another one that was taken here; or negative errno. */
int source_snapshot(const struct source *s, const struct replica *which);

/*
 * Deletes the oldest of the snapshots that were taken here before, so that count are left; those
 * for which needed() says so stay in any case.
 */
void source_prune(struct source *s, unsigned int count,
		  bool (*needed)(void *userdata, const struct replica *which), void *userdata);

#endif
