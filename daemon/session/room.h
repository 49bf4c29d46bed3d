/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_SESSION_ROOM_H
#define EXTENTD_SESSION_ROOM_H

#include "session.h"
#include "wire/wire.h"

/* May one more file be held open? */
bool session_files_left(const struct session *session);

/* May the next frame be taken on? */
bool room_for(struct session *session, const union wire_frame *frame);

/* If not: sees to it that there will be room. */
void room_make(struct session *session, const union wire_frame *frame);

#endif
