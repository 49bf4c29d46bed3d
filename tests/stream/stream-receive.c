// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The receiver with the direct sink, for tests and benchmarks without a daemon.
 *
 *	stream-receive [-e] [-p] [-c] [-d] [-E N] [-m MOUNT] [-f FILE] DIRECTORY
 *
 * -p every command literally; -c check payloads in full; -d decompress all.
 */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "receive/receive.h"

static void message(void *userdata, int level, const char *text)
{
	fprintf(stderr, "%s%s\n", level == LOG_ERR ? "ERROR: " : "", text);
}

static int open_or_die(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		err(2, "%s", path);
	return fd;
}

int main(int argc, char **argv)
{
	struct receive_options o = { .max_errors = 1,
				     .mount = -1,
				     .stop = -1,
				     .policy = PARTIAL_REPLACE,
				     .message = message };
	bool check = false, decompress = false;
	struct receive_stats stats;
	struct sink *sink;
	int c, r;

	while ((c = getopt(argc, argv, "epcdE:m:f:")) != -1)
		switch (c) {
		case 'e':
			o.stop_at_end = true;
			break;
		case 'p':
			o.literal = true;
			break;
		case 'c':
			check = true;
			break;
		case 'd':
			decompress = true;
			break;
		case 'E':
			o.max_errors = strtoull(optarg, NULL, 0);
			break;
		case 'm':
			o.mount = open_or_die(optarg, O_RDONLY | O_DIRECTORY);
			break;
		case 'f':
			o.input = open_or_die(optarg, O_RDONLY);
			break;
		default:
			return 2;
		}
	if (optind + 1 != argc)
		errx(2, "which directory?");
	o.directory = open_or_die(argv[optind], O_RDONLY | O_DIRECTORY);
	if (o.mount < 0)
		o.mount = o.directory;
	r = sink_direct_new(check, decompress, &sink);
	if (r)
		errx(2, "%s", strerror(-r));
	o.sink = sink;
	r = receive(&o, &stats);
	printf("commands %" PRIu64 " inodes %" PRIu64 " elided %" PRIu64 " literal %" PRIu64
	       " saved %" PRIu64 " encoded %" PRIu64 " decoded %" PRIu64 " plain %" PRIu64
	       " errors %" PRIu64 " warnings %" PRIu64 "\n",
	       stats.commands, stats.target.inodes, stats.target.elided, stats.target.literal,
	       stats.target.calls_saved, sink->stats.encoded, sink->stats.decoded,
	       sink->stats.plain, stats.errors, stats.warnings);
	sink->free(sink);
	return r ? 1 : 0;
}
