// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tells the ledger what is not so, in each way the checker knows to complain about. A checker
 * that does not find all of it would not find a real loss either.
 *
 * The files are written plainly and synced; only the marks are false.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "marks.h"
#include "pattern.h"

#define LENGTH (4 * PATTERN_BLOCK)

enum lie {
	LIE_LOST,     /* acknowledged, a hole in the file */
	LIE_STALE,    /* acknowledged, still the version before */
	LIE_DAMAGED,  /* acknowledged, one bit is wrong */
	LIE_SHORT,    /* acknowledged, the file ends before */
	LIE_NAMELESS, /* acknowledged, no such file */
	LIE_FOREIGN,  /* no promise, but bytes of nobody */
	LIE_REFUSED,  /* reported as failed, and there */
	_LIE_N,
};

static int put(int fd, uint32_t version, uint32_t file, uint64_t offset, int flip)
{
	uint8_t bytes[LENGTH];

	pattern_fill(version, file, offset, bytes, sizeof(bytes));
	if (flip)
		bytes[sizeof(bytes) / 2 + 100] ^= 1;
	return pwrite(fd, bytes, sizeof(bytes), offset) == sizeof(bytes) ? 0 : -EIO;
}

static int perjure(const char *dir, enum lie lie, const struct marks *marks)
{
	uint32_t file = lie, version = 10 * lie + 1;
	_cleanup_(closep) int fd = -1;
	char path[4096];
	int r = 0;

	snprintf(path, sizeof(path), "%s/perjury-%u", dir, file);
	marks_say(marks, "F %u perjury-%u\nI %u %u 0 %u\n", file, file, version, file, LENGTH);
	if (lie == LIE_NAMELESS) {
		marks_say(marks, "A %u\n", version);
		return 0;
	}
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (lie == LIE_LOST)
		r = ftruncate(fd, LENGTH) < 0 ? -errno : 0;
	else if (lie == LIE_FOREIGN)
		r = put(fd, version + 1, file, 0, 0);
	else if (lie != LIE_SHORT)
		r = put(fd, version, file, 0, lie == LIE_DAMAGED);
	if (r < 0 || fsync(fd) < 0)
		return r < 0 ? r : -errno;
	if (lie == LIE_STALE)
		marks_say(marks, "A %u\nI %u %u 0 %u\nA %u\n", version, version + 1, file, LENGTH,
			  version + 1);
	else if (lie == LIE_REFUSED)
		marks_say(marks, "E %u\n", version);
	else if (lie != LIE_FOREIGN)
		marks_say(marks, "A %u\n", version);
	return 0;
}

int main(int argc, char **argv)
{
	struct marks marks;
	int r = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: %s DIR MARKS\n", argv[0]);
		return 2;
	}
	marks = marks_open(argv[2]);
	for (int lie = 0; lie < _LIE_N && !r; lie++)
		r = perjure(argv[1], lie, &marks);
	if (r < 0)
		fprintf(stderr, "perjurer: %s: %s\n", argv[1], strerror(-r));
	marks_say(&marks, "D never-made\n");
	marks_close(&marks);
	return r ? 1 : 0;
}
