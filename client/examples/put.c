// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * extent-put SOURCE TARGET: the least that a program has to do. Compresses a file with zlib, one
 * extent after the other, and waits for each to be safe on disk before it makes the next. See
 * pipeline.c for how to be fast.
 */
#include <err.h>
#include <extent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

int main(int argc, char **argv)
{
	struct extent_session *s;
	struct extent_file_info info;
	struct extent_write w = { .ack = EXTENT_DURABLE };
	unsigned char *data, *packed;
	int source, target;
	ssize_t n;

	if (argc != 3)
		errx(2, "usage: extent-put SOURCE TARGET");
	source = open(argv[1], O_RDONLY);
	if (source < 0)
		err(1, "%s", argv[1]);
	target = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0666);
	if (target < 0)
		err(1, "%s", argv[2]);

	if (extent_connect(NULL, &s))
		errx(1, "%s", extent_error_text(NULL));
	if (extent_open_fd_wait(s, target, argv[2], 0, &w.file))
		errx(1, "%s", extent_error_text(s));
	if (extent_file_info(s, w.file, &info))
		errx(1, "%s: no information", argv[2]);

	data = malloc(info.max_unencoded);
	packed = malloc(info.max_payload);
	if (!data || !packed)
		err(1, NULL);

	while ((n = read(source, data, info.max_unencoded)) > 0) {
		uLongf len = info.max_payload;

		/* An extent is stored in whole sectors: saving less than one saves nothing. */
		w.len = w.unencoded_len = (uint64_t)n;
		if (compress2(packed, &len, data, (uLong)n, Z_DEFAULT_COMPRESSION) == Z_OK &&
		    len + info.sector_size <= (uLong)n) {
			w.compression = EXTENT_ZLIB;
			w.payload = packed;
			w.payload_len = (uint32_t)len;
		} else {
			w.compression = EXTENT_NONE;
			w.payload = data;
			w.payload_len = (uint32_t)n;
		}
		if (extent_write_wait(s, &w))
			errx(1, "%s", extent_error_text(s));
		w.offset += w.len;
	}
	if (n < 0)
		err(1, "%s", argv[1]);

	extent_disconnect(s);
	free(data);
	free(packed);
	return 0;
}
