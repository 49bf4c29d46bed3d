/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_SESSION_DISPATCH_H
#define EXTENTD_SESSION_DISPATCH_H

#include "session.h"

/*
 * One whole frame; for a WRITE with an inline payload, its fixed part, and what to do with the
 * payload is then in session->receiving or session->discard. tail: a path.
 * 0, or the enum wire_code for which the session must end.
 */
int dispatch(struct session *session, const union wire_frame *frame, const unsigned char *tail);

#endif
