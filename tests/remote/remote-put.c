/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * remote-put HOST RSH PROGRAM PATH COUNT: a session through ssh that makes PATH of COUNT extents,
 * each durable. Says whether descriptors could have been passed, or why it failed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/extent.h"
#include "remote/rsh.h"

#define EXTENT_BYTES (128 * 1024)

static int put(struct extent_session *s, const char *path, int count)
{
	static unsigned char block[EXTENT_BYTES];
	struct extent_limits limits;
	int file, r;

	r = extent_open_path_wait(s, path, EXTENT_CREATE, 0644, &file);
	for (int i = 0; r >= 0 && i < count; i++) {
		for (size_t n = 0; n < sizeof(block); n++)
			block[n] = (unsigned char)(n * 2654435761u >> 24 ^ (unsigned int)i);
		r = extent_write_wait(s, &(struct extent_write){
						 .file = file,
						 .offset = (uint64_t)i * EXTENT_BYTES,
						 .len = EXTENT_BYTES,
						 .unencoded_len = EXTENT_BYTES,
						 .payload = block,
						 .payload_len = EXTENT_BYTES,
						 .compression = EXTENT_NONE,
						 .ack = EXTENT_DURABLE,
					 });
	}
	if (r < 0)
		return r;
	extent_get_limits(s, &limits);
	printf("descriptors: %s\n", limits.descriptors ? "yes" : "no");
	return 0;
}

int main(int argc, char *argv[])
{
	struct rsh rsh;
	struct extent_session *s = NULL;
	pid_t pid = 0;
	int r;

	if (argc != 6)
		return 2;
	rsh = (struct rsh){ argv[1], argv[2], argv[3] };
	r = rsh_session(&rsh, NULL, false, &s, &pid);
	if (!r)
		r = put(s, argv[4], atoi(argv[5]));
	if (r < 0)
		fprintf(stderr, "remote-put: %s\n", extent_error_text(s));
	extent_disconnect(s);
	if (pid > 0)
		rsh_wait(pid);
	return r < 0;
}
