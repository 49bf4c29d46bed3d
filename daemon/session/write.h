/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_SESSION_WRITE_H
#define EXTENTD_SESSION_WRITE_H

#include "session.h"

/* What to do with an inline payload is then in session->receiving or session->discard. */
void write_start(struct session *session, const struct wire_write *frame);

/* The payload of session->receiving is complete. */
void write_received(struct session *session);

/* A file was opened, or a request that waited is gone: starts those whose turn has come. */
void write_resume(struct session *session);

/* Answers with the code; an inline payload will be skipped. */
void write_refuse(struct session *session, const struct wire_write *frame, uint32_t code);

#endif
