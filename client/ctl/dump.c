// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "ctl/dump.h"
#include "ctl/exit.h"
#include "stream/dump.h"

int dump(int input, bool stop_at_end)
{
	struct block_source *pool = NULL;
	struct stream *s = NULL;
	char text[512];
	int r = block_pool_new(BLOCK_SIZE_MIN, 2, &pool);

	if (!r)
		r = stream_new_fd(input, pool, &s);
	if (!r)
		r = stream_dump(s, stdout, stop_at_end);
	if (r && s && stream_fault(s)->code != STREAM_FAULT_NONE) {
		stream_fault_format(stream_fault(s), text, sizeof(text));
		fprintf(stderr, "extentctl: %s\n", text);
	} else if (r) {
		fprintf(stderr, "extentctl: printing the stream: %s\n", strerror(-r));
	}
	stream_free(s);
	block_pool_free(pool);
	return r ? CTL_PARTIAL : CTL_OK;
}
