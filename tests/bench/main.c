// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench.h"
#include "lib/extent.h"
#include "payload/payload.h"

#define DECODERS 2 /* as many as the daemon has checkers on two processors */
#define SKIP	 77
#define RUNS_MAX 99

static struct payload payload;
static const char *mount_point;

/* The runs' files, and what the last run left to be written back. */
static void tidy(void)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -rf %s/client.* %s/direct.*", mount_point,
		 mount_point);
	if (system(command))
		abort();
	sync();
}

int verdict(const char *what, double *ratio, unsigned int n, double goal, bool at_least)
{
	double low, median, high;
	bool good;

	median_of(ratio, n, &low, &median, &high);
	good = at_least ? median >= goal : median <= goal;
	printf("%-60s %6.2f  (%.2f .. %.2f, %u runs)  goal %s %.2f: %s\n", what, median, low, high,
	       n, at_least ? ">=" : "<=", goal, good ? "met" : "MISSED");
	return good ? 0 : 1;
}

static void line(const char *what, double *us, unsigned int n, unsigned int extents)
{
	double low, median, high;

	median_of(us, n, &low, &median, &high);
	printf("  %-58s %8.1f us an extent (%.1f .. %.1f)\n", what, median / extents, low / extents,
	       high / extents);
}

/* (a) What the socket, the daemon's loop and a second process cost. */
static int bench_written(const struct settings *set)
{
	double ours[RUNS_MAX], theirs[RUNS_MAX], ratio[RUNS_MAX];
	char socket[108];
	pid_t daemon = daemon_start(set->daemon, "structure", socket);
	struct load load = { .mount = mount_point,
			     .socket = socket,
			     .payload = &payload,
			     .writers = 1,
			     .extents = 8000,
			     .depth = 128,
			     .ack = EXTENT_WRITTEN };

	printf("written: acknowledgement \"written\", no durability, validation: structure, arena; "
	       "one file, 128 in flight\n  baseline: the same hard-linked chains in-process\n");
	for (unsigned int i = 0; i < set->runs + 1; i++) {
		unsigned int k = i ? i - 1 : 0; /* the first is the warm-up */

		tidy();
		ours[k] = run_client(&load);
		tidy();
		theirs[k] = run_ring(&load);
		ratio[k] = theirs[k] / ours[k];
	}
	daemon_stop(daemon);
	line("through extentd", ours, set->runs, load.extents);
	line("in-process", theirs, set->runs, load.extents);
	return verdict("throughput against in-process", ratio, set->runs, 0.90, true);
}

/* (b) What batching wins when everything has to be safe. */
static int bench_durable(const struct settings *set)
{
	double ours[RUNS_MAX], theirs[RUNS_MAX], ratio[RUNS_MAX];
	char socket[108];
	pid_t daemon = daemon_start(set->daemon, "full", socket);
	struct load load = { .mount = mount_point,
			     .socket = socket,
			     .payload = &payload,
			     .writers = 8,
			     .extents = 256,
			     .depth = 32,
			     .ack = EXTENT_DURABLE };

	printf("durable: every extent acknowledged \"durable\", validation: full; 8 clients, 32 in "
	       "flight each\n  baseline: 8 processes, each extent by ioctl, wait and check, fsync; "
	       "no validation\n");
	for (unsigned int i = 0; i < set->runs + 1; i++) {
		unsigned int k = i ? i - 1 : 0;

		tidy();
		ours[k] = run_client(&load);
		tidy();
		theirs[k] = run_direct(&load);
		ratio[k] = theirs[k] / ours[k];
	}
	daemon_stop(daemon);
	line("extentd", ours, set->runs, load.extents * load.writers);
	line("8 processes", theirs, set->runs, load.extents * load.writers);
	return verdict("throughput against 8 processes", ratio, set->runs, 3.0, true);
}

/* (c) What a single durable extent has to wait for the daemon. */
static int bench_latency(const struct settings *set)
{
	double ratio[RUNS_MAX], ours[RUNS_MAX], theirs[RUNS_MAX], low, high;
	static double latency[400];
	char socket[108];
	pid_t daemon = daemon_start(set->daemon, "structure", socket);
	struct load load = { .mount = mount_point,
			     .socket = socket,
			     .payload = &payload,
			     .writers = 1,
			     .extents = 400,
			     .depth = 1,
			     .ack = EXTENT_DURABLE,
			     .latency = latency };

	printf("latency: one durable extent at a time, validation: structure\n"
	       "  baseline: the same calls made directly (ioctl, wait and check, fsync)\n");
	for (unsigned int i = 0; i < set->runs + 1; i++) {
		unsigned int k = i ? i - 1 : 0;

		tidy();
		run_client(&load);
		median_of(latency, load.extents, &low, &ours[k], &high);
		tidy();
		run_direct(&load);
		median_of(latency, load.extents, &low, &theirs[k], &high);
		ratio[k] = ours[k] / theirs[k];
	}
	daemon_stop(daemon);
	line("extentd, p50", ours, set->runs, 1);
	line("direct calls, p50", theirs, set->runs, 1);
	return verdict("p50 against direct calls", ratio, set->runs, 1.25, false);
}

/* Decodes every second extent and exits. */
static void decode_half(const struct load *load, unsigned char (*in)[EXTENT_BYTES], unsigned int n)
{
	static unsigned char out[EXTENT_BYTES];
	struct payload_scratch *scratch;
	struct payload_fault fault;

	if (payload_scratch_new(&scratch) < 0)
		abort();
	for (unsigned int i = 0; i < load->extents / DECODERS; i++)
		if (payload_decode(scratch, EXTENT_ZSTD, in[i % n], load->payload->len, out,
				   sizeof(out), &fault))
			abort();
	_exit(0);
}

