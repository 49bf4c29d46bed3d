/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CTL_PROGRESS_H
#define EXTENTD_CTL_PROGRESS_H

/*
 * How far a job is, for whoever looks: one line at the bottom of a terminal (its width is asked for
 * each time; $NO_COLOR and TERM=dumb are respected), lines for programs, and systemctl's status
 * text where systemd listens ($NOTIFY_SOCKET).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress;

struct progress_view {
	uint64_t done, total; /* bytes of what percent and time left are about; total 0: unknown */
	uint64_t files, extents, decompressed;
	uint64_t bytes, payload_bytes; /* of files; handed over for them */
};

/* The lines for programs: "progress" or "end", then X(key), as key=number each. */
#define PROGRESS_KEYS(X)                                                                           \
	X(done)                                                                                    \
	X(total)                                                                                   \
	X(files)                                                                                   \
	X(extents)                                                                                 \
	X(decompressed)                                                                            \
	X(bytes)                                                                                   \
	X(payload_bytes)

/*
 * NULL (which all calls take) when nobody looks or out of memory. No terminal if quiet, or if
 * stderr is none. fd: for programs, or -1. notify: tell systemd, if it listens.
 */
struct progress *progress_new(bool quiet, int fd, bool notify);
/* Does anybody want to know the total? */
bool progress_on_terminal(const struct progress *p);
/* Cheap: tells only a few times a second. */
void progress_tick(struct progress *p, const struct progress_view *view);
/* Takes the terminal's line away, so that something else can be printed. */
void progress_clear(struct progress *p);
/* Tells the end, unless view is NULL. NULL. */
struct progress *progress_free(struct progress *p, const struct progress_view *view, int exit_code);

/* The terminal's line, of at most width columns; seconds since the start. Returns out. */
char *progress_line(const struct progress_view *view, double seconds, double rate,
		    unsigned int width, char *out, size_t size);

/* "1.2 GiB"; out has room for 16 bytes. Returns out. */
char *progress_bytes(uint64_t bytes, char *out);

#endif
