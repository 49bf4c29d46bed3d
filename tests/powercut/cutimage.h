/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERCUT_CUTIMAGE_H
#define POWERCUT_CUTIMAGE_H

/*
 * The disk as a power cut may have left it. Goes through a history from its start, keeping an
 * image of what is certainly durable and the list of what may or may not be; a cut image is the
 * first plus some of the second. Cuts are taken in the order of the history, so that each costs
 * only what lies between it and the one before.
 *
 * Durable: writes answered before a flush arrived that was itself answered well before the cut.
 */

#include <stdint.h>

#include "history.h"

/* name: what becomes of the writes that no flush covers */
#define CUT_MODES(X)                                                                               \
	X(drop)	   /* none reached the disk */                                                     \
	X(keep)	   /* all that were answered did, nothing that was still in flight */              \
	X(random)  /* each did or did not, answered or in flight */                                \
	X(reorder) /* as random, and the later of two over the same place may come first */        \
	X(torn)	   /* as reorder, and of some only a few sectors */

enum cut_mode {
#define MODE(name) CUT_##name,
	CUT_MODES(MODE)
#undef MODE
		_CUT_N,
};

const char *cut_mode_name(enum cut_mode mode);
int cut_mode_parse(const char *name); /* -1: no such mode */

#define CUT_SECTOR 4096u /* written whole or not at all: the loop device announces it */

struct pending;

struct cutter {
	const struct history *history;
	uint64_t position; /* in the history: records before it are taken in */
	int image;	   /* what is certainly durable */
	struct pending *pending;
	unsigned int n_pending, room;
	uint64_t done; /* answers so far: the order among pending writes */
	struct {
		uint64_t id, done_before;
	} flushes[64]; /* under way */
	unsigned int n_flushes;
};

/*
 * @image: a descriptor of a copy of the image as it was when the history began; the cutter
 * writes to it, and the caller closes it after cutter_deinit().
 */
void cutter_init(const struct history *history, int image, struct cutter *out);
void cutter_deinit(struct cutter *cutter);
/* Takes in the next record, also returned; NULL at the end. Errors are in *error. */
const struct history_record *cutter_step(struct cutter *cutter, int *error);
/* Makes @out_path the disk of a cut here and now. Returns 0 or -errno. */
int cutter_cut(const struct cutter *cutter, enum cut_mode mode, uint64_t seed,
	       const char *out_path);

#endif
