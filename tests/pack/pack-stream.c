// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pack-stream [-c zlib|lzo|none] NAME SRC...: the stream that `extentctl copy --host` would send,
 * on standard output; the counts on standard error. Status: 0, 1 (something was left out), 2 (no
 * stream).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pack/pack.h"

static int put(void *userdata, const void *head, size_t head_size, const void *data, size_t size)
{
	if (fwrite(head, 1, head_size, stdout) != head_size ||
	    (size && fwrite(data, 1, size, stdout) != size))
		return -EIO;
	return 0;
}

static void error(void *userdata, const char *text)
{
	fprintf(stderr, "%s\n", text);
}

int main(int argc, char *argv[])
{
	struct copy_stats stats = { 0 };
	struct pack_options o = {
		.codec = { EXTENT_ZSTD, 3 }, .write = put, .error = error, .stats = &stats
	};
	int c, r;

	while ((c = getopt(argc, argv, "c:")) != -1)
		o.codec = (struct codec){ !strcmp(optarg, "zlib")  ? EXTENT_ZLIB
					  : !strcmp(optarg, "lzo") ? EXTENT_LZO_4K
								   : EXTENT_NONE };
	if (argc - optind < 2)
		return 2;
	o.name = argv[optind++];
	r = pack_run(&o, argv + optind, (unsigned int)(argc - optind));
	if (fflush(stdout))
		return 2;
#define X(field) fprintf(stderr, #field " %llu\n", (unsigned long long)stats.field);
	PACK_STATS(X)
#undef X
	return r < 0 ? 2 : r;
}
