/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_SESSION_OPENING_H
#define EXTENTD_SESSION_OPENING_H

#include <stdint.h>

struct handle;
struct server;
struct session;
struct wire_open;

/* OPEN, in a worker: the file may be on something that never answers. fd, if it was passed, is
 * taken over; path is copied. Answers in any case. */
void opening_start(struct session *session, struct handle *handle, const struct wire_open *frame,
		   int fd, const char *path);

/* The client is gone: nobody is told. */
void openings_orphan(struct session *session);

/* Lanes became free: starts those that waited for one. */
void openings_resume(struct server *server);

#endif
