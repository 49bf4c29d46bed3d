// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "remote/relay.h"
#include "wire/wire.h"

#define RELAY_BYTES (256u << 10) /* in each direction: a frame of the largest payload and more */

struct direction {
	int from, to;
	uint8_t *buffer; /* RELAY_BYTES */
	size_t start, len;
	bool hello; /* the first frame is still to be looked at */
	bool ended; /* no more will come */
};

/*
 * The first frame, once it is there whole. What is no HELLO goes on as it is: the daemon knows best
 * what to say to it.
 */
static void hello_narrow(struct direction *d)
{
	union wire_frame f;
	struct wire_header h;

	if (d->len < sizeof(struct wire_hello) && !d->ended)
		return;
	d->hello = false;
	if (d->len < sizeof(struct wire_hello))
		return;
	wire_read_header(d->buffer, &h);
	if (h.type != WIRE_TYPE_HELLO || h.length != sizeof(struct wire_hello) ||
	    wire_read(d->buffer, &f))
		return;
	f.hello.features &= ~(uint64_t)WIRE_FEATURE_FDS;
	wire_write(&f, d->buffer);
}

static bool readable(const struct direction *d)
{
	return !d->ended && d->start + d->len < RELAY_BYTES;
}

static bool writable(const struct direction *d)
{
	return d->len && !d->hello;
}

/* Descriptors that a peer might pass are dropped by read(2). */
static int take(struct direction *d)
{
	ssize_t n = read(d->from, d->buffer + d->start + d->len, RELAY_BYTES - d->start - d->len);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	d->ended = n == 0;
	d->len += (size_t)n;
	if (d->hello)
		hello_narrow(d);
	return 0;
}

/* Of a socket no more than it has room for: blocked here, nobody would fetch the answers that the
 * daemon wants to be rid of before it reads on. out may block: its reader has to read anyway. */
static int give(struct direction *d)
{
	ssize_t n = send(d->to, d->buffer + d->start, d->len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno == ENOTSOCK)
		n = write(d->to, d->buffer + d->start, d->len);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	d->start += (size_t)n;
	d->len -= (size_t)n;
	if (!d->len)
		d->start = 0;
	return 0;
}

static int relay_turn(struct direction *up, struct direction *down)
{
	struct pollfd p[4] = {
		{ .fd = readable(up) ? up->from : -1, .events = POLLIN },
		{ .fd = writable(up) ? up->to : -1, .events = POLLOUT },
		{ .fd = readable(down) ? down->from : -1, .events = POLLIN },
		{ .fd = writable(down) ? down->to : -1, .events = POLLOUT },
	};
	int r = 0;

	if (poll(p, 4, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (p[0].revents)
		r = take(up);
	if (!r && p[1].revents) {
		r = give(up);
		if (r == -EPIPE || r == -ECONNRESET) { /* why is still to be read */
			up->ended = true;
			up->len = 0;
			r = 0;
		}
	}
	if (!r && p[2].revents) {
		r = take(down);
		if (r == -ECONNRESET) {
			down->ended = true;
			r = 0;
		}
	}
	if (!r && p[3].revents)
		r = give(down);
	return r;
}

int relay_run(int in, int out, int socket)
{
	_cleanup_(freep) uint8_t *a = malloc(RELAY_BYTES), *b = malloc(RELAY_BYTES);
	struct direction up = { .from = in, .to = socket, .buffer = a, .hello = true };
	struct direction down = { .from = socket, .to = out, .buffer = b };
	bool told = false;
	int r = 0;

	if (!a || !b)
		return -ENOMEM;
	while (!r && !(down.ended && !down.len)) {
		if (up.ended && !up.len && !told) {
			shutdown(socket, SHUT_WR);
			told = true;
		}
		r = relay_turn(&up, &down);
	}
	return r;
}
