// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * extent-map FILE...: shows how files lie on disk, and what they would take to be sent somewhere
 * else: the extents as they are, no byte of them decompressed. For any user that may read them.
 */
#include <err.h>
#include <extent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void show(struct extent_session *s, const char *name)
{
	static const char *const kinds[] = { "?", "encoded", "plain", "hole", "end" };
	struct extent_read r = { 0 };
	unsigned long long payload = 0;
	int fd = open(name, O_RDONLY);

	if (fd < 0)
		err(1, "%s", name);
	if (extent_open_fd_wait(s, fd, name, EXTENT_READ, &r.file))
		errx(1, "%s", extent_error_text(s));
	close(fd);
	for (;;) {
		if (extent_read_wait(s, &r))
			errx(1, "%s", extent_error_text(s));
		if (r.kind == EXTENT_READ_END)
			break;
		printf("%12llu %12llu  %-8s %6u bytes, compression %u\n",
		       (unsigned long long)r.offset, (unsigned long long)r.len, kinds[r.kind],
		       r.payload_len, r.compression);
		payload += r.payload_len;
		extent_buffer_put(s, r.payload);
		r.offset += r.len;
	}
	printf("%s: %llu bytes, as %llu\n", name, (unsigned long long)r.offset, payload);
	extent_close_wait(s, r.file);
}

int main(int argc, char **argv)
{
	struct extent_session *s;

	if (argc < 2)
		errx(2, "usage: extent-map FILE...");
	if (extent_connect(NULL, &s))
		errx(1, "%s", extent_error_text(NULL));
	while (*++argv)
		show(s, *argv);
	extent_disconnect(s);
	return 0;
}
