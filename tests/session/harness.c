// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#include <cmocka.h>

#include "config/config.h"
#include "config/options.h"
#include "harness.h"
#include "journal/journal.h"
#include "session/server.h"
#include "session/session.h"
#include "wire/codes.h"

#define SECONDS 20 /* without an answer: it does not come */

struct harness h;

void begin(const char *limits)
{
	struct options options = { .config_named = true, .session_fd = -1 };
	struct store_options how = { .backend = STORE_DECODE,
				     .blocking_threads = 4,
				     .cpu_threads = 2,
				     .batch = 8,
				     .filesystem_types = h.types };
	char path[128], text[CONFIG_TEXT_BYTES];
	FILE *f;

	if (getuid())
		skip();
	memset(&h, 0, sizeof(h));
	snprintf(h.dir, sizeof(h.dir), "/dev/shm/session-XXXXXX");
	assert_non_null(mkdtemp(h.dir));
	chmod(h.dir, 0777);
	snprintf(path, sizeof(path), "%s/conf", h.dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "[Access]\nUsers=root 4241 4242 4243 4244 4245\n[Limits]\n%s", limits);
	fclose(f);
	options.config_file = path;
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	journal_open(LOG_EMERG);
	if (config_load(&options, &h.config, text))
		fail_msg("%s", text);
	h.types[0] = TMPFS_MAGIC;
	how.held_bytes = h.config->limits.held_bytes;
	how.user_held_bytes = h.config->limits.user_inline_bytes;
	h.base = event_base_new();
	assert_int_equal(store_new(h.base, &how, &h.store), 0);
	assert_int_equal(server_new(h.base, h.store, h.config, &h.server), 0);
}

void end(struct peer **peers, size_t n)
{
	char command[128];

	for (size_t i = 0; i < n; i++)
		peer_free(peers[i]);
	for (int i = 0; i < 1000 && !TAILQ_EMPTY(&h.server->sessions); i++)
		turn();
	assert_true(TAILQ_EMPTY(&h.server->sessions));
	for (int i = 0; i < 1000 && (!store_idle(h.store) || h.store->n_closings ||
				     h.server->n_openings || h.server->n_requests);
	     i++) {
		store_settle_all(h.store);
		turn();
	}
	assert_int_equal(h.server->n_requests, 0);
	assert_int_equal(h.store->held_bytes, 0);
	assert_int_equal(h.store->counters.now_files, 0);
	server_free(h.server);
	store_free(h.store);
	config_free(h.config);
	event_base_free(h.base);
	snprintf(command, sizeof(command), "rm -rf %s", h.dir);
	assert_int_equal(system(command), 0);
}

void turn(void)
{
	for (int i = 0; i < 4; i++) {
		event_base_loop(h.base, EVLOOP_NONBLOCK);
		usleep(500); /* the workers' turn */
	}
}

struct peer *peer_try_new(uid_t uid)
{
	union wire_frame hello = { .hello = { .magic = WIRE_MAGIC,
					      .version_min = WIRE_VERSION,
					      .version_max = WIRE_VERSION,
					      .features = WIRE_FEATURES } };
	struct peer *p = calloc(1, sizeof(*p));
	const int small = 4096;
	int pair[2];

	assert_non_null(p);
	assert_int_equal(seteuid(uid), 0); /* whose the pair is, its ends are */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(seteuid(getuid()), 0);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	p->fd = pair[0];
	if (session_new(h.server, pair[1], &p->session) < 0) {
		peer_free(p);
		return NULL;
	}
	peer_say(p, WIRE_TYPE_HELLO, hello, NULL, 0, -1);
	for (int i = 0; i < 1000 && p->session->state != SESSION_READY; i++)
		turn();
	assert_int_equal(p->session->state, SESSION_READY);
	peer_hear(p);
	return p;
}

struct peer *peer_new(uid_t uid)
{
	struct peer *p = peer_try_new(uid);

	assert_non_null(p);
	return p;
}

void peer_free(struct peer *p)
{
	close(p->fd);
	free(p);
}

