/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERCUT_NAIVE_H
#define POWERCUT_NAIVE_H

/*
 * The control: each encoded write linked to an fsync in the ring, acknowledged when both
 * completed well. It is the order everybody would write first, and it loses data.
 */

#include "encoded.h"

typedef void (*naive_done)(void *context, struct encoded *extent);

/* Writes the batch; @done sees each extent as its fsync completes. Returns 0 or -errno. */
int naive_write(struct encoded *extents, unsigned int n, naive_done done, void *context);

#endif
