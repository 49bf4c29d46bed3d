// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "raw.h"

static uint64_t ids = 1000;

int raw_connect(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *path = getenv("EXTENTD_SOCKET");
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path ? path : "");
	if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof(a)) < 0) {
		printf("cannot connect: %s\n", strerror(errno));
		exit(1);
	}
	return s;
}

size_t raw_frame(uint16_t type, uint64_t id, union wire_frame *f, size_t tail, void *out)
{
	f->h.type = type;
	f->h.id = id;
	f->h.length = (uint32_t)(wire_fixed_size(type) + tail);
	wire_write(f, out);
	return wire_fixed_size(type);
}

int raw_send(int s, const void *bytes, size_t len, const int *fds, unsigned int n)
{
	char room[CMSG_SPACE(sizeof(int) * 253)] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n) {
		m.msg_control = room;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int) * n),
						       .cmsg_level = SOL_SOCKET,
						       .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), fds, sizeof(int) * n);
	}
	return sendmsg(s, &m, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -1;
}

static int read_all(int s, void *out, size_t len)
{
	struct pollfd p = { .fd = s, .events = POLLIN };
	size_t have = 0;

	while (have < len) {
		ssize_t n;

		if (poll(&p, 1, RAW_SECONDS * 1000) <= 0)
			return -1;
		n = read(s, (char *)out + have, len - have);
		if (n <= 0)
			return 0;
		have += (size_t)n;
	}
	return 1;
}

int raw_reply(int s, struct raw_reply *out)
{
	unsigned char bytes[8192];
	struct wire_header h;
	int r = read_all(s, bytes, sizeof(h));

	if (r <= 0)
		return r;
	wire_read_header(bytes, &h);
	if (h.length > sizeof(bytes) || h.length < wire_fixed_size(h.type))
		return 0;
	r = read_all(s, bytes + sizeof(h), h.length - sizeof(h));
	if (r <= 0)
		return r;
	if (wire_read(bytes, &out->frame))
		return 0;
	if (h.type == WIRE_TYPE_ACKS)
		wire_read_ack(bytes + wire_fixed_size(h.type), &out->ack);
	return h.type;
}

uint32_t raw_answer(int s, uint64_t id)
{
	struct raw_reply reply;
	int type;

	while ((type = raw_reply(s, &reply)) > 0) {
		if (type == WIRE_TYPE_ERROR)
			return reply.frame.error.code;
		if (type == WIRE_TYPE_ACKS && reply.ack.id == id)
			return reply.ack.code;
		if (type == WIRE_TYPE_OPEN_REPLY && reply.frame.h.id == id)
			return 0;
	}
	return UINT32_MAX;
}

int raw_hello(void)
{
	union wire_frame f = { .hello = { .magic = WIRE_MAGIC,
					  .version_min = WIRE_VERSION,
					  .version_max = WIRE_VERSION,
					  .features = WIRE_FEATURES } };
	unsigned char bytes[WIRE_FRAME_MAX_FIXED];
	struct raw_reply reply;
	int s = raw_connect();

	raw_send(s, bytes, raw_frame(WIRE_TYPE_HELLO, 1, &f, 0, bytes), NULL, 0);
	if (raw_reply(s, &reply) != WIRE_TYPE_HELLO_REPLY) {
		close(s);
		return -1;
	}
	return s;
}

uint32_t raw_open(int s, uint32_t handle, int fd, const char *path, uint32_t flags)
{
	union wire_frame f = { .open = { .handle = handle,
					 .open_flags = flags | (fd >= 0 ? WIRE_OPEN_DESCRIPTOR : 0),
					 .mode = 0644,
					 .path_len = (uint32_t)strlen(path) } };
	unsigned char bytes[WIRE_FRAME_MAX_FIXED + 4096];
	size_t n = raw_frame(WIRE_TYPE_OPEN, ++ids, &f, strlen(path), bytes);

	memcpy(bytes + n, path, strlen(path));
	raw_send(s, bytes, n + strlen(path), &fd, fd >= 0);
	return raw_answer(s, ids);
}

uint32_t raw_close(int s, uint32_t handle)
{
	union wire_frame f = { .close = { .handle = handle } };
	unsigned char bytes[WIRE_FRAME_MAX_FIXED];

	raw_send(s, bytes, raw_frame(WIRE_TYPE_CLOSE, ++ids, &f, 0, bytes), NULL, 0);
	return raw_answer(s, ids);
}

uint32_t raw_arena(int s, uint32_t arena, int fd, uint64_t size)
{
	union wire_frame f = { .arena = { .arena = arena, .size = size } };
	unsigned char bytes[WIRE_FRAME_MAX_FIXED];

	raw_send(s, bytes, raw_frame(WIRE_TYPE_ARENA, ++ids, &f, 0, bytes), &fd, fd >= 0);
	return raw_answer(s, ids);
}

uint32_t raw_write(int s, uint32_t handle, uint32_t arena, uint64_t payload_offset, uint64_t offset)
{
	const uint32_t len = 4096;
	union wire_frame f = { .write = { .handle = handle,
					  .arena = arena,
					  .offset = offset,
					  .len = len,
					  .unencoded_len = len,
					  .payload_offset = payload_offset,
					  .payload_len = len,
					  .ack = WIRE_WRITTEN } };
	unsigned char bytes[WIRE_FRAME_MAX_FIXED + 4096] = { 0 };
	size_t tail = arena == WIRE_NO_ARENA ? len : 0;
	size_t n = raw_frame(WIRE_TYPE_WRITE_, ++ids, &f, tail, bytes);

	raw_send(s, bytes, n + tail, NULL, 0);
	return raw_answer(s, ids);
}
