// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The witness of `extentctl copy --ack-log`: makes a tree whose contents say what they are, and
 * turns each line of the log into a mark.
 *
 *	scribe make DIR MARKS FILES SEED	writes the tree, and says F and I for its copy
 *	scribe follow DIR MARKS FILES SEED	reads the log from stdin, and says A
 *
 * DIR ends in TREE, which is also the name of the copy on the recorded disk. One version is one
 * extent of at most 128 KiB; it counts as acknowledged when lines of the log cover all of it.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "dice.h"
#include "marks.h"
#include "pattern.h"

#define TREE	    "tree"
#define EXTENT	    131072u
#define EXTENTS_MAX 8u
#define FILES_A_DIR 8u

struct scribe {
	const char *dir;
	struct marks marks;
	uint32_t files;
	uint64_t *sizes;    /* by file, bytes */
	uint32_t *versions; /* by file: of its first extent */
	uint64_t *covered;  /* by version: bytes that the log has named */
};

/* Sizes follow from the seed, so that both calls agree. */
static void plan(struct scribe *scribe, uint64_t seed)
{
	uint32_t version = 1;

	scribe->sizes = calloc(scribe->files, sizeof(*scribe->sizes));
	scribe->versions = calloc(scribe->files, sizeof(*scribe->versions));
	scribe->covered =
		calloc((size_t)scribe->files * (EXTENTS_MAX + 1) + 1, sizeof(*scribe->covered));
	if (!scribe->sizes || !scribe->versions || !scribe->covered)
		errx(1, "out of memory");
	for (uint32_t i = 0; i < scribe->files; i++) {
		uint64_t size = dice_range(&seed, 0, EXTENTS_MAX) * EXTENT;

		/* An end that is no whole extent, or a file that fits in its inode. In a last block
		 * of a few bytes no pattern can be told. */
		size += size ? dice_range(&seed, 0, EXTENT) : 1900;
		scribe->sizes[i] =
			size % PATTERN_BLOCK < PATTERN_MIN ? size - size % PATTERN_BLOCK : size;
		scribe->versions[i] = version;
		version += (scribe->sizes[i] + EXTENT - 1) / EXTENT;
	}
}

static uint32_t extent_length(const struct scribe *scribe, uint32_t file, uint64_t offset)
{
	uint64_t left = scribe->sizes[file] - offset;

	return left < EXTENT ? left : EXTENT;
}

static void make_file(const struct scribe *scribe, uint32_t file)
{
	static uint8_t bytes[EXTENT];
	_cleanup_(closep) int fd = -1;
	char path[4096];

	snprintf(path, sizeof(path), "%s/d%u", scribe->dir, file / FILES_A_DIR);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		err(1, "%s", path);
	snprintf(path, sizeof(path), "%s/d%u/f%u", scribe->dir, file / FILES_A_DIR, file);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		err(1, "%s", path);
	marks_say(&scribe->marks, "F %u " TREE "/d%u/f%u\n", file, file / FILES_A_DIR, file);
	for (uint64_t at = 0; at < scribe->sizes[file]; at += EXTENT) {
		uint32_t version = scribe->versions[file] + at / EXTENT;
		uint32_t length = extent_length(scribe, file, at);

		pattern_fill(version, file, at, bytes, length);
		if (write(fd, bytes, length) != (ssize_t)length)
			err(1, "%s", path);
		marks_say(&scribe->marks, "I %u %u %" PRIu64 " %u\n", version, file, at, length);
	}
}

static void cover(struct scribe *scribe, uint32_t file, uint64_t from, uint64_t to)
{
	if (to > scribe->sizes[file])
		to = scribe->sizes[file];
	while (from < to) {
		uint32_t version = scribe->versions[file] + from / EXTENT;
		uint64_t start = from - from % EXTENT;
		uint64_t end = start + EXTENT < to ? start + EXTENT : to;

		scribe->covered[version] += end - from;
		if (scribe->covered[version] == extent_length(scribe, file, start))
			marks_say(&scribe->marks, "A %u\n", version);
		from = end;
	}
}

static void follow(struct scribe *scribe)
{
	unsigned long lines = 0;
	char line[8192];

	for (; fgets(line, sizeof(line), stdin); lines++) {
		const char *path = strchr(line, '/');
		uint64_t offset, length;
		unsigned int file;
		int end = 0;

		if (!path || sscanf(line, "%" SCNu64 " %" SCNu64, &offset, &length) != 2)
			errx(1, "the log says: %s", line);
		for (; path && !end; path = strchr(path + 1, '/'))
			sscanf(path, "/" TREE "/d%*u/f%u%n", &file, &end);
		if (end && file < scribe->files)
			cover(scribe, file, offset, offset + length);
	}
	printf("lines=%lu\n", lines);
}

int main(int argc, char **argv)
{
	struct scribe scribe = { 0 };

	if (argc != 6 || (strcmp(argv[1], "make") && strcmp(argv[1], "follow"))) {
		fprintf(stderr, "usage: %s make|follow DIR MARKS FILES SEED\n", argv[0]);
		return 2;
	}
	scribe.dir = argv[2];
	scribe.marks = marks_open(argv[3]);
	scribe.files = strtoul(argv[4], NULL, 0);
	plan(&scribe, strtoull(argv[5], NULL, 0));
	if (!strcmp(argv[1], "follow"))
		follow(&scribe);
	for (uint32_t i = 0; i < scribe.files && strcmp(argv[1], "follow"); i++)
		make_file(&scribe, i);
	marks_close(&scribe.marks);
	return 0;
}
