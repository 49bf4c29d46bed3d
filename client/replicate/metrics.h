/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REPLICATE_METRICS_H
#define EXTENTD_REPLICATE_METRICS_H

#include <stddef.h>
#include <stdio.h>

#include "replicate/destination.h"

/* OpenMetrics text about the targets, which are done, for node_exporter's textfile collector. */
void metrics_print(FILE *out, const struct destination *targets, size_t n, const char *source);

/* The same into a file that others see whole or not at all. 0 or negative errno. */
int metrics_write(const char *path, const struct destination *targets, size_t n,
		  const char *source);

#endif
