/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERCUT_MARKS_H
#define POWERCUT_MARKS_H

/*
 * Writes marks (see ledger.h) into the recorder's `marks` file. A mark is in the history when
 * the call returns. Without a path all calls do nothing, so that a workload can be timed without
 * a recorder. A mark that cannot be written ends the program: its run would prove nothing.
 */

struct marks {
	int fd;
};

/* @path may be NULL. Exits with a message when it cannot be opened. */
struct marks marks_open(const char *path);
void marks_close(struct marks *marks);
/* One mark; the text may hold several lines. Thread-safe. */
__attribute__((format(printf, 2, 3))) void marks_say(const struct marks *marks, const char *format,
						     ...);

#endif
