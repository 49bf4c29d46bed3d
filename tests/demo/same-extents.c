/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * same-extents A B: of every file of tree A, is each compressed extent in tree B the same one,
 * byte for byte as it lies on disk? Both are read with encoded reads, so nothing is decompressed
 * on the way. Prints what it found; exit status 1 if an extent differs, 2 if it could not look.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"

#define PAYLOAD_MAX (128U << 10) /* BTRFS_MAX_COMPRESSED */

struct encoded {
	struct btrfs_ioctl_encoded_io_args args;
	long size;
	uint8_t payload[PAYLOAD_MAX];
};

static struct {
	unsigned long files, encoded, plain, different;
	unsigned long long payload, content;
} seen;

static int read_encoded(int fd, uint64_t offset, struct encoded *e)
{
	struct iovec iov = { e->payload, sizeof(e->payload) };

	e->args = (struct btrfs_ioctl_encoded_io_args){ .iov = &iov,
							.iovcnt = 1,
							.offset = (int64_t)offset };
	e->size = ioctl(fd, BTRFS_IOC_ENCODED_READ, &e->args);
	return e->size < 0 ? -errno : 0;
}

static bool same(const struct encoded *a, const struct encoded *b)
{
	return a->args.compression == b->args.compression && a->args.len == b->args.len &&
	       a->args.unencoded_len == b->args.unencoded_len &&
	       a->args.unencoded_offset == b->args.unencoded_offset && a->size == b->size &&
	       !memcmp(a->payload, b->payload, (size_t)a->size);
}

static int compare_files(int a, int b, const char *path)
{
	static struct encoded from, to;
	off_t offset = 0;

	seen.files++;
	while ((offset = lseek(a, offset, SEEK_DATA)) >= 0) {
		int error = read_encoded(a, (uint64_t)offset, &from);

		if (!error && from.args.compression)
			error = read_encoded(b, (uint64_t)offset, &to);
		if (error) {
			fprintf(stderr, "%s: encoded read: %s\n", path, strerror(-error));
			return error;
		}
		if (!from.args.len)
			break;
		if (!from.args.compression) {
			seen.plain++;
		} else if (same(&from, &to)) {
			seen.encoded++;
			seen.payload += (unsigned long long)from.size;
			seen.content += from.args.len;
		} else {
			seen.different++;
			printf("%s: the extent at %lld is another: compression %u, %ld bytes; "
			       "was %u, %ld\n",
			       path, (long long)offset, to.args.compression, to.size,
			       from.args.compression, from.size);
		}
		offset += (off_t)from.args.len;
	}
	return errno == ENXIO || offset >= 0 ? 0 : -errno;
}

static int compare_trees(int a, int b, const char *path)
{
	DIR *dir = fdopendir(dup(a));
	const struct dirent *entry;
	int error = 0;

	if (!dir)
		return -errno;
	while (!error && (entry = readdir(dir))) {
		_cleanup_(closep) int from = -1, to = -1;
		char below[4096];
		bool is_dir = entry->d_type == DT_DIR;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    (!is_dir && entry->d_type != DT_REG))
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		from = openat(a, entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		to = openat(b, entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (from < 0 || to < 0) {
			fprintf(stderr, "%s: %s\n", below, strerror(errno));
			error = -errno;
		} else {
			error = is_dir ? compare_trees(from, to, below)
				       : compare_files(from, to, below);
		}
	}
	closedir(dir);
	return error;
}

int main(int argc, char *argv[])
{
	_cleanup_(closep) int a = argc == 3 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;
	_cleanup_(closep) int b = argc == 3 ? open(argv[2], O_RDONLY | O_DIRECTORY) : -1;

	if (a < 0 || b < 0) {
		fprintf(stderr, "same-extents A B: two directories on btrfs\n");
		return 2;
	}
	if (compare_trees(a, b, "."))
		return 2;
	printf("%lu files: %lu compressed extents are the same byte for byte (%llu MiB for %llu "
	       "MiB of content), %lu differ; %lu are plain in the source\n",
	       seen.files, seen.encoded, seen.payload >> 20, seen.content >> 20, seen.different,
	       seen.plain);
	if (!seen.encoded)
		fprintf(stderr, "same-extents: nothing compressed to compare\n");
	return seen.different || !seen.encoded;
}
