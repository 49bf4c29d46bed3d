// SPDX-License-Identifier: GPL-2.0-or-later
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "wire/limits.h"

uint8_t peer_take(struct peer *p)
{
	return p->at < p->end ? *p->at++ : 0;
}

/* Mostly small and near limits, now and then anything. */
uint64_t peer_number(struct peer *p, uint64_t limit)
{
	uint8_t choice = peer_take(p);

	if (choice < 0xe0)
		return choice % (limit ? limit : 1);
	if (choice < 0xf0)
		return limit + choice % 4 - 1;
	return choice == 0xff ? UINT64_MAX : (uint64_t)peer_take(p) << choice % 64;
}

static void answer(struct peer *p, uint64_t id)
{
	if (!id || id > p->sent) {
		if (!p->spoilt)
			abort();
		return;
	}
	if (p->answers[id]++ && !p->spoilt)
		abort();
	p->answered++;
}

static void look_at(struct peer *p, const uint8_t *bytes, const union wire_frame *f)
{
	const uint8_t *tail = bytes + wire_fixed_size(f->h.type);
	struct wire_ack ack;

	switch (f->h.type) {
	case WIRE_TYPE_HELLO_REPLY:
		p->hello = true;
		break;
	case WIRE_TYPE_OPEN_REPLY:
	case WIRE_TYPE_STATUS_REPLY:
	case WIRE_TYPE_READ_REPLY:
		answer(p, f->h.id);
		break;
	case WIRE_TYPE_ACKS:
		for (uint32_t i = 0; i < f->acks.count; i++) {
			wire_read_ack(tail + i * sizeof(ack), &ack);
			answer(p, ack.id);
		}
		break;
	case WIRE_TYPE_ERROR:
		if (!p->spoilt)
			abort();
		p->failed = true;
		break;
	case WIRE_TYPE_LOST_:
		break;
	default:
		abort(); /* a request's type */
	}
}

void peer_read(struct peer *p)
{
	ssize_t n = recv(p->socket, p->reply + p->have, sizeof(p->reply) - p->have, MSG_DONTWAIT);
	struct wire_header h;
	union wire_frame f;
	size_t at = 0;

	if (n == 0)
		p->failed = true;
	p->have += n > 0 ? (size_t)n : 0;
	while (p->have - at >= sizeof(h)) {
		wire_read_header(p->reply + at, &h);
		if (!wire_fixed_size(h.type) || h.length > sizeof(p->reply))
			abort();
		if (p->have - at < h.length)
			break;
		if (wire_read(p->reply + at, &f))
			abort();
		look_at(p, p->reply + at, &f);
		at += h.length;
	}
	memmove(p->reply, p->reply + at, p->have - at);
	p->have -= at;
}

void peer_send_bytes(struct peer *p, const uint8_t *bytes, size_t len, int fd)
{
	char room[CMSG_SPACE(sizeof(int) * 2)] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { (void *)bytes, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[2], n = 0;

	if (fd >= 0)
		fds[n++] = fd;
	if (p->extra >= 0)
		fds[n++] = p->extra;
	if (n) {
		m.msg_control = room;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int) * n),
						       .cmsg_level = SOL_SOCKET,
						       .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), fds, sizeof(int) * n);
	}
	for (int tries = 0; len && tries < 100; tries++) {
		ssize_t sent = sendmsg(p->socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			len -= (size_t)sent;
			iov = (struct iovec){ (char *)iov.iov_base + sent, len };
			m.msg_controllen = 0;
			m.msg_control = NULL;
		} else {
			daemon_turn(EVLOOP_NONBLOCK);
			peer_read(p);
		}
	}
	p->spoilt |= len > 0;
	if (fd >= 0)
		close(fd);
	if (p->extra >= 0)
		close(p->extra);
	p->extra = -1;
}

void peer_send(struct peer *p, uint16_t type, union wire_frame *f, const void *tail,
	       size_t tail_len, int fd)
{
	static uint8_t bytes[WIRE_FRAME_MAX_FIXED + LIMIT_PAYLOAD_BYTES];
	size_t fixed = wire_fixed_size(type);

	f->h.type = type;
	f->h.length = (uint32_t)(fixed + tail_len);
	if (type != WIRE_TYPE_HELLO)
		f->h.id = p->sent + 1 < IDS ? ++p->sent : IDS; /* the last ones are all the same */
	p->spoilt |= f->h.id == IDS;
	wire_write(f, bytes);
	if (p->flip) {
		bytes[p->flip_at % fixed] ^= p->flip;
		p->flip = 0;
	}
	if (tail_len)
		memcpy(bytes + fixed, tail, tail_len);
	peer_send_bytes(p, bytes, fixed + tail_len, fd);
}
