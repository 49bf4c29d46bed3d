/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_SCRATCH_H
#define EXTENTD_STORE_SCRATCH_H

struct payload_scratch;

/* This thread's decoder, made when it first needs one and kept for as long as it lives. NULL: out
 * of memory. */
struct payload_scratch *scratch_get(void);

#endif
