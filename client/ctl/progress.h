/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CTL_PROGRESS_H
#define EXTENTD_CTL_PROGRESS_H

/*
 * One line at the bottom of a terminal: percent, rate, time left, files, bytes. Looks at the
 * terminal's width each time it draws. $NO_COLOR and TERM=dumb are respected.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress;

struct progress_view {
	uint64_t bytes, payload_bytes, files;
	uint64_t total_bytes; /* 0: not known */
};

/* NULL (which all calls take) when stderr is no terminal, or quiet, or out of memory. */
struct progress *progress_new(bool quiet);
/* Cheap: draws only a few times a second. */
void progress_tick(struct progress *p, const struct progress_view *view);
/* Takes the line away, so that something else can be printed. */
void progress_clear(struct progress *p);
struct progress *progress_free(struct progress *p); /* NULL */

/* The line itself, of at most width columns; seconds since the start. Returns out. */
char *progress_line(const struct progress_view *view, double seconds, double rate,
		    unsigned int width, char *out, size_t size);

/* "1.2 GiB"; out has room for 16 bytes. Returns out. */
char *progress_bytes(uint64_t bytes, char *out);

#endif
