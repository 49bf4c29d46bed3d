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
#include "peer.h"
#include "session/session.h"
#include "store/store.h"
#include "wire/codes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECONDS	  30 /* without an event: a hang */
#define INPUT_MAX 2048

static const char settings[] =
	"[Access]\nRoot=%s\n[Limits]\nCreditRequests=24\nCreditBytes=300K\n"
	"Files=4\nArenas=2\nArenaBytes=128K\nUnsettled=32\nOutputBytes=4K\n"
	"UserFiles=6\nUserArenaBytes=128K\nUserInlineBytes=200K\nUserOutputBytes=6K\n"
	"HeldBytes=400K\nRequestsTotal=64\n";

/* Made once. */
static struct daemon {
	struct event_base *base;
	struct store *store;
	struct server *server;
	struct config *config;
	struct event *alarm;
	long types[2];
} daemon_;

struct surroundings surroundings;

static void hangs(evutil_socket_t fd, short what, void *arg)
{
	fprintf(stderr, "nothing has happened for %d s\n", SECONDS);
	abort();
}

static void remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", surroundings.dir);
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

	snprintf(surroundings.dir, sizeof(surroundings.dir), "/dev/shm/fuzz-session-XXXXXX");
	if (!mkdtemp(surroundings.dir))
		abort();
	atexit(remove_dir);
	snprintf(path, sizeof(path), "%s/conf", surroundings.dir);
	f = fopen(path, "w");
	if (!f || fprintf(f, settings, surroundings.dir) < 0 || fclose(f))
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
	surroundings.packed_len = ZSTD_compress(surroundings.packed, sizeof(surroundings.packed),
						zeros, sizeof(zeros), 3);
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

void daemon_turn(int flags)
{
	const struct timeval patience = { .tv_sec = SECONDS };

	event_add(daemon_.alarm, &patience);
	event_base_loop(daemon_.base, flags);
	event_del(daemon_.alarm);
}

static bool all_gone(void)
{
	const struct store *store = daemon_.store;
	const struct wire_counters *c = &store->counters;

	return TAILQ_EMPTY(&daemon_.server->sessions) && !daemon_.server->n_requests &&
	       !daemon_.server->n_openings && !store->n_closings && !c->now_files &&
	       !c->now_arena_bytes && !store->held_bytes && !store->decoded_bytes &&
	       store_idle(store);
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
	if (peer_take(&p) & 1)
		peer_hello(&p);
	else
		p.spoilt = true;
	while (p.at < p.end && !p.failed)
		peer_act(&p);
	peer_read(&p);
	while (!p.spoilt && !p.failed && p.answered < p.sent) {
		daemon_turn(EVLOOP_ONCE);
		peer_read(&p);
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
		daemon_turn(all_gone() ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
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
