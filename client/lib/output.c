// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sending. One sendmsg() takes as many queued frames as fit its vector, and the descriptors of all
 * of them: they travel with the first byte of the call, and the daemon hands them to the frames in
 * their order. The first frame of a call that carries some claims one, as the protocol wants it.
 * The kernel has its own references once any byte went out, and ours are closed.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/lib/session.h"

#define FRAMES_PER_CALL 64
#define CLAIM_BYTES	(32 * KIB) /* in which all frames lie that claim a call's descriptors */

/* What one call takes: of the frames, and of their descriptors. */
struct batch {
	struct iovec iov[2 * FRAMES_PER_CALL];
	int fds[FRAMES_PER_CALL];
	int n, n_fds;
};

static_assert(FRAMES_PER_CALL <= LIMIT_MESSAGE_FDS, "a descriptor for each frame");

static void batch_fill(const struct extent_session *s, struct batch *b)
{
	struct iovec *iov = b->iov;
	struct request *r;
	size_t skip = s->sent, bytes = 0;
	int n = 0;

	b->n_fds = 0;
	TAILQ_FOREACH(r, &s->to_send, link) {
		bytes += r->frame_len + r->tail_len;
		if (n && r->fd >= 0 && (!b->n_fds || bytes > CLAIM_BYTES))
			break;
		if (n > 2 * (FRAMES_PER_CALL - 1))
			break;
		if (r->fd >= 0)
			b->fds[b->n_fds++] = r->fd;
		if (skip < r->frame_len)
			iov[n++] = (struct iovec){ r->frame + skip, r->frame_len - skip };
		skip = skip > r->frame_len ? skip - r->frame_len : 0;
		if (r->tail_len)
			iov[n++] = (struct iovec){ (char *)r->tail + skip, r->tail_len - skip };
		skip = 0;
	}
	b->n = n;
}

/* Those of the batch's frames: the first ones that have any. */
static void descriptors_close(struct extent_session *s, int n_fds)
{
	struct request *r;

	TAILQ_FOREACH(r, &s->to_send, link) {
		if (!n_fds)
			return;
		n_fds -= r->fd >= 0;
		closep(&r->fd);
		r->fd = -1;
	}
}

static ssize_t send_some(struct extent_session *s)
{
	struct batch b;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(FRAMES_PER_CALL * sizeof(int))];
	} control = {};
	struct msghdr m = { .msg_iov = b.iov };
	ssize_t n;

	batch_fill(s, &b);
	m.msg_iovlen = (size_t)b.n;
	if (b.n_fds) {
		size_t size = (size_t)b.n_fds * sizeof(int);

		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(size);
		control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(size),
						   .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), b.fds, size);
	}

	do {
		n = sendmsg(s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		descriptors_close(s, b.n_fds);
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
