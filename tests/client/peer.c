// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/peer.h"
#include "wire/codes.h"

const struct wire_hello_reply peer_limits = {
	.h.type = WIRE_TYPE_HELLO_REPLY,
	.magic = WIRE_MAGIC,
	.version = WIRE_VERSION,
	.validation = 2,
	.features = WIRE_FEATURE_FDS,
	.credit_bytes = 1 << 20,
	.max_arena_bytes = 1 << 20,
	.credit_requests = 8,
	.max_files = 4,
	.max_arenas = 1,
	.max_payload = 1 << 17,
	.max_unencoded = 1 << 17,
	.backend = WIRE_BACKEND_URING,
};

void peer_send_raw(struct peer *p, const void *bytes, size_t len)
{
	assert_int_equal(send(p->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT), len);
}

void peer_send(struct peer *p, union wire_frame *f, const void *tail, size_t len)
{
	uint8_t bytes[WIRE_FRAME_MAX_FIXED];
	size_t fixed = wire_fixed_size(f->h.type);

	f->h.length = (uint32_t)(fixed + len);
	wire_write(f, bytes);
	peer_send_raw(p, bytes, fixed);
	if (len)
		peer_send_raw(p, tail, len);
}

void peer_ack(struct peer *p, const struct wire_ack *a)
{
	union wire_frame f = { .acks = { .h.type = WIRE_TYPE_ACKS, .count = 1 } };
	uint8_t bytes[sizeof(*a)];

	wire_write_ack(a, bytes);
	peer_send(p, &f, bytes, sizeof(bytes));
}

void peer_ack_ok(struct peer *p, uint64_t id, uint8_t level)
{
	struct wire_ack a = { .id = id, .level = level, .form = level ? WIRE_FORM_ENCODED : 0 };

	peer_ack(p, &a);
}

void peer_ack_error(struct peer *p, uint64_t id, uint32_t code, int kernel_errno)
{
	struct wire_ack a = { .id = id, .code = code, .kernel_errno = kernel_errno };

	peer_ack(p, &a);
}

void peer_opened(struct peer *p, const struct wire_open *request)
{
	union wire_frame f = { .open_reply = {
				       .h = { .type = WIRE_TYPE_OPEN_REPLY, .id = request->h.id },
				       .handle = request->handle,
				       .backend = WIRE_BACKEND_URING,
				       .sector_size = 4096,
				       .max_payload = 1 << 17,
				       .max_unencoded = 1 << 17,
				       .file_size = 12345 } };

	peer_send(p, &f, NULL, 0);
}

struct extent_session *peer_session(struct peer *p, const struct wire_hello_reply *limits)
{
	union wire_frame f = { .hello_reply = limits ? *limits : peer_limits };
	struct extent_session *s;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	*p = (struct peer){ .fd = pair[0], .descriptor = -1 };
	peer_send(p, &f, NULL, 0);
	assert_int_equal(extent_attach(pair[1], &s), 0);
	peer_take(p, WIRE_TYPE_HELLO, &f);
	assert_int_equal(f.hello.magic, WIRE_MAGIC);
	return s;
}

void peer_close(struct peer *p)
{
	if (p->descriptor >= 0)
		close(p->descriptor);
	while (p->n_queued)
		close(p->queued[--p->n_queued]);
	close(p->fd);
	p->descriptor = p->fd = -1;
}

/* Exactly len bytes, and the descriptors that come with them. */
static void take_bytes(struct peer *p, void *to, size_t len)
{
	while (len) {
		char control[CMSG_SPACE(LIMIT_MESSAGE_FDS * sizeof(int))];
		struct iovec iov = { to, len };
		struct msghdr m = { .msg_iov = &iov,
				    .msg_iovlen = 1,
				    .msg_control = control,
				    .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(p->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		struct cmsghdr *c;

		assert_true(n > 0);
		assert_false(m.msg_flags & MSG_CTRUNC);
		c = CMSG_FIRSTHDR(&m);
		if (c) {
			size_t size = c->cmsg_len - CMSG_LEN(0);

			assert_true(size <= sizeof(p->queued) - p->n_queued * sizeof(int));
			memcpy(p->queued + p->n_queued, CMSG_DATA(c), size);
			p->n_queued += (unsigned int)(size / sizeof(int));
		}
		to = (uint8_t *)to + n;
		len -= (size_t)n;
	}
}

void peer_take(struct peer *p, uint16_t type, union wire_frame *out)
{
	uint8_t bytes[WIRE_FRAME_MAX_FIXED];
	struct wire_header h;
	size_t fixed;

	if (p->descriptor >= 0)
		close(p->descriptor);
	p->descriptor = -1;
	take_bytes(p, bytes, sizeof(h));
	wire_read_header(bytes, &h);
	assert_int_equal(h.type, type);
	fixed = wire_fixed_size(h.type);
	take_bytes(p, bytes + sizeof(h), fixed - sizeof(h));
	assert_int_equal(wire_read(bytes, out), 0);
	p->tail_len = h.length - (uint32_t)fixed;
	take_bytes(p, p->tail, p->tail_len);
	if (type == WIRE_TYPE_ARENA ||
	    (type == WIRE_TYPE_OPEN && out->open.open_flags & WIRE_OPEN_DESCRIPTOR)) {
		assert_true(p->n_queued > 0);
		p->descriptor = p->queued[0];
		memmove(p->queued, p->queued + 1, --p->n_queued * sizeof(int));
	}
}

struct extent_session *peer_session_file(struct peer *p, int *file)
{
	struct extent_session *s = peer_session(p, NULL);
	struct extent_completion c;
	union wire_frame f;

	assert_true(extent_open_fd(s, 0, "the file", 0, NULL, NULL, file) > 0);
	assert_int_equal(extent_process(s), 0);
	peer_take(p, WIRE_TYPE_OPEN, &f);
	peer_opened(p, &f.open);
	assert_int_equal(extent_process(s), 1);
	assert_int_equal(extent_next_completion(s, &c), 1);
	assert_int_equal(c.result, 0);
	return s;
}
