// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A peer that sends any frames in any order to a real session: the daemon's own server and store,
 * over a socketpair, with files on this machine's temporary filesystem. The input is a program for
 * the peer: an operation a byte, each with a few bytes that choose its fields; FLIP spoils the
 * next frame. The limits are small, so that they are reached.
 *
 * What must hold: every reply is well-formed and answers a request that was sent, and none is
 * answered twice. A peer that spoiled nothing gets all its answers. When the peer is gone, so is
 * all that it had: requests, files, arenas, memory, descriptors.
 *
 * With FUZZ_SCARCE (and malloc and its like wrapped by the linker) each input is run many times,
 * another one of its allocations failing each time: then the session may end before its time.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "config/config.h"
#include "config/options.h"
#include "journal/journal.h"
#include "session/server.h"
#include "session/session.h"
#include "store/store.h"
#include "wire/codes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IDS	   512 /* requests of one input */
#define ARENA	   65536
#define SECONDS	   30 /* without an event: a hang */
#define INPUT_MAX  2048
#define REPLY_ROOM 400000

static const char settings[] = "[Access]\nRoot=%s\n[Limits]\nCreditRequests=24\nCreditBytes=300K\n"
			       "Files=4\nArenas=2\nArenaBytes=128K\nUnsettled=32\nOutputBytes=4K\n"
			       "UserFiles=6\nUserArenaBytes=128K\nUserInlineBytes=200K\n"
			       "HeldBytes=400K\nRequestsTotal=64\n";

/* Made once. */
static struct daemon {
	struct event_base *base;
	struct store *store;
	struct server *server;
	struct config *config;
	struct event *alarm;
	long types[2];
	char dir[64];
	uint8_t packed[1024]; /* zstd of 8192 zeros */
	size_t packed_len;
} daemon_;

struct peer {
	const uint8_t *at, *end; /* the program */
	int socket;
	uint64_t sent; /* ids 1 ... sent */
	uint8_t answers[IDS];
	unsigned int answered;
	bool spoilt; /* not all that it sent is by the rules */
	bool hello, failed;
	uint8_t flip_at, flip;
	int extra; /* a descriptor for the next frame, or -1 */
	uint8_t reply[REPLY_ROOM];
	size_t have;
};

static void hangs(evutil_socket_t fd, short what, void *arg)
{
	fprintf(stderr, "nothing has happened for %d s\n", SECONDS);
	abort();
}

static void remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", daemon_.dir);
	if (system(command))
		return;
}

static void daemon_start(void)
{
	struct options options = { .config_named = true, .session_fd = -1 };
	struct store_options how = { .backend = STORE_DECODE,
				     .blocking_threads = 2,
				     .cpu_threads = 1,
				     .batch = 4,
				     .held_bytes = 400 << 10,
				     .user_held_bytes = 200 << 10,
				     .filesystem_types = daemon_.types };
	static const uint8_t zeros[8192];
	char path[128], text[CONFIG_TEXT_BYTES];
	FILE *f;

	snprintf(daemon_.dir, sizeof(daemon_.dir), "/dev/shm/fuzz-session-XXXXXX");
	if (!mkdtemp(daemon_.dir))
		abort();
	atexit(remove_dir);
	snprintf(path, sizeof(path), "%s/conf", daemon_.dir);
	f = fopen(path, "w");
	if (!f || fprintf(f, settings, daemon_.dir) < 0 || fclose(f))
		abort();
	options.config_file = path;
	daemon_.types[0] = 0x01021994; /* tmpfs, linux/magic.h */
	daemon_.base = event_base_new();
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	journal_open(LOG_EMERG);
	if (!daemon_.base || config_load(&options, &daemon_.config, text) ||
	    store_new(daemon_.base, &how, &daemon_.store) ||
	    server_new(daemon_.base, daemon_.store, daemon_.config, &daemon_.server))
		abort();
	daemon_.alarm = event_new(daemon_.base, -1, 0, hangs, NULL);
	daemon_.packed_len =
		ZSTD_compress(daemon_.packed, sizeof(daemon_.packed), zeros, sizeof(zeros), 3);
}

#ifdef FUZZ_SCARCE
#define SCARCE_RUNS 24 /* of one input, over all that it allocates */

static _Atomic unsigned long allocations;
static unsigned long fail_at;

static bool fails(void)
{
	return atomic_fetch_add(&allocations, 1) + 1 == fail_at;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}
#endif

static uint8_t take(struct peer *p)
{
	return p->at < p->end ? *p->at++ : 0;
}

/* Mostly small and near limits, now and then anything. */
static uint64_t number(struct peer *p, uint64_t limit)
{
	uint8_t choice = take(p);

	if (choice < 0xe0)
		return choice % (limit ? limit : 1);
	if (choice < 0xf0)
		return limit + choice % 4 - 1;
	return choice == 0xff ? UINT64_MAX : (uint64_t)take(p) << choice % 64;
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

static void read_replies(struct peer *p)
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

static void turn(int flags)
{
	const struct timeval patience = { .tv_sec = SECONDS };

	event_add(daemon_.alarm, &patience);
	event_base_loop(daemon_.base, flags);
	event_del(daemon_.alarm);
}

static void send_bytes(struct peer *p, const uint8_t *bytes, size_t len, int fd)
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
			turn(EVLOOP_NONBLOCK);
			read_replies(p);
		}
	}
	p->spoilt |= len > 0;
	if (fd >= 0)
		close(fd);
	if (p->extra >= 0)
		close(p->extra);
	p->extra = -1;
}

