// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * storm [--seconds N] [--clients N] [--files N] [--seed N] [--paths] DIRECTORY
 *
 * Many clients write, overlap, cancel, sync, close, leave and are killed at random; then every
 * byte of every file is compared with what was acknowledged (ledger.h). The seed is printed.
 * Timing is the machine's: the same seed gives the same operations, not the same interleaving.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/lib/extent.h"
#include "common/sample.h"
#include "storm-client.h"
#include "wire/counters.h"

#define CLIENTS_MAX   64
#define DRAIN_SECONDS 120

struct child {
	pid_t pid; /* 0: none */
	double dies;
};

static struct child children[CLIENTS_MAX];
static struct sample_random dice;

static void child_start(const struct storm *storm, struct child *child)
{
	uint64_t seed = sample_next(&dice);

	/* Two of three are killed. */
	child->dies = sample_below(&dice, 3) ? storm_now() + 0.1 + sample_below(&dice, 3000) / 1e3
					     : 1e300;
	fflush(stdout);
	child->pid = fork();
	if (child->pid == 0)
		exit(storm_client(storm, seed));
}

/* The child ended, or is to: false if it failed. */
static bool child_reap(struct storm *storm, struct child *child, int flags)
{
	int status;
	pid_t pid = waitpid(child->pid, &status, flags);

	if (pid <= 0)
		return true;
	child->pid = 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		storm->ledger->killed++;
		return true;
	}
	if (status)
		printf("a client ended with status 0x%x\n", (unsigned int)status);
	return !status;
}

static bool run(struct storm *storm, unsigned int clients)
{
	double last = storm->until + DRAIN_SECONDS;
	bool ok = true, alive = true;

	while (alive) {
		bool over = !ok || storm_now() >= storm->until;

		alive = !over;
		for (unsigned int i = 0; i < clients; i++) {
			struct child *c = &children[i];

			if (!c->pid && !over)
				child_start(storm, c);
			if (c->pid && !over && storm_now() >= c->dies) {
				kill(c->pid, SIGKILL);
				ok &= child_reap(storm, c, 0);
			}
			if (c->pid)
				ok &= child_reap(storm, c, WNOHANG);
			alive |= c->pid != 0;
		}
		if (storm_now() > last) {
			printf("clients still wait for answers %d s after the end\n",
			       DRAIN_SECONDS);
			for (unsigned int i = 0; i < clients; i++)
				if (children[i].pid)
					kill(children[i].pid, SIGKILL);
			return false;
		}
		usleep(5000);
	}
	return ok;
}

/* What orphaned requests still do is over when the daemon says so. */
static bool wait_idle(void)
{
#define X(name, text) AT_##name,
	enum { WIRE_COUNTERS(X) };
#undef X
	struct extent_session *s;
	const uint64_t *v;
	bool idle = false;

	if (extent_connect(NULL, &s) < 0)
		return false;
	for (int i = 0; i < 600 && !idle; i++) {
		if (extent_status_wait(s) < 0 || extent_counters(s, &v) <= AT_now_arena_bytes)
			break;
		idle = !v[AT_now_requests] && !v[AT_now_files] && !v[AT_now_payload_bytes] &&
		       !v[AT_now_arena_bytes] && v[AT_now_sessions] == 1;
		if (!idle)
			usleep(50000);
	}
	if (!idle)
		printf("the daemon is not idle: %llu requests, %llu files, %llu payload bytes, "
		       "%llu arena bytes, %llu sessions\n",
		       (unsigned long long)v[AT_now_requests], (unsigned long long)v[AT_now_files],
		       (unsigned long long)v[AT_now_payload_bytes],
		       (unsigned long long)v[AT_now_arena_bytes],
		       (unsigned long long)v[AT_now_sessions]);
	extent_disconnect(s);
	return idle;
}

static unsigned int check(const struct storm *storm)
{
	unsigned int faults = 0;

	for (unsigned int i = 0; i < storm->files; i++) {
		_cleanup_(closep) int fd = -1;
		_cleanup_(freep) unsigned char *content = NULL;
		char path[4096];
		struct stat st;
		ssize_t n = 0;

		snprintf(path, sizeof(path), "%s/%u", storm->dir, i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0 || !(content = malloc((size_t)st.st_size + 1)) ||
		    (n = pread(fd, content, (size_t)st.st_size, 0)) != st.st_size) {
			printf("%s: reading: %zd: %s\n", path, n, strerror(errno));
			return faults + 1;
		}
		faults += ledger_check(storm->ledger, i, content, (uint64_t)st.st_size);
	}
	return faults;
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "seconds", 1, NULL, 's' }, { "clients", 1, NULL, 'c' }, { "files", 1, NULL, 'f' },
		{ "seed", 1, NULL, 'r' },    { "paths", 0, NULL, 'p' },	  {},
	};
	struct storm storm = { .files = 4, .file_bytes = 4U << 20 };
	unsigned int clients = 6, seconds = 8, faults;
	struct timespec t;
	bool ok;
	int o;

	clock_gettime(CLOCK_REALTIME, &t);
	dice.state = (uint64_t)t.tv_nsec ^ (uint64_t)t.tv_sec << 20;
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 's')
			seconds = (unsigned int)atoi(optarg);
		else if (o == 'c')
			clients = (unsigned int)atoi(optarg);
		else if (o == 'f')
			storm.files = (unsigned int)atoi(optarg);
		else if (o == 'r')
			dice.state = strtoull(optarg, NULL, 0);
		else if (o == 'p')
			storm.paths = 1;
		else
			return 2;
	}
	if (optind + 1 != argc || clients > CLIENTS_MAX || !storm.files || storm.files > 16)
		return 2;
	storm.dir = argv[optind];
	storm.ledger = ledger_new();
	if (!storm.ledger)
		return 2;
	printf("seed %llu: %u clients, %u files, %u s\n", (unsigned long long)dice.state, clients,
	       storm.files, seconds);
	storm.until = storm_now() + seconds;
	ok = run(&storm, clients);
	ok = wait_idle() && ok;
	faults = check(&storm);
	printf("%u writes by %u sessions; acknowledged accepted %llu, written %llu, durable %llu; "
	       "cancelled %llu; %llu clients killed; %llu wrong answers, %u faults\n",
	       storm.ledger->n, storm.ledger->n_writers, (unsigned long long)storm.ledger->acked[1],
	       (unsigned long long)storm.ledger->acked[2],
	       (unsigned long long)storm.ledger->acked[3],
	       (unsigned long long)storm.ledger->cancelled,
	       (unsigned long long)storm.ledger->killed, (unsigned long long)storm.ledger->errors,
	       faults);
	return !ok || faults || storm.ledger->errors || !storm.ledger->acked[3];
}
