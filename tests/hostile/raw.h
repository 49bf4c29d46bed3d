/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_TESTS_RAW_H
#define EXTENTD_TESTS_RAW_H

/* The protocol without the library, for what the library would never send. */

#include <stdint.h>
#include <stddef.h>
#include "wire/codes.h"
#include "wire/wire.h"

#define RAW_SECONDS 10 /* without an answer: the daemon hangs */

int raw_connect(void); /* a socket; dies if the daemon takes no connections */
int raw_hello(void);   /* the same, and HELLO is through */
size_t raw_frame(uint16_t type, uint64_t id, union wire_frame *f, size_t tail, void *out);
int raw_send(int s, const void *bytes, size_t len, const int *fds, unsigned int n_fds);

/*
 * The next reply: its type, and for ACKS with one element the acknowledgement. 0 at the end of
 * the stream, -1 after RAW_SECONDS.
 */
struct raw_reply {
	union wire_frame frame;
	struct wire_ack ack;
};
int raw_reply(int s, struct raw_reply *out);

/* What the daemon says to the request id: a code; UINT32_MAX when it hangs or hangs up. */
uint32_t raw_answer(int s, uint64_t id);

uint32_t raw_open(int s, uint32_t handle, int fd, const char *path, uint32_t flags);
uint32_t raw_close(int s, uint32_t handle);
uint32_t raw_arena(int s, uint32_t arena, int fd, uint64_t size);
/* An extent of one sector of plain bytes, from the arena or (WIRE_NO_ARENA) inline. */
uint32_t raw_write(int s, uint32_t handle, uint32_t arena, uint64_t payload_offset,
		   uint64_t offset);

#endif