static uint64_t say(struct peer *p, uint16_t type, union wire_frame *f, const void *tail,
		    size_t tail_len, size_t len, int fd)
{
	char room[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	uint8_t bytes[WIRE_FRAME_MAX_FIXED + 8192];
	struct iovec iov = { .iov_base = bytes };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	f->h.type = type;
	f->h.id = ++p->ids;
	f->h.length = (uint32_t)(wire_fixed_size(type) + tail_len);
	wire_write(f, bytes);
	if (tail)
		memcpy(bytes + wire_fixed_size(type), tail, tail_len);
	iov.iov_len = len ? len : f->h.length;
	if (fd >= 0) {
		m.msg_control = room;
		m.msg_controllen = sizeof(room);
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
						       .cmsg_level = SOL_SOCKET,
						       .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(int));
	}
	assert_int_equal(sendmsg(p->fd, &m, MSG_NOSIGNAL), iov.iov_len);
	return p->ids;
}

uint64_t peer_say(struct peer *p, uint16_t type, union wire_frame f, const void *tail,
		  size_t tail_len, int fd)
{
	return say(p, type, &f, tail, tail_len, 0, fd);
}

void peer_say_part(struct peer *p, uint16_t type, union wire_frame f, size_t tail_len)
{
	say(p, type, &f, NULL, tail_len, wire_fixed_size(type), -1);
}

void peer_hear(struct peer *p)
{
	ssize_t n = recv(p->fd, p->in + p->have, sizeof(p->in) - p->have, MSG_DONTWAIT);

	p->ended |= n == 0 || (n < 0 && errno != EAGAIN);
	p->have += n > 0 ? (size_t)n : 0;
}

/* Takes the frames that have come: the code for the request id, or UINT32_MAX. */
static uint32_t listen_for(struct peer *p, uint64_t id)
{
	uint32_t code = UINT32_MAX;
	size_t at = 0;

	while (p->have - at >= sizeof(struct wire_header)) {
		struct wire_header head;
		union wire_frame f;
		struct wire_ack ack;

		wire_read_header(p->in + at, &head);
		assert_true(wire_fixed_size(head.type) && head.length <= sizeof(p->in));
		if (p->have - at < head.length)
			break;
		assert_int_equal(wire_read(p->in + at, &f), 0);
		for (uint32_t i = 0; head.type == WIRE_TYPE_ACKS && i < f.acks.count; i++) {
			wire_read_ack(p->in + at + sizeof(struct wire_acks) + i * sizeof(ack),
				      &ack);
			if (ack.id == id)
				code = ack.code;
		}
		if (head.type == WIRE_TYPE_OPEN_REPLY && head.id == id)
			code = 0;
		if (head.type == WIRE_TYPE_STATUS_REPLY && head.id == id)
			code = 0;
		p->statuses += head.type == WIRE_TYPE_STATUS_REPLY;
		if (head.type == WIRE_TYPE_ERROR)
			code = f.error.code;
		if (head.type == WIRE_TYPE_LOST_) {
			p->lost++;
			p->last_lost = f.lost;
		}
		at += head.length;
	}
	memmove(p->in, p->in + at, p->have - at);
	p->have -= at;
	return code;
}

uint32_t peer_answer(struct peer *p, uint64_t id)
{
	uint32_t code = UINT32_MAX;

	for (int i = 0; i < SECONDS * 500 && code == UINT32_MAX && !p->ended; i++) {
		turn();
		peer_hear(p);
		code = listen_for(p, id);
	}
	return code;
}

uint32_t peer_try_open(struct peer *p, uint32_t handle, const char *name)
{
	union wire_frame f = { .open = { .handle = handle,
					 .open_flags = WIRE_OPEN_DESCRIPTOR,
					 .path_len = (uint32_t)strlen(name) } };
	char path[128];
	uint64_t id;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", h.dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	fchmod(fd, 0666); /* or the daemon could not open it again, for a description of its own */
	assert_true(fd >= 0);
	id = peer_say(p, WIRE_TYPE_OPEN, f, name, strlen(name), fd);
	close(fd);
	return peer_answer(p, id);
}

void peer_open(struct peer *p, uint32_t handle, const char *name)
{
	assert_int_equal(peer_try_open(p, handle, name), 0);
}

union wire_frame sector_write(uint32_t handle, uint32_t arena, uint64_t offset, uint8_t ack)
{
	return (union wire_frame){ .write = { .handle = handle,
					      .arena = arena,
					      .offset = offset,
					      .len = 4096,
					      .unencoded_len = 4096,
					      .payload_len = 4096,
					      .ack = ack } };
}
