// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "config/config.h"
#include "config/filesystems.h"
#include "config/options.h"
#include "journal/journal.h"
#include "listening.h"
#include "privilege/identity.h"
#include "privilege/privilege.h"
#include "privilege/sandbox.h"
#include "session/server.h"
#include "store/store.h"

#define STATUS_SECONDS 5
#define OPEN_SECONDS   10 /* for files to be opened, when asked to stop */

struct daemon {
	struct options options;
	struct config *config;
	struct event_base *base;
	struct store *store;
	struct server *server;
	struct event *signals[3];
	struct event *status;
	struct event *patience;
	time_t give_up; /* when it has been asked to stop: then also on writes */
	bool abandoned; /* some */
	char *bound;	/* socket path that we made and take away again */
	long types[64];
};

static const char *backend_name(const struct store *store)
{
	if (!store->encoded_io || store->options.backend == STORE_DECODE)
		return "decode";
	return store->counters.engine_uring ? "uring" : "ioctl";
}

static void status_cb(evutil_socket_t fd, short what, void *arg)
{
	const struct daemon *d = arg;
	const struct wire_counters *c = &d->store->counters;

	sd_notifyf(0,
		   "WATCHDOG=1\nSTATUS=%s%s: %llu sessions, %u requests under way, "
		   "%llu extents durable, %llu lost, %llu MiB written",
		   d->server->draining ? "stopping, " : "", backend_name(d->store), c->now_sessions,
		   d->server->n_requests, c->durable, c->lost, c->payload_bytes >> 20);
}

static void ended(void *arg)
{
	event_base_loopbreak(((struct daemon *)arg)->base);
}

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* Until files that are being opened, or writes, are given up. */
static void be_patient(struct daemon *d)
{
	struct timeval wait = { .tv_sec = d->give_up - now() };

	if (wait.tv_sec > OPEN_SECONDS)
		wait.tv_sec = OPEN_SECONDS;
	event_add(d->patience, &wait);
}

static void stop_cb(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;

	if (d->server->draining) /* asked twice: now */
		event_base_loopbreak(d->base);
	sd_notify(0, "STOPPING=1");
	d->give_up = now() + (time_t)d->config->limits.stop_seconds;
	be_patient(d);
	server_drain(d->server);
}

/* Files that still are not open by now may never be. Writes are waited for, within reason: they may
 * be on a filesystem that is frozen, or on a device that does not answer. */
static void patience_cb(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	if (d->server->n_requests && now() < d->give_up) {
		be_patient(d);
		return;
	}
	d->abandoned = d->server->n_requests;
	event_base_loopbreak(d->base);
}

/* The kernel keeps the process until that filesystem answers: the peers must not wait with it. */
__attribute__((noreturn)) static void abandon(struct daemon *d)
{
	char requests[16];

	snprintf(requests, sizeof(requests), "%u", d->server->n_requests);
	journal(MESSAGE_ABANDONED, (struct journal_field[]){ { "REQUESTS", requests }, {} },
		"Stopped without a verdict on %s requests: a filesystem does not answer", requests);
	server_hang_up(d->server);
	_exit(EXIT_FAILURE);
}

static void reload_cb(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;
	struct config *config;
	char text[CONFIG_TEXT_BYTES];

	if (config_load(&d->options, &config, text) < 0) {
		journal(MESSAGE_RELOAD_FAILED, (struct journal_field[]){ { "REASON", text }, {} },
			"The old configuration stays: %s", text);
		return;
	}
	config_free(d->config);
	d->config = config;
	d->server->config = config;
	journal_open((int)config->log_level);
	journal(MESSAGE_RELOADED, NULL, "Configuration read again");
}

static int serve(struct daemon *d)
{
	const char *where;
	int fd;

	if (d->options.session_fd >= 0) {
		fd = d->options.session_fd;
		if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ||
		    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return -errno;
		return server_adopt(d->server, fd);
	}
	fd = listening_socket(d->config->socket, &d->bound);
	if (fd < 0) {
		fprintf(stderr, "extentd: %s: %s\n", d->config->socket, strerror(-fd));
		return fd;
	}
	where = d->bound ? d->bound : "the socket of the unit";
	journal(MESSAGE_STARTED,
		(struct journal_field[]){ { "BACKEND", backend_name(d->store) }, {} },
		"Serving on %s with backend %s", where, backend_name(d->store));
	return server_listen(d->server, fd);
}

