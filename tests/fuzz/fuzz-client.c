// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libextent against a daemon that says anything: the input is what it answers to an open file,
 * two writes, a sync and a status. Whatever that is, each request is completed once, and none
 * after the session has ended.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/lib/extent.h"
#include "wire/limits.h"
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUESTS 5

static int completed[REQUESTS];

static void done(struct extent_session *s, const struct extent_completion *c)
{
	int *times = c->userdata;

	if (++*times > 1)
		abort();
	extent_completion_text(s, c);
}

static struct extent_session *session(int peer, int fd)
{
	const union wire_frame hello = { .hello_reply = {
						 .h = { .length = sizeof(hello.hello_reply),
							.type = WIRE_TYPE_HELLO_REPLY },
						 .magic = WIRE_MAGIC,
						 .version = WIRE_VERSION,
						 .credit_bytes = 1 << 20,
						 .credit_requests = 16,
						 .max_files = 4,
						 .max_payload = 4096,
						 .max_unencoded = 4096 } };
	uint8_t bytes[sizeof(struct wire_hello_reply)];
	struct extent_session *s;

	wire_write(&hello, bytes);
	if (send(peer, bytes, sizeof(bytes), 0) != sizeof(bytes) || extent_attach(fd, &s))
		abort();
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct extent_write w = { .payload = "payload", .payload_len = 7, .ack = EXTENT_WRITTEN };
	struct extent_completion c;
	struct extent_session *s;
	int pair[2];

	if (size > 4096 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return 0;
	setenv("EXTENTD_NO_DESCRIPTORS", "1", 1);
	setenv("EXTENTD_POOL_BYTES", "65536", 1);
	s = session(pair[0], pair[1]);
	for (int i = 0; i < REQUESTS; i++)
		completed[i] = 0;
	extent_open_path(s, "/f", 0, 0, done, &completed[0], &w.file);
	extent_write(s, &w, done, &completed[1]);
	extent_write(s, &w, done, &completed[2]);
	extent_sync(s, w.file, done, &completed[3]);
	extent_status(s, done, &completed[4]);
	extent_process(s);

	if (send(pair[0], data, size, 0) != (ssize_t)size)
		abort();
	close(pair[0]);
	while (extent_process(s) >= 0)
		;
	for (int i = 0; i < REQUESTS; i++)
		if (completed[i] != 1)
			abort();
	while (extent_next_completion(s, &c))
		if (c.kind != EXTENT_OP_LOST)
			abort();
	if (extent_pending(s))
		abort();
	extent_disconnect(s);
	return 0;
}
