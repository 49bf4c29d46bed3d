/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_READBACK_H
#define EXTENTD_STORE_READBACK_H

#include <stdbool.h>

struct extent;

/*
 * Proof by looking at what lies on the disk. Everything but the first function runs in workers.
 */

/*
 * True if nobody reports what became of the write: it was an encoded one, or a plain one whose
 * errors the peer may fetch before us. Then its range has to be looked at.
 */
bool readback_needed(const struct extent *extent);

/* Before the write, of a range that is not fresh: notes what to compare with. */
void readback_prepare(struct extent *extent);

/* Buffers for one settle, made when the first extent is compared. */
struct readback {
	unsigned char *buffers;
};

/* After the write: 0 if the range holds it on the disk, a positive enum wire_code, or -ENOMEM. */
int readback_compare(struct readback *readback, const struct extent *extent);
/* The same, of a fresh range: it is not all zeros, as it would be had the write been lost. */
int readback_nonzero(struct readback *readback, const struct extent *extent);
void readback_free(struct readback *readback);

#endif
