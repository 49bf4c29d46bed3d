// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "receive/input.h"
#include "stream/throttle.h"

/* Until there is something to read, or for so long (fd < 0); -1 with ECANCELED: stop. */
static int wait_for(const struct input *in, int fd, int milliseconds)
{
	struct pollfd fds[] = { { .fd = in->stop, .events = POLLIN },
				{ .fd = fd, .events = POLLIN } };
	int r = poll(fds, 2, milliseconds);

	if (r > 0 && fds[0].revents) {
		errno = ECANCELED;
		return -1;
	}
	return r < 0 ? -1 : 0;
}

ssize_t input_read(void *userdata, void *buffer, size_t size)
{
	struct input *in = userdata;
	size_t may = size;
	ssize_t n;

	while (in->throttle && !(may = throttle_allows(in->throttle, size)))
		if (wait_for(in, -1, (int)throttle_pause_ms(in->throttle)))
			return -1;
	if (in->stop >= 0 && wait_for(in, in->fd, -1))
		return -1;
	n = read(in->fd, buffer, may);
	if (n > 0 && in->throttle)
		throttle_used(in->throttle, (size_t)n);
	return n;
}
