// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel itself compresses has to pass a full check: files of many sizes, tails and inline
 * extents among them, are written with each of its compressions and levels and read back with
 * encoded reads.
 *
 * usage: kernel-made DEVICE MOUNTPOINT
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <linux/btrfs.h>
#include "base/cleanup.h"
#include "common/sample.h"
#include "payload/payload.h"

static const char *const options[] = {
	"zlib:1", "zlib:3", "zlib:9", "zstd:1", "zstd:3", "zstd:9", "zstd:15", "lzo",
};

static const uint32_t sizes[] = { 300,	 1000,	2000,  4000,   4096,   4097,   8191,   8192,
				  12288, 65536, 70001, 131072, 131073, 262144, 300000, 524288 };

struct tally {
	unsigned int compressed, inlined, failures;
};

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static void file_write(const char *path, uint32_t size, enum sample_kind kind, uint8_t *data)
{
	_cleanup_(closep) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct sample_random random = { .state = size + kind };

	sample_fill(data, size, kind, &random);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size || fsync(fd) < 0)
		die(path);
}

static void extent_check(struct payload_scratch *scratch, const char *path, uint64_t offset,
			 const struct btrfs_ioctl_encoded_io_args *args, const uint8_t *payload,
			 size_t len, const uint8_t *data, struct tally *tally)
{
	static uint8_t out[PAYLOAD_UNENCODED_MAX];
	struct payload_fault fault = {};
	int r;

	if (args->compression == BTRFS_ENCODED_IO_COMPRESSION_NONE)
		return;
	tally->compressed++;
	tally->inlined += len % 4096 != 0;
	r = payload_decode_part(scratch, args->compression, payload, len, out, args->unencoded_len,
				args->unencoded_offset + args->len, &fault);
	if (!r && !memcmp(out + args->unencoded_offset, data + offset, args->len))
		return;
	tally->failures++;
	fprintf(stderr, "%s, offset %llu: %zu bytes, unencoded %llu: %s at %llu\n", path,
		(unsigned long long)offset, len, (unsigned long long)args->unencoded_len,
		r ? payload_fault_text(fault.code) : "other contents",
		(unsigned long long)fault.position);
}

static void file_check(struct payload_scratch *scratch, const char *path, uint32_t size,
		       const uint8_t *data, struct tally *tally)
{
	static uint8_t payload[PAYLOAD_SIZE_MAX];
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t offset = 0;

	if (fd < 0)
		die(path);
	while (offset < size) {
		struct iovec iov = { .iov_base = payload, .iov_len = sizeof(payload) };
		struct btrfs_ioctl_encoded_io_args args = { .iov = &iov,
							    .iovcnt = 1,
							    .offset = offset };
		int n = ioctl(fd, BTRFS_IOC_ENCODED_READ, &args);

		if (n < 0 || !args.len)
			die("encoded read");
		extent_check(scratch, path, offset, &args, payload, n, data, tally);
		offset += args.len;
	}
}

int main(int argc, char **argv)
{
	struct payload_scratch *scratch = NULL;
	uint8_t *data = malloc(524288);
	unsigned int failures = 0;

	if (argc < 3 || !data || payload_scratch_new(&scratch)) {
		fprintf(stderr, "usage: %s DEVICE MOUNTPOINT\n", argv[0]);
		return 2;
	}
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct tally tally = {};
		char mount_options[64], path[4096];

		snprintf(mount_options, sizeof(mount_options), "compress-force=%s", options[i]);
		if (mount(argv[1], argv[2], "btrfs", 0, mount_options) < 0)
			die("mount");
		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
			for (int kind = SAMPLE_TEXT; kind <= SAMPLE_SPARSE; kind++) {
				snprintf(path, sizeof(path), "%s/%s-%u-%d", argv[2], options[i],
					 sizes[k], kind);
				file_write(path, sizes[k], kind, data);
				file_check(scratch, path, sizes[k], data, &tally);
			}
		}
		if (umount(argv[2]) < 0)
			die("umount");
		printf("%s: %u compressed extents, %u of them inline, %u failures\n", options[i],
		       tally.compressed, tally.inlined, tally.failures);
		/* The sample is known to compress: fewer would mean that nothing was tested. */
		failures += tally.failures + (tally.compressed < 60) + !tally.inlined;
	}
	payload_scratch_free(scratch);
	free(data);
	return failures ? 1 : 0;
}
