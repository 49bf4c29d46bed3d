// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Of two writes to the same range the later one stays, whoever does which: the core in place, its
 * second thread, or the daemon. Files are written twice through the restore core in DIRECTORY (on
 * btrfs), and read.
 *
 *	restore-order SOCKET DIRECTORY
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "payload/payload.h"
#include "restore/restore.h"

#define FILES 2000
#define BYTES 8192

static char plain[2][BYTES], encoded[2][2 * BYTES];
static size_t encoded_size[2];

static const struct {
	const char *text;
	int compression[2];
} orders[] = {
	{ "encoded, encoded", { EXTENT_ZSTD, EXTENT_ZSTD } },
	{ "encoded, plain", { EXTENT_ZSTD, EXTENT_NONE } },
	{ "plain, encoded", { EXTENT_NONE, EXTENT_ZSTD } },
	{ "plain, plain", { EXTENT_NONE, EXTENT_NONE } },
};
#define ORDERS (sizeof(orders) / sizeof(orders[0]))

static unsigned int failures;

static void failed(void *userdata, enum restore_step step, const char *path, uint64_t offset,
		   uint64_t len, int error, const char *cause)
{
	printf("%s: %s\n", path, cause);
	failures++;
}

static void payloads_make(void)
{
	struct payload_compressor *c;

	if (payload_compressor_new(EXTENT_ZSTD, 0, &c))
		errx(2, "no compressor");
	for (int k = 0; k < 2; k++) {
		memset(plain[k], 'a' + k, BYTES);
		if (payload_compress(c, 4096, plain[k], BYTES, encoded[k], &encoded_size[k]))
			errx(2, "no payload");
	}
	payload_compressor_free(c);
}

static void write_twice(struct restore_file *file, const int compression[2])
{
	for (int k = 0; k < 2; k++) {
		bool is_plain = compression[k] == EXTENT_NONE;
		struct extent_write w = {
			.len = BYTES,
			.unencoded_len = BYTES,
			.payload = is_plain ? plain[k] : encoded[k],
			.payload_len = is_plain ? BYTES : (uint32_t)encoded_size[k],
			.compression = (uint8_t)compression[k],
		};

		if (restore_write(file, &w))
			errx(2, "write");
	}
}

static bool has_the_later(const char *name)
{
	char now[BYTES + 1];
	int fd = open(name, O_RDONLY);
	ssize_t n = read(fd, now, sizeof(now));

	close(fd);
	return n == BYTES && !memcmp(now, plain[1], BYTES);
}

int main(int argc, char **argv)
{
	struct restore_options o = { .failed = failed };
	struct extent_session *session;
	struct restore_dir *root;
	struct restore *r;
	char name[16];

	if (argc != 3 || chdir(argv[2]))
		errx(2, "SOCKET DIRECTORY");
	payloads_make();
	if (extent_connect(argv[1], &session) || sink_extent_new(session, &o.sink) ||
	    restore_new(&o, &r) || restore_root(r, open(".", O_RDONLY | O_DIRECTORY), "", &root))
		errx(2, "cannot begin");
	for (unsigned int i = 0; i < FILES; i++) {
		struct restore_file *file;

		snprintf(name, sizeof(name), "%u", i);
		if (restore_file_create(root, name, NULL, &file))
			errx(2, "create");
		write_twice(file, orders[i % ORDERS].compression);
		restore_file_finish(file, &(struct restore_attr){ 0 });
	}
	if (restore_sync(r))
		errx(2, "sync");
	for (unsigned int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%u", i);
		if (has_the_later(name))
			continue;
		printf("%s (%s): the earlier write is there\n", name, orders[i % ORDERS].text);
		failures++;
	}
	restore_dir_put(root);
	restore_free(r);
	o.sink->free(o.sink);
	extent_disconnect(session);
	return failures ? 1 : 0;
}