/*
 * User CPU of decoding as many extents as load has: in as many threads of control as the daemon
 * does it, and while the same extents are being written beside it. On a machine with few
 * processors both slow the decoder, and the daemon's is no exception.
 */
static double decode_seconds(const struct load *load)
{
	static unsigned char in[128][EXTENT_BYTES]; /* as far apart as payloads of a stream are */
	pid_t decoders[DECODERS], writer;
	double seconds = 0;

	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		memcpy(in[i], load->payload->bytes, load->payload->len);
	writer = fork();
	if (writer == 0) {
		run_ring(load);
		_exit(0);
	}
	for (int i = 0; i < DECODERS; i++) {
		decoders[i] = fork();
		if (decoders[i] == 0)
			decode_half(load, in, ARRAY_SIZE(in));
	}
	for (int i = 0; i < DECODERS; i++) {
		struct rusage use;
		int status;

		if (wait4(decoders[i], &status, 0, &use) < 0 || status)
			abort();
		seconds += (double)use.ru_utime.tv_sec + (double)use.ru_utime.tv_usec / 1e6;
	}
	waitpid(writer, NULL, 0);
	return seconds;
}

/* (d) What the daemon itself computes for an extent. */
static int bench_cpu(const struct settings *set)
{
	double trusted[RUNS_MAX], full[RUNS_MAX], ratio[RUNS_MAX];
	char socket[108];
	struct load load = { .mount = mount_point,
			     .payload = &payload,
			     .socket = socket,
			     .writers = 1,
			     .extents = 8000,
			     .depth = 128,
			     .ack = EXTENT_WRITTEN };
	int bad;

	printf("cpu: user time of the daemon, acknowledgement \"written\"\n");
	for (unsigned int i = 0; i < set->runs; i++) {
		pid_t daemon = daemon_start(set->daemon, "structure", socket);
		double start = user_seconds(daemon);

		tidy();
		run_client(&load);
		trusted[i] = (user_seconds(daemon) - start) * 1e6 / load.extents;
		daemon_stop(daemon);

		daemon = daemon_start(set->daemon, "full", socket);
		start = user_seconds(daemon);
		tidy();
		run_client(&load);
		full[i] = user_seconds(daemon) - start;
		daemon_stop(daemon);
		tidy();
		ratio[i] = full[i] / decode_seconds(&load);
	}
	bad = verdict("validation structure: us of user CPU an extent", trusted, set->runs, 5.0,
		      false);
	return bad | verdict("validation full: user CPU against decoding alone", ratio, set->runs,
			     1.15, false);
}

/* (f) What small files cost. */
static int bench_files(const struct settings *set)
{
	double ours[RUNS_MAX], theirs[RUNS_MAX], more[RUNS_MAX];
	char socket[108];
	pid_t daemon = daemon_start(set->daemon, "structure", socket);
	struct load load = { .mount = mount_point, .socket = socket, .extents = 10000 };

	printf("files: %u files of one small extent, acknowledgement \"written\", one SYNC at the "
	       "end, "
	       "validation: structure\n  baseline: ioctl, one syncfs, a look at each\n",
	       load.extents);
	for (unsigned int i = 0; i < set->runs; i++) {
		tidy();
		if (files_compare(&load, daemon, &ours[i], &theirs[i]) < 0)
			return 1;
		ours[i] *= 1e6;
		theirs[i] *= 1e6;
		more[i] = (ours[i] - theirs[i]) / load.extents;
	}
	daemon_stop(daemon);
	line("CPU of extentd", ours, set->runs, load.extents);
	line("CPU of the same writes without it", theirs, set->runs, load.extents);
	return verdict("us of CPU a file beyond the writes themselves", more, set->runs, 35.0,
		       false);
}

static int memory(const struct settings *set)
{
	return bench_memory(set, mount_point, &payload);
}

static const struct {
	const char *name;
	int (*run)(const struct settings *set);
} benches[] = {
	{ "written", bench_written }, { "durable", bench_durable }, { "latency", bench_latency },
	{ "cpu", bench_cpu },	      { "memory", memory },	    { "files", bench_files },
};

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "runs", required_argument, NULL, 'n' },
		{ "dir", required_argument, NULL, 'd' },
		{ "daemon", required_argument, NULL, 'x' },
		{},
	};
	struct settings set = { .runs = 5, .dir = "/var/tmp", .daemon = getenv("EXTENTD") };
	int bad = 0, c;

	setlinebuf(stdout);
	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'n')
			set.runs = (unsigned int)atoi(optarg);
		else if (c == 'd')
			set.dir = optarg;
		else if (c == 'x')
			set.daemon = optarg;
		else
			return 2;
	}
	if (!set.runs || set.runs > RUNS_MAX || !set.daemon) {
		fprintf(stderr, "usage: extent-bench --daemon EXTENTD [--runs N] [--dir DIR] "
				"[written|durable|latency|cpu|memory|files]\n");
		return 2;
	}
	payload_make(&payload, EXTENT_BYTES);
	mount_point = scratch_mount(set.dir);
	if (!mount_point) {
		printf("skipped: needs root, btrfs and a loop device\n");
		return SKIP;
	}
	for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++)
		if (optind == argc || !strcmp(argv[optind], benches[i].name))
			bad |= benches[i].run(&set);
	return bad;
}