static void send_frame(struct peer *p, uint16_t type, union wire_frame *f, const void *tail,
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
	send_bytes(p, bytes, fixed + tail_len, fd);
}

static int any_file(struct peer *p)
{
	static const struct {
		const char *name;
		int flags;
	} files[] = { { "a", O_RDWR | O_CREAT },   { "b", O_RDWR | O_CREAT },
		      { "a", O_WRONLY | O_CREAT }, { "c", O_RDWR | O_CREAT | O_APPEND },
		      { ".", O_RDONLY },	   { "a", O_RDONLY | O_CREAT } };
	uint8_t choice = take(p) % (ARRAY_SIZE(files) + 2);
	char path[128];

	if (choice == ARRAY_SIZE(files))
		return memfd_create("file", MFD_CLOEXEC);
	if (choice > ARRAY_SIZE(files))
		return open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/%s", daemon_.dir, files[choice].name);
	return open(path, files[choice].flags | O_CLOEXEC, 0600);
}

static int any_memory(struct peer *p)
{
	uint8_t choice = take(p);
	int fd = memfd_create("arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (ftruncate(fd, choice % 8 ? ARENA : ARENA / 2) < 0 ||
	    pwrite(fd, daemon_.packed, daemon_.packed_len, 0) < 0)
		abort();
	fcntl(fd, F_ADD_SEALS,
	      choice % 16 == 1	 ? F_SEAL_GROW
	      : choice % 16 == 2 ? F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
				 : F_SEAL_SHRINK);
	return fd;
}

static void op_hello(struct peer *p)
{
	union wire_frame f = { .hello = { .magic = WIRE_MAGIC,
					  .version_min = WIRE_VERSION,
					  .version_max = WIRE_VERSION,
					  .features = WIRE_FEATURES } };

	send_frame(p, WIRE_TYPE_HELLO, &f, NULL, 0, -1);
}

static void op_arena(struct peer *p)
{
	union wire_frame f = { .arena = { .arena = number(p, 3), .size = ARENA } };

	send_frame(p, WIRE_TYPE_ARENA, &f, NULL, 0, any_memory(p));
}

static void op_arena_drop(struct peer *p)
{
	union wire_frame f = { .arena_drop.arena = number(p, 3) };

	send_frame(p, WIRE_TYPE_ARENA_DROP, &f, NULL, 0, -1);
}

static void op_open(struct peer *p)
{
	union wire_frame f = { .open = { .handle = number(p, 5),
					 .open_flags = WIRE_OPEN_DESCRIPTOR |
						       (take(p) % 4 ? 0 : WIRE_OPEN_READ),
					 .path_len = 4 } };

	send_frame(p, WIRE_TYPE_OPEN, &f, "name", 4, any_file(p));
}

static void op_open_path(struct peer *p)
{
	static const char *const paths[] = { "a", "b", "new", "../a", "", "/", "a/b", "." };
	union wire_frame f = {
		.open = { .handle = number(p, 5), .open_flags = take(p) & 0x3e, .mode = 0600 }
	};
	char path[128];
	int n = snprintf(path, sizeof(path), "%s/%s", daemon_.dir, paths[take(p) % 8]);

	f.open.path_len = (uint32_t)n;
	send_frame(p, WIRE_TYPE_OPEN, &f, path, (size_t)n, -1);
}

static void op_write(struct peer *p)
{
	static uint8_t payload[LIMIT_PAYLOAD_BYTES];
	union wire_frame f = { .write = { .handle = number(p, 5),
					  .arena = take(p) % 2 ? WIRE_NO_ARENA : number(p, 3),
					  .offset = number(p, 32) * 4096,
					  .compression = take(p) % 4 ? 2 : number(p, 9),
					  .ack = (uint8_t)(1 + number(p, 3)) } };
	struct wire_write *w = &f.write;
	size_t tail;

	memcpy(payload, daemon_.packed, daemon_.packed_len);
	w->payload_len = (uint32_t)daemon_.packed_len;
	w->len = w->unencoded_len = 8192;
	if (!w->compression)
		w->len = w->unencoded_len = w->payload_len = (uint32_t)number(p, 131073);
	if (take(p) % 8 == 0) {
		w->unencoded_offset = number(p, 3) * 4096;
		w->len = number(p, 8193);
	}
	if (w->arena != WIRE_NO_ARENA)
		w->payload_offset = number(p, 3);
	tail = w->arena == WIRE_NO_ARENA ? w->payload_len : 0;
	if (tail > sizeof(payload)) { /* malformed: the daemon must not wait for so much */
		tail = 0;
		p->spoilt = true;
	}
	send_frame(p, WIRE_TYPE_WRITE_, &f, payload, tail, -1);
}

