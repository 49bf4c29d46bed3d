/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_SESSION_HANDLE_H
#define EXTENTD_SESSION_HANDLE_H

#include "session.h"

struct file;

/* A client's name for a file. Exists from OPEN on, so that writes may follow at once. */
struct handle {
	unsigned int refs; /* the table's, the opening's, one for each request and barrier */
	uint32_t number;
	struct file *file; /* NULL while it is being opened, and when that failed */
	bool opening;
	bool reading;		/* it is to be read, and not written */
	unsigned int unwritten; /* requests that the kernel has not taken, and the opening */
	uint64_t lost;		/* extents since the last SYNC of the file */
};

struct handle *handle_ref(struct handle *handle);
void handle_unref(struct handle *handle);

/* Does its file have as many writes waiting for others as it may? */
bool handle_crowded(const struct handle *handle);

/* By number; NULL also for one whose OPEN has failed. */
struct handle *session_handle(struct session *session, uint32_t number);

#endif
