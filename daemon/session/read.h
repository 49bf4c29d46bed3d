/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_SESSION_READ_H
#define EXTENTD_SESSION_READ_H

#include "session.h"

/* Answers, now or later. */
void read_start(struct session *session, const struct wire_read *frame);

/* A file was opened, or could not be: starts or refuses the reads that waited for it. */
void read_resume(struct session *session);

/* The peer has taken a payload that came with its answer, for which so much memory was held. */
void read_taken(struct session *session, uint64_t bytes);

/* The client is gone. */
void reads_orphan(struct session *session);

#endif
