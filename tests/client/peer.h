/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_TESTS_PEER_H
#define EXTENTD_TESTS_PEER_H

/*
 * The other end of a session, moved by the test itself: for what a real daemon never does, or
 * not when the test wants it. Everything happens in one thread; a reply waits in the socket
 * until the library reads it.
 */

#include <stdint.h>

#include "client/lib/extent.h"
#include "wire/limits.h"
#include "wire/wire.h"

struct peer {
	int fd;			       /* the daemon's end */
	int descriptor;		       /* that the last frame taken claims, or -1 */
	int queued[LIMIT_MESSAGE_FDS]; /* that came, and that no frame has claimed */
	unsigned int n_queued;
	uint8_t tail[1 << 18];
	uint32_t tail_len;
};

/* Limits of peer_session()'s HELLO_REPLY; a test may change a copy. */
extern const struct wire_hello_reply peer_limits;

/* A session against a new peer that grants limits (NULL: peer_limits). */
struct extent_session *peer_session(struct peer *p, const struct wire_hello_reply *limits);
void peer_close(struct peer *p);

/* The next request, which must be there. Fails the test if it is not of that type. */
void peer_take(struct peer *p, uint16_t type, union wire_frame *out);

void peer_send_raw(struct peer *p, const void *bytes, size_t len);
void peer_send(struct peer *p, union wire_frame *f, const void *tail, size_t len);
void peer_ack(struct peer *p, const struct wire_ack *a);
void peer_ack_ok(struct peer *p, uint64_t id, uint8_t level);
void peer_ack_error(struct peer *p, uint64_t id, uint32_t code, int kernel_errno);
void peer_opened(struct peer *p, const struct wire_open *request);

/* A session with one open file, everything answered. */
struct extent_session *peer_session_file(struct peer *p, int *file);

#endif
