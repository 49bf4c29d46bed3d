/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_SESSION_REPLY_H
#define EXTENTD_SESSION_REPLY_H

#include <stddef.h>

#include "session.h"

struct evbuffer_cb_info;

/*
 * Replies are gathered and sent together, once the events at hand are through. None is lost for
 * lack of memory: then the session ends, since the peer would wait for ever.
 */

/* Counts for the user, who is arg, what an output buffer holds: its callback. */
void reply_count(struct evbuffer *output, const struct evbuffer_cb_info *change, void *arg);

/* The final answer to a request: gives its credit back. */
void reply_ack(struct session *session, const struct wire_ack *ack);

/* Only a code. */
void reply_code(struct session *session, uint64_t id, uint32_t code, int kernel_errno);

/* Any other frame; length and type are filled in here. */
void reply_frame(struct session *session, uint16_t type, union wire_frame *frame, const void *tail,
		 size_t tail_len);

/* A frame whose tail stays in memory of the store's that was held as so many bytes: taken over, and
 * released when it has been sent or never will be. */
void reply_payload(struct session *session, uint16_t type, union wire_frame *frame, void *tail,
		   size_t tail_len, uint64_t held);

/* Sends what it can. False if the session ended. */
bool reply_flush(struct session *session);

/* The only frame that a connection gets which is to have no session: why. Does not block. */
void reply_refusal(int fd, uint32_t code);

#endif
