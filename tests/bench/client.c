// SPDX-License-Identifier: GPL-2.0-or-later

/* The writes through the daemon, as a program does them that links libextent. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "lib/extent.h"

struct run {
	unsigned int in_flight;
	double start;
	double *latency;
};

static void done(struct extent_session *s, const struct extent_completion *c)
{
	struct run *run = c->userdata;

	if (c->result < 0) {
		fprintf(stderr, "%s\n", extent_completion_text(s, c));
		exit(1);
	}
	if (c->kind != EXTENT_OP_WRITE)
		return;
	run->in_flight--;
	if (run->latency)
		*run->latency++ = now_us() - run->start;
}

static void client_one(const struct load *load, unsigned int id)
{
	struct run run = { .latency = load->latency };
	struct extent_session *s;
	char path[256];
	int fd, file, r;

	r = extent_connect(load->socket, &s);
	snprintf(path, sizeof(path), "%s/client.%u", load->mount, id);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (r < 0 || fd < 0 || extent_open_fd(s, fd, path, 0, done, &run, &file) < 0) {
		fprintf(stderr, "%s: cannot start\n", path);
		exit(1);
	}
	for (unsigned int i = 0; i < load->extents || run.in_flight;) {
		while (i < load->extents && run.in_flight < load->depth) {
			struct extent_write w = {
				.file = file,
				.offset = (uint64_t)i * EXTENT_BYTES,
				.len = EXTENT_BYTES,
				.unencoded_len = EXTENT_BYTES,
				.payload_len = load->payload->len,
				.compression = EXTENT_ZSTD,
				.ack = (enum extent_ack)load->ack,
				.flags = EXTENT_BUFFER,
			};
			void *buffer;

			run.start = now_us();
			buffer = extent_buffer_get(s, load->payload->len);
			if (!buffer)
				break;
			/* Once each: what put the payload there is no part of this, as in direct.c.
			 */
			if (memcmp(buffer, load->payload->bytes, 64))
				memcpy(buffer, load->payload->bytes, load->payload->len);
			w.payload = buffer;
			if (extent_write(s, &w, done, &run) < 0) {
				extent_buffer_put(s, buffer);
				break;
			}
			run.in_flight++;
			i++;
		}
		r = extent_wait(s, -1);
		if (r < 0) {
			fprintf(stderr, "%s\n", extent_error_text(s));
			exit(1);
		}
	}
	extent_disconnect(s);
	close(fd);
}

double run_client(const struct load *load)
{
	return each_process(load, client_one);
}
