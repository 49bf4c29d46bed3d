/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_TESTS_SESSION_PEER_H
#define EXTENTD_TESTS_SESSION_PEER_H

/* The peer of fuzz-session.c: what it knows, what it says (peer.c), what it can do (ops.c). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

#define IDS	   512 /* requests of one input */
#define ARENA	   65536
#define REPLY_ROOM 400000

struct peer {
	const uint8_t *at, *end; /* the program */
	int socket;
	uint64_t sent; /* ids 1 ... sent */
	uint8_t answers[IDS];
	unsigned int answered;
	bool spoilt; /* not all that it sent is by the rules */
	bool hello, failed;
	uint8_t flip_at, flip;
	int extra; /* a descriptor for the next frame, or -1 */
	uint8_t reply[REPLY_ROOM];
	size_t have;
};

/* Of the daemon that all peers talk to. */
extern struct surroundings {
	char dir[64];	      /* where the files are */
	uint8_t packed[1024]; /* zstd of 8192 zeros */
	size_t packed_len;
} surroundings;

/* Lets the daemon run: EVLOOP_NONBLOCK or EVLOOP_ONCE. */
void daemon_turn(int flags);

/* The next byte of the program, 0 at its end; a number mostly small or near the limit. */
uint8_t peer_take(struct peer *p);
uint64_t peer_number(struct peer *p, uint64_t limit);

/* fd, or -1, goes along and is closed. */
void peer_send_bytes(struct peer *p, const uint8_t *bytes, size_t len, int fd);
void peer_send(struct peer *p, uint16_t type, union wire_frame *f, const void *tail,
	       size_t tail_len, int fd);
/* What has come, each looked at. */
void peer_read(struct peer *p);

/* Does what the next bytes of the program say. */
void peer_hello(struct peer *p);
void peer_act(struct peer *p);

#endif
