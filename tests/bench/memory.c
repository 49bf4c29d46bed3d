// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "lib/extent.h"

/* (e) A thousand connections, each with a few durable extents under way. */
int bench_memory(const struct settings *set, const char *mount_point, const struct payload *payload)
{
	enum { SESSIONS = 1000, EACH = 4 };
	static struct extent_session *sessions[SESSIONS];
	static int fds[SESSIONS];
	double kib[1];
	char socket[108];
	pid_t daemon = daemon_start(set->daemon, "full", socket);
	long before = resident_kib(daemon), peak = 0;

	printf("memory: 1000 connections, each with %d durable extents of %u KiB under way, "
	       "validation: full\n",
	       EACH, payload->len / 1024);
	for (int i = 0; i < SESSIONS; i++) {
		char path[256];
		int file;

		snprintf(path, sizeof(path), "%s/client.%d", mount_point, i);
		fds[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fds[i] < 0 || extent_connect(socket, &sessions[i]) < 0 ||
		    extent_open_fd_wait(sessions[i], fds[i], path, 0, &file) < 0) {
			fprintf(stderr, "session %d failed\n", i);
			return 1;
		}
		for (int k = 0; k < EACH; k++) {
			struct extent_write w = { .file = file,
						  .offset = (uint64_t)k * EXTENT_BYTES,
						  .len = EXTENT_BYTES,
						  .unencoded_len = EXTENT_BYTES,
						  .payload = payload->bytes,
						  .payload_len = payload->len,
						  .compression = EXTENT_ZSTD,
						  .ack = EXTENT_DURABLE };

			if (extent_write(sessions[i], &w, NULL, NULL) < 0)
				return 1;
		}
	}
	for (int i = 0; i < SESSIONS; i++)
		extent_process(sessions[i]);
	for (int i = 0; i < SESSIONS; i++) {
		if (extent_drain(sessions[i]) < 0) {
			fprintf(stderr, "%s\n", extent_error_text(sessions[i]));
			return 1;
		}
		if (resident_kib(daemon) > peak)
			peak = resident_kib(daemon);
	}
	for (int i = 0; i < SESSIONS; i++) {
		extent_disconnect(sessions[i]);
		close(fds[i]);
	}
	daemon_stop(daemon);
	printf("  idle %ld KiB, peak %ld KiB (arenas not counted)\n", before, peak);
	kib[0] = (double)peak / 1024;
	return verdict("MiB resident beyond the arenas", kib, 1, 64, false);
}