static void op_sync(struct peer *p)
{
	union wire_frame f = { .sync = { .scope = 1 + (uint32_t)number(p, 2) } };

	if (f.sync.scope == WIRE_SYNC_FILE)
		f.sync.handle = number(p, 5);
	send_frame(p, WIRE_TYPE_SYNC, &f, NULL, 0, -1);
}

static void op_close(struct peer *p)
{
	union wire_frame f = { .close.handle = number(p, 5) };

	send_frame(p, WIRE_TYPE_CLOSE, &f, NULL, 0, -1);
}

static void op_cancel(struct peer *p)
{
	union wire_frame f = { .cancel.target = p->sent - number(p, 8) };

	send_frame(p, WIRE_TYPE_CANCEL, &f, NULL, 0, -1);
}

static void op_status(struct peer *p)
{
	union wire_frame f = { 0 };

	send_frame(p, WIRE_TYPE_STATUS, &f, NULL, 0, -1);
}

static void op_read_extent(struct peer *p)
{
	union wire_frame f = { .read = { .handle = number(p, 5),
					 .arena = take(p) % 2 ? WIRE_NO_ARENA : number(p, 3),
					 .offset = number(p, 32) * 4096,
					 .payload_max = (uint32_t)number(p, 131073) } };

	if (f.read.arena != WIRE_NO_ARENA)
		f.read.payload_offset = number(p, ARENA);
	send_frame(p, WIRE_TYPE_READ, &f, NULL, 0, -1);
}

static void op_raw(struct peer *p)
{
	uint8_t n = take(p) % 32, bytes[32];

	for (int i = 0; i < n; i++)
		bytes[i] = take(p);
	p->spoilt = true;
	send_bytes(p, bytes, n, -1);
}

static void op_flip(struct peer *p)
{
	p->flip_at = take(p);
	p->flip = take(p);
	p->spoilt |= p->flip != 0;
}

static void op_extra(struct peer *p)
{
	p->spoilt = true;
	if (p->extra < 0)
		p->extra = any_file(p);
}

static void op_turn(struct peer *p)
{
	turn(EVLOOP_NONBLOCK);
}

static void op_read(struct peer *p)
{
	turn(EVLOOP_NONBLOCK);
	read_replies(p);
}

static void (*const ops[])(struct peer *p) = {
	op_hello, op_arena, op_arena_drop, op_open,   op_open_path, op_write,
	op_write, op_sync,  op_close,	   op_cancel, op_write,	    op_raw,
	op_flip,  op_extra, op_turn,	   op_read,   op_status,    op_read_extent,
};

static bool all_gone(void)
{
	const struct store *store = daemon_.store;
	const struct wire_counters *c = &store->counters;

	return TAILQ_EMPTY(&daemon_.server->sessions) && !daemon_.server->n_requests &&
	       !daemon_.server->n_openings && !c->now_files && !c->now_arena_bytes &&
	       !store->held_bytes && !store->decoded_bytes && store_idle(store);
}

static int lowest_descriptor(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

static void run(const uint8_t *data, size_t size, bool scarce)
{
	static struct peer p;
	struct session *session;
	int pair[2], before;

	before = lowest_descriptor();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ||
	    fcntl(pair[1], F_SETFL, O_NONBLOCK))
		abort();
	if (session_new(daemon_.server, pair[1], &session) && !scarce)
		abort();
	p = (struct peer){
		.at = data, .end = data + size, .socket = pair[0], .extra = -1, .spoilt = scarce
	};

	/* The first bit says whether HELLO comes first, as it must. */
	if (take(&p) & 1)
		op_hello(&p);
	else
		p.spoilt = true;
	while (p.at < p.end && !p.failed) {
		uint8_t op = take(&p) % ARRAY_SIZE(ops);

		p.spoilt |= ops[op] == op_hello;
		ops[op](&p);
	}
	read_replies(&p);
	while (!p.spoilt && !p.failed && p.answered < p.sent) {
		turn(EVLOOP_ONCE);
		read_replies(&p);
	}
	if (!p.spoilt && p.failed)
		abort();
	if (p.extra >= 0)
		close(p.extra);
	close(p.socket);
	/* Closing a file may be a worker's job that nobody tells of. */
	for (int tries = 0; !all_gone() || lowest_descriptor() != before; tries++) {
		if (all_gone() && tries > 10000)
			abort();
		turn(all_gone() ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
		if (all_gone())
			usleep(100);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > INPUT_MAX)
		return 0;
	if (!daemon_.base)
		daemon_start();
#ifdef FUZZ_SCARCE
	unsigned long total, step;

	allocations = fail_at = 0;
	run(data, size, true);
	total = allocations;
	step = total / SCARCE_RUNS + 1;
	for (unsigned long n = 1 + size % step; n <= total; n += step) {
		allocations = 0;
		fail_at = n;
		run(data, size, true);
	}
	fail_at = 0; /* the caller allocates, too */
#else
	run(data, size, false);
#endif
	return 0;
}