static int watch_signals(struct daemon *d)
{
	static const struct {
		int number;
		event_callback_fn handler;
	} watched[] = { { SIGTERM, stop_cb }, { SIGINT, stop_cb }, { SIGHUP, reload_cb } };

	/* A peer that is gone, and a write past RLIMIT_FSIZE, are errors of one request. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	d->patience = event_new(d->base, -1, 0, patience_cb, d);
	if (!d->patience)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++) {
		d->signals[i] = evsignal_new(d->base, watched[i].number, watched[i].handler, d);
		if (!d->signals[i] || event_add(d->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int start_status(struct daemon *d)
{
	struct timeval every = { .tv_sec = STATUS_SECONDS };
	uint64_t watchdog;

	if (sd_watchdog_enabled(0, &watchdog) > 0 && watchdog / 2 < STATUS_SECONDS * 1000000ULL) {
		every.tv_sec = (time_t)(watchdog / 2 / 1000000);
		every.tv_usec = (suseconds_t)(watchdog / 2 % 1000000);
	}
	d->status = event_new(d->base, -1, EV_PERSIST, status_cb, d);
	if (!d->status || event_add(d->status, &every) < 0)
		return -ENOMEM;
	sd_notify(0, "READY=1");
	status_cb(-1, 0, d);
	return 0;
}

static int start_store(struct daemon *d)
{
	struct store_options options = {
		.backend = (enum store_backend)d->config->backend,
		.blocking_threads = (unsigned int)d->config->workers,
		.cpu_threads = (unsigned int)d->config->checkers,
		.batch = (unsigned int)d->config->batch,
		.held_bytes = d->config->limits.held_bytes,
		.user_held_bytes = d->config->limits.user_inline_bytes,
		.filesystem_types = d->types,
	};
	size_t n = 0;
	int r;

	for (size_t i = 0; i < d->config->filesystems.n && n + 1 < ARRAY_SIZE(d->types); i++) {
		uint64_t magic;

		if (filesystem_magic(d->config->filesystems.name[i], &magic))
			d->types[n++] = (long)magic;
	}
	r = store_new(d->base, &options, &d->store);
	if (r < 0) {
		fprintf(stderr, "extentd: backend: %s\n", strerror(-r));
		return r;
	}
	d->store->encoded_io = privilege_encoded_io();
	if (!d->store->encoded_io && options.backend != STORE_DECODE && d->options.session_fd < 0)
		journal(MESSAGE_FALLBACK,
			(struct journal_field[]){
				{ "BACKEND", "decode" },
				{ "REASON", "the daemon has no CAP_SYS_ADMIN in the initial user "
					    "namespace" },
				{} },
			"Without CAP_SYS_ADMIN in the initial user namespace: extents are "
			"decompressed and written plainly");
	return 0;
}

/* Last of all: what start-up alone needs is not allowed inside. */
static int enter_sandbox(void)
{
	int r = sandbox_enter();

	if (r == 0 || r == -EOPNOTSUPP) /* built with a sanitizer */
		return 0;
	fprintf(stderr, "extentd: sandbox: %s; Sandbox=no goes without\n", strerror(-r));
	return r;
}

static int run(struct daemon *d)
{
	int r;

	d->base = event_base_new();
	if (!d->base)
		return -ENOMEM;
	r = start_store(d);
	if (r < 0)
		return r;
	r = server_new(d->base, d->store, d->config, &d->server);
	if (r < 0)
		return r;
	d->server->ended = ended;
	d->server->arg = d;
	r = watch_signals(d);
	if (r == 0)
		r = serve(d);
	if (r == 0)
		r = start_status(d);
	if (r == 0 && d->config->sandbox)
		r = enter_sandbox();
	if (r == 0 && event_base_dispatch(d->base) < 0)
		r = -EIO;
	return r;
}

static void stop(struct daemon *d)
{
	if (d->bound)
		unlink(d->bound);
	free(d->bound);
	if (d->server && d->options.session_fd < 0 && !d->abandoned)
		journal(MESSAGE_STOPPED, NULL, "Stopped");
	for (size_t i = 0; i < ARRAY_SIZE(d->signals); i++)
		if (d->signals[i])
			event_free(d->signals[i]);
	if (d->status)
		event_free(d->status);
	if (d->patience)
		event_free(d->patience);
	if (d->server) {
		d->server->ended = NULL;
		server_flush(d->server);
		if (d->abandoned)
			abandon(d);
		/* A worker that hangs in somebody's file can't be joined, and uses all this. */
		if (d->server->n_openings)
			_exit(EXIT_SUCCESS);
		server_free(d->server);
		if (d->store->n_closings)
			_exit(EXIT_SUCCESS);
	}
	store_free(d->store);
	if (d->base)
		event_base_free(d->base);
	config_free(d->config);
	libevent_global_shutdown();
}

int main(int argc, char *argv[])
{
	struct daemon d = { 0 };
	char text[CONFIG_TEXT_BYTES];
	int r;

	r = options_parse(argc, argv, &d.options);
	if (r)
		return r == OPTIONS_DONE ? EXIT_SUCCESS : EXIT_FAILURE;
	if (config_load(&d.options, &d.config, text) < 0) {
		fprintf(stderr, "extentd: %s\n", text);
		return EXIT_FAILURE;
	}
	journal_open((int)d.config->log_level);
	umask(0); /* modes are the client's: it has applied its own */
	r = privilege_drop();
	if (r == 0)
		r = identity_begin();
	if (r < 0) {
		fprintf(stderr, "extentd: giving up privileges: %s\n", strerror(-r));
		config_free(d.config);
		return EXIT_FAILURE;
	}
	r = run(&d);
	stop(&d);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
