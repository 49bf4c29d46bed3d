/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linked to libextent.so and nothing else, as a user's program is: every function of the header
 * must be exported, and the first thing a user meets, no daemon, must be told well.
 */
#include <errno.h>
#include <extent.h>
#include <stdio.h>
#include <string.h>

#define X(name)                                                                                    \
	{                                                                                          \
#name, (void (*)(void))name                                                        \
	}

static const struct {
	const char *name;
	void (*address)(void);
} functions[] = {
	X(extent_attach),	   X(extent_buffer_get),
	X(extent_buffer_put),	   X(extent_cancel),
	X(extent_close),	   X(extent_close_wait),
	X(extent_code_name),	   X(extent_code_text),
	X(extent_completion_text), X(extent_connect),
	X(extent_counters),	   X(extent_disconnect),
	X(extent_drain),	   X(extent_error_text),
	X(extent_events),	   X(extent_fd),
	X(extent_file_info),	   X(extent_get_limits),
	X(extent_next_completion), X(extent_open_fd),
	X(extent_open_fd_wait),	   X(extent_open_path),
	X(extent_open_path_wait),  X(extent_pending),
	X(extent_process),	   X(extent_status),
	X(extent_status_wait),	   X(extent_sync),
	X(extent_sync_wait),	   X(extent_wait),
	X(extent_write),	   X(extent_write_wait),
};

int main(void)
{
	struct extent_session *s;
	int r = extent_connect("/nonexistent", &s);

	if (r != -ENOENT || s || !strstr(extent_error_text(NULL), "'/nonexistent'")) {
		fprintf(stderr, "extent_connect: %d, '%s'\n", r, extent_error_text(NULL));
		return 1;
	}
	return sizeof(functions) / sizeof(functions[0]) != 32 || !functions[0].address;
}
