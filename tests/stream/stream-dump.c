// SPDX-License-Identifier: GPL-2.0-or-later
/* stream_dump() over standard input, for comparison with btrfs receive --dump. */
#include <err.h>
#include <string.h>
#include <unistd.h>

#include "stream/dump.h"

int main(int argc, char **argv)
{
	struct block_source *pool;
	struct stream *s;
	char text[256];
	int r;

	r = block_pool_new(BLOCK_SIZE_MIN, 2, &pool);
	if (!r)
		r = stream_new_fd(STDIN_FILENO, pool, &s);
	if (r)
		errx(1, "%s", strerror(-r));
	r = stream_dump(s, stdout, argc > 1 && !strcmp(argv[1], "-e"));
	if (r) {
		stream_fault_format(stream_fault(s), text, sizeof(text));
		warnx("%s", text);
	}
	stream_free(s);
	block_pool_free(pool);
	return r ? 1 : 0;
}
