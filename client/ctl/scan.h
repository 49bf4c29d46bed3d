/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CTL_SCAN_H
#define EXTENTD_CTL_SCAN_H

/* How much there is to copy, found out by a thread while the copy already runs: for percent and
 * time left on a terminal, and for nothing else. */

#include <stdint.h>

struct scan;

/* paths must stay; NULL if it cannot be done, which the other calls take. */
struct scan *scan_new(char *const paths[], unsigned int n);
uint64_t scan_total(const struct scan *scan); /* 0 until it is known */
struct scan *scan_free(struct scan *scan);    /* stops it; NULL */

#endif
