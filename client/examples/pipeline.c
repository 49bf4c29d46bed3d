// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * extent-pipeline SOURCE... DIRECTORY: many files, many writes under way, one commit.
 *
 * The event loop is this program's own. It makes extents until the library has no room for
 * another (-EAGAIN), then polls until some have been written, and so on. Payloads are compressed
 * straight into buffers that the daemon shares. "Written" is all that is asked of each write;
 * the one SYNC at the end makes all of them safe, and tells if any was lost meanwhile.
 */
#include <err.h>
#include <errno.h>
#include <extent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define LEVEL 3

static unsigned long long extents, stored, content;
static int failures;

/* Runs inside extent_process(), once for each request. */
static void completed(struct extent_session *s, const struct extent_completion *c)
{
	if (c->result) {
		warnx("%s", extent_completion_text(s, c));
		failures++;
	} else if (c->kind == EXTENT_OP_WRITE) {
		extents++;
		content += c->len;
	}
}

/* One turn of the loop: waits for the socket, sends, receives, runs callbacks. */
static void turn(struct extent_session *s)
{
	struct pollfd p = { .fd = extent_fd(s), .events = (short)extent_events(s) };
	struct extent_completion lost;

	if (poll(&p, 1, -1) < 0 && errno != EINTR)
		err(1, "poll");
	if (extent_process(s) < 0)
		errx(1, "%s", extent_error_text(s));
	while (extent_next_completion(s, &lost)) /* what no callback was given for */
		completed(s, &lost);
}

/* Any call that queues a request, repeated until there is room for it. */
#define QUEUE(s, call)                                                                             \
	do {                                                                                       \
		int64_t id_;                                                                       \
		while ((id_ = (call)) == -EAGAIN)                                                  \
			turn(s);                                                                   \
		if (id_ < 0)                                                                       \
			errx(1, "%s", extent_error_text(s));                                       \
	} while (0)

static void *buffer(struct extent_session *s, size_t size)
{
	void *b;

	while (!(b = extent_buffer_get(s, size)))
		turn(s);
	return b;
}

static void put(struct extent_session *s, int source, int file, const struct extent_limits *l)
{
	static char data[128 * 1024];
	size_t size = l->max_unencoded < sizeof(data) ? l->max_unencoded : sizeof(data);
	struct extent_write w = { .file = file, .ack = EXTENT_WRITTEN, .flags = EXTENT_BUFFER };
	ssize_t n;

	while ((n = read(source, data, size)) > 0) {
		void *b = buffer(s, l->max_payload);
		size_t len = ZSTD_compress(b, l->max_payload, data, (size_t)n, LEVEL);

		w.compression = EXTENT_ZSTD;
		if (ZSTD_isError(len) || len + 4096 > (size_t)n) {
			memcpy(b, data, (size_t)n);
			len = (size_t)n;
			w.compression = EXTENT_NONE;
		}
		w.payload = b;
		w.payload_len = (uint32_t)len;
		w.len = w.unencoded_len = (uint64_t)n;
		QUEUE(s, extent_write(s, &w, completed, NULL));
		w.offset += w.len;
		stored += len;
	}
	if (n < 0)
		err(1, "read");
}

static void copy(struct extent_session *s, const char *path, const char *directory,
		 const struct extent_limits *l)
{
	const char *slash = strrchr(path, '/');
	char target[4096];
	int source = open(path, O_RDONLY), out, file;

	if (source < 0)
		err(1, "%s", path);
	snprintf(target, sizeof(target), "%s/%s", directory, slash ? slash + 1 : path);
	out = open(target, O_RDWR | O_CREAT | O_TRUNC, 0666);
	if (out < 0)
		err(1, "%s", target);

	/* Nothing here waits: the writes follow the open, and the close follows the writes. */
	QUEUE(s, extent_open_fd(s, out, target, 0, completed, NULL, &file));
	close(out);
	put(s, source, file, l);
	QUEUE(s, extent_close(s, file, completed, NULL));
	close(source);
}

int main(int argc, char **argv)
{
	struct extent_session *s;
	struct extent_limits l;

	if (argc < 3)
		errx(2, "usage: extent-pipeline SOURCE... DIRECTORY");
	if (extent_connect(NULL, &s))
		errx(1, "%s", extent_error_text(NULL));
	extent_get_limits(s, &l);

	for (int i = 1; i < argc - 1; i++)
		copy(s, argv[i], argv[argc - 1], &l);
	QUEUE(s, extent_sync(s, -1, completed, NULL));
	while (extent_pending(s))
		turn(s);
	extent_disconnect(s);

	if (failures)
		errx(1, "%d requests failed", failures);
	printf("%llu extents, %llu bytes as %llu, safe on disk\n", extents, content, stored);
	return 0;
}
