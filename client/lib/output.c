// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sending. One sendmsg() takes as many queued frames as fit its vector. A descriptor travels
 * with the first byte of the call it is given to, so a frame that carries one starts a call; the
 * kernel has its own reference once any byte went out, and ours is closed.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/lib/session.h"

#define FRAMES_PER_CALL 64

static int vector_fill(const struct extent_session *s, struct iovec *iov)
{
	struct request *r;
	size_t skip = s->sent;
	int n = 0;

	TAILQ_FOREACH(r, &s->to_send, link) {
		if (n && (r->fd >= 0 || n > 2 * (FRAMES_PER_CALL - 1)))
			break;
		if (skip < r->frame_len)
			iov[n++] = (struct iovec){ r->frame + skip, r->frame_len - skip };
		skip = skip > r->frame_len ? skip - r->frame_len : 0;
		if (r->tail_len)
			iov[n++] = (struct iovec){ (char *)r->tail + skip, r->tail_len - skip };
		skip = 0;
	}
	return n;
}

static ssize_t send_some(struct extent_session *s)
{
	struct request *first = TAILQ_FIRST(&s->to_send);
	struct iovec iov[2 * FRAMES_PER_CALL];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)vector_fill(s, iov) };
	ssize_t n;

	if (first->fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
						   .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), &first->fd, sizeof(int));
	}

	do {
		n = sendmsg(s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		closep(&first->fd);
		first->fd = -1;
	}
	return n < 0 ? -errno : n;
}

static void advance(struct extent_session *s, size_t n)
{
	struct request *r;

	s->sent += n;
	while ((r = TAILQ_FIRST(&s->to_send)) && s->sent >= r->frame_len + r->tail_len) {
		s->sent -= r->frame_len + r->tail_len;
		TAILQ_REMOVE(&s->to_send, r, link);
		r->state = REQUEST_SENT;
		s->queued--;
		free(steal_ptr(&r->label));
		r->tail = NULL;
	}
}

int output_flush(struct extent_session *s)
{
	while (!TAILQ_EMPTY(&s->to_send) && !s->hung_up) {
		ssize_t n = send_some(s);

		if (n == -EAGAIN)
			return 0;
		if (n == -EPIPE || n == -ECONNRESET) {
			/* The reason may stand in an ERROR frame that we have not read. */
			s->hung_up = true;
			return 0;
		}
		if (n == -ETOOMANYREFS && s->in_flight > s->queued) {
			s->fds_stuck = true; /* until the daemon has taken some, and answers */
			return 0;
		}
		if (n < 0)
			return session_error(s, (int)n, "sending to extentd: %s",
					     text_errno((int)n));
		s->fds_stuck = false;
		advance(s, (size_t)n);
	}
	return 0;
}
