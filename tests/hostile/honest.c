// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * honest FILE END: works until there is a file END, in rounds of a new session, ROUND durable
 * extents and a sync, and prints how many rounds a thousand seconds would have had and how long the
 * longest took, in ms. What it writes was made before the first round, so that the time is the
 * daemon's and not that of a compressor beside others who want the processor.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "extent.h"
#include "payload/payload.h"
#include "common/sample.h"

enum { ROUND = 64, PAYLOADS = 8, BYTES = 131072 };

static struct {
	uint8_t bytes[BYTES];
	size_t len;
} payloads[PAYLOADS];

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void give_up(const char *what, int error, const char *text)
{
	printf("%s: %s: %s\n", what, strerror(-error), text ? text : "");
	exit(1);
}

static void make_payloads(void)
{
	static uint8_t data[BYTES];
	struct payload_compressor *compressor;
	struct sample_random random = { .state = 1 };

	if (payload_compressor_new(EXTENT_ZSTD, 0, &compressor))
		exit(2);
	for (int i = 0; i < PAYLOADS; i++) {
		sample_fill(data, BYTES, SAMPLE_MIXED, &random);
		if (payload_compress(compressor, 4096, data, BYTES, payloads[i].bytes,
				     &payloads[i].len))
			exit(2);
	}
	payload_compressor_free(compressor);
}

static void work(const char *path, int fd)
{
	struct extent_session *s;
	int file, r = extent_connect(NULL, &s);

	if (r)
		give_up("connect", r, extent_error_text(NULL));
	r = extent_open_fd_wait(s, fd, path, 0, &file);
	for (int i = 0; !r && i < ROUND; i++) {
		struct extent_write w = { .file = file,
					  .offset = (uint64_t)i * BYTES,
					  .len = BYTES,
					  .unencoded_len = BYTES,
					  .payload = payloads[i % PAYLOADS].bytes,
					  .payload_len = (uint32_t)payloads[i % PAYLOADS].len,
					  .compression = EXTENT_ZSTD,
					  .ack = EXTENT_DURABLE };
		int64_t id;

		while ((id = extent_write(s, &w, NULL, NULL)) == -EAGAIN && !r)
			r = extent_wait(s, -1) < 0 ? -EPIPE : 0;
		if (id < 0 && !r)
			r = (int)id;
	}
	if (!r)
		r = extent_sync_wait(s, file);
	if (!r)
		r = extent_drain(s);
	if (r)
		give_up(path, r, extent_error_text(s));
	extent_disconnect(s);
}

int main(int argc, char *argv[])
{
	int64_t begin, last, longest = 0, rounds = 0;
	int fd = argc > 2 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0644) : -1;

	if (fd < 0)
		return 2;
	make_payloads();
	begin = last = now_us();
	do {
		int64_t now;

		work(argv[1], fd);
		rounds++;
		now = now_us();
		longest = now - last > longest ? now - last : longest;
		last = now;
	} while (access(argv[2], F_OK) < 0);
	printf("%lld %lld\n", (long long)(rounds * 1000000000 / (last - begin)),
	       (long long)(longest / 1000));
	return 0;
}
