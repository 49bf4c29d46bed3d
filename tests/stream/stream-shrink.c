// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Says a stream in the order in which btrfs receive need not decompress: where an encoded write
 * ends inside a sector and a truncation to its end follows, one to its start is put before it. The
 * result is what a receiver must come to that keeps such tails compressed, made by btrfs receive.
 *
 *	stream-shrink IN OUT		prints how many there were
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "craft.h"
#include "stream/path.h"

static struct craft in;
static FILE *out;

static void put(const void *bytes, size_t size)
{
	if (fwrite(bytes, 1, size, out) != size)
		err(1, "writing");
}

static void put_truncate(const char *path, uint64_t size)
{
	struct craft w;

	craft_new(&w);
	w.version = 2;
	craft(&w, STREAM_C_TRUNCATE, "ps", path, size);
	put(w.data, w.size);
	craft_free(&w);
}

int main(int argc, char **argv)
{
	char path[STREAM_PATH_MAX + 1] = "";
	uint64_t position = 0, start = 0, end = 0; /* of the last command, if a tail */
	struct block_source *pool;
	struct stream_command c;
	unsigned int count = 0;
	size_t done = 0;
	struct stream *s;
	struct stat st;
	int fd, r;

	if (argc != 3)
		errx(2, "usage: stream-shrink IN OUT");
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", argv[1]);
	in.size = (size_t)st.st_size;
	in.data = mmap(NULL, in.size, PROT_READ, MAP_PRIVATE, fd, 0);
	out = fopen(argv[2], "we");
	if (in.data == MAP_FAILED || !out)
		err(1, "%s", argv[2]);
	if (block_pool_new(BLOCK_SIZE_MIN, 4, &pool) || stream_new(craft_read, &in, pool, &s))
		errx(1, "out of memory");
	while (!(r = stream_next(s, &c))) {
		bool same = c.path.size == strlen(path) && !memcmp(c.path.data, path, c.path.size);

		if (c.op == STREAM_C_TRUNCATE && end % 4096 && c.size == end && same) {
			put(in.data + done, position - done);
			put_truncate(path, start);
			done = position;
			count++;
		}
		end = 0;
		if (c.op != STREAM_C_ENCODED_WRITE || !c.compression)
			continue;
		position = c.position;
		start = c.file_offset;
		end = start + c.unencoded_file_len;
		memcpy(path, c.path.data, c.path.size);
		path[c.path.size] = 0;
	}
	if (r != STREAM_DONE)
		errx(1, "%s: not a whole stream", argv[1]);
	put(in.data + done, in.size - done);
	if (fclose(out))
		err(1, "%s", argv[2]);
	printf("%u\n", count);
	stream_free(s);
	block_pool_free(pool);
	return 0;
}
