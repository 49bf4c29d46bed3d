// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Our full check against the kernel's decoders. Mutated payloads are written as encoded extents,
 * the filesystem is unmounted and mounted, so that nothing but the disk can answer, and read back:
 *
 *	what a full check accepts has to be taken and has to read back as we decode it.
 *
 * That is also: what the kernel cannot read back has been refused. How often we refuse what the
 * kernel does read is printed. LZO payloads that would make the kernel read past its page array
 * (forge_lzo_crashes) are checked to be refused and never written.
 *
 * One exception is counted and bounded. libzstd before UNSEEN_FIXED does not notice every damage to
 * entropy-coded data, and what it then makes up is not what the kernel's newer copy does. Without a
 * checksum in the frame nothing short of another decoder can tell. So with such a library a zstd
 * payload that we decode to something other than it was made from may read back differently, and
 * only such a one.
 *
 * usage: kernel DEVICE MOUNTPOINT COUNT [SEED]
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <linux/btrfs.h>
#include <zstd.h>
#include "base/cleanup.h"
#include "common/forge.h"
#include "common/mutate.h"
#include "common/sample.h"

#define BATCH  1000U
#define STRIDE (128U << 10)
#define SECTOR 4096U
#define SHOWN  10U

/* Of all payloads of a compression; 1.5.4 is seen to miss 3, 1.5.6 none. */
#define UNSEEN_PERMILLE 10U
#define UNSEEN_FIXED	10506U

struct run {
	const char *device, *mountpoint;
	struct payload_scratch *scratch;
	struct forged *f;
	uint8_t *ours, *theirs;
	bool written[BATCH];
	/* per compression */
	uint64_t accepted, refused, tolerated, kernel_refused, crashers, unseen, failures;
};

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static void fs_mount(struct run *run)
{
	if (mount(run->device, run->mountpoint, "btrfs", 0, "discard") < 0)
		die("mount");
}

static void fs_unmount(struct run *run)
{
	if (umount(run->mountpoint) < 0)
		die("umount");
}

/* Extents that may be inline, and tails, need a file of their own; the rest share one. */
static bool own_file(const struct forged *f, uint32_t slot)
{
	return f->unencoded_len % SECTOR || (f->unencoded_len == SECTOR && slot % 2);
}

/*
 * A tail is tried in both ways that there are: with its own length for the unencoded length, and
 * with the sector's end, as the kernel writes its own.
 */
static uint32_t unencoded_len(const struct forged *f, uint32_t slot)
{
	uint32_t len = f->unencoded_len;

	return slot / 2 % 2 ? (len + SECTOR - 1) / SECTOR * SECTOR : len;
}

static int file_open(struct run *run, const struct forged *f, uint32_t slot, off_t *offset)
{
	char path[4096];
	bool own = own_file(f, slot);
	int fd;

	snprintf(path, sizeof(path), "%s/%s%u", run->mountpoint, own ? "own" : "shared",
		 own ? slot : 0);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		die(path);
	*offset = own ? 0 : (off_t)slot * STRIDE;
	return fd;
}

static int encoded_write(int fd, const struct forged *f, uint32_t slot, off_t offset)
{
	struct iovec iov = { .iov_base = (void *)f->p, .iov_len = f->len };
	struct btrfs_ioctl_encoded_io_args args = {
		.iov = &iov,
		.iovcnt = 1,
		.offset = offset,
		.len = f->unencoded_len,
		.unencoded_len = unencoded_len(f, slot),
		.compression = f->compression,
	};
	int n = ioctl(fd, BTRFS_IOC_ENCODED_WRITE, &args);

	if (n < 0)
		return -errno;
	return (size_t)n == f->len ? 0 : -EIO;
}

static void case_fail(struct run *run, uint64_t number, const char *what, int error)
{
	const char *keep = getenv("PAYLOAD_KEEP"); /* a directory for the culprits */
	_cleanup_(fclosep) FILE *file = NULL;
	char path[4096];

	if (run->failures++ >= SHOWN)
		return;
	fprintf(stderr, "compression %u, number %" PRIu64 ": %s: %s (unencoded length %u)\n",
		run->f->compression, number, what, error ? strerror(-error) : "",
		run->f->unencoded_len);
	if (!keep)
		return;
	snprintf(path, sizeof(path), "%s/%u-%" PRIu64, keep, run->f->compression, number);
	file = fopen(path, "w");
	if (file)
		fwrite(run->f->p, 1, run->f->len, file);
}

static void case_write(struct run *run, uint64_t number, uint32_t slot)
{
	struct forged *f = run->f;
	struct payload_fault fault = {};
	_cleanup_(closep) int fd = -1;
	off_t offset;
	int ours, r;

	ours = payload_check_part(run->scratch, f->compression, f->p, f->len,
				  unencoded_len(f, slot), f->unencoded_len, PAYLOAD_FULL, &fault);
	if (ours < 0)
		die("payload_check");
	run->written[slot] = false;
	if (payload_lzo_sector(f->compression) && forge_lzo_crashes(f->p, f->len, SECTOR)) {
		run->crashers++;
		if (!ours)
			case_fail(run, number, "accepted what would crash the kernel", 0);
		return;
	}
	fd = file_open(run, f, slot, &offset);
	r = encoded_write(fd, f, slot, offset);
	if (r == -EINVAL && f->len >= unencoded_len(f, slot)) {
		run->kernel_refused++; /* saves nothing: not about the payload's contents */
		return;
	}
	if (r)
		case_fail(run, number, "encoded write", r);
	run->written[slot] = !r;
}

/* 0 when every byte came back; some are read page by page from the middle on. */
static int range_read(struct run *run, int fd, off_t offset, uint32_t len, bool pieces)
{
	uint32_t done = 0, at;
	ssize_t n;

	memset(run->theirs, 0xa5, len);
	if (pieces) {
		posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
		at = len / 2 / SECTOR * SECTOR;
		n = pread(fd, run->theirs + at, len - at < SECTOR ? len - at : SECTOR, offset + at);
		if (n < 0)
			return -errno;
	}
	while (done < len) {
		n = pread(fd, run->theirs + done, len - done, offset + done);
		if (n <= 0)
			return n ? -errno : -ENODATA;
		done += n;
	}
	return 0;
}

static void case_read(struct run *run, uint64_t number, uint32_t slot)
{
	struct forged *f = run->f;
	struct payload_fault fault = {};
	_cleanup_(closep) int fd = -1;
	off_t offset;
	int ours, theirs;

	if (!run->written[slot])
		return;
	fd = file_open(run, f, slot, &offset);
	theirs = range_read(run, fd, offset, f->unencoded_len, slot % 3 == 0);
	ours = payload_decode_part(run->scratch, f->compression, f->p, f->len, run->ours,
				   unencoded_len(f, slot), f->unencoded_len, &fault);
	if (ours == PAYLOAD_BAD) {
		run->refused++;
		run->tolerated += theirs == 0;
		return;
	}
	run->accepted++;
	if (!theirs && !memcmp(run->ours, run->theirs, f->unencoded_len))
		return;
	if (f->compression == BTRFS_ENCODED_IO_COMPRESSION_ZSTD &&
	    memcmp(run->ours, f->data, f->unencoded_len))
		run->unseen++;
	else if (theirs)
		case_fail(run, number, "accepted, and cannot be read", theirs);
	else
		case_fail(run, number, "accepted, and reads back as something else", 0);
}

static void batch_remove(struct run *run)
{
	char path[4096];

	for (uint32_t slot = 0; slot < BATCH; slot++) {
		snprintf(path, sizeof(path), "%s/own%u", run->mountpoint, slot);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/shared0", run->mountpoint);
	unlink(path);
}

static void mutants_compare(struct run *run, uint32_t compression, uint64_t seed, uint64_t count)
{
	struct mutator *mutator = mutator_new(compression, seed);
	uint64_t unseen_max;

	run->accepted = run->refused = run->tolerated = 0;
	run->kernel_refused = run->crashers = run->unseen = 0;
	for (uint64_t first = 0; first < count; first += BATCH) {
		uint32_t n = count - first < BATCH ? count - first : BATCH, i;

		for (i = 0; i < n; i++) {
			mutator_make(mutator, first + i, run->f);
			case_write(run, first + i, i);
		}
		fs_unmount(run);
		fs_mount(run);
		for (i = 0; i < n; i++) {
			mutator_make(mutator, first + i, run->f);
			case_read(run, first + i, i);
		}
		batch_remove(run);
	}
	printf("compression %u, seed %" PRIu64 ": %" PRIu64 " payloads, %" PRIu64
	       " accepted and equal, %" PRIu64 " refused (%" PRIu64 " of them read without error),"
	       " %" PRIu64 " saved nothing, %" PRIu64 " not shown to the kernel,"
	       " %" PRIu64 " damaged unseen by libzstd\n",
	       compression, seed, count, run->accepted - run->unseen, run->refused, run->tolerated,
	       run->kernel_refused, run->crashers, run->unseen);
	fflush(stdout);
	unseen_max = ZSTD_versionNumber() < UNSEEN_FIXED ? 1 + count * UNSEEN_PERMILLE / 1000 : 0;
	if (run->unseen > unseen_max)
		case_fail(run, count, "more damage unseen than libzstd accounts for", 0);
	if (run->accepted < count / 5)
		case_fail(run, count, "too few payloads accepted to prove anything", 0);
	mutator_free(mutator);
}

/* Every row of the table: is it as bad as it says? The bytes meant are the ones forged from. */
static void rows_compare(struct run *run)
{
	const struct forge_row *row;
	uint32_t i;

	for (i = 0; (row = forge_row(i)); i++) {
		forge_row_make(row, run->f);
		run->written[i] = false;
		if (row->kernel == KERNEL_CRASHES)
			continue;
		case_write(run, i, i);
	}
	fs_unmount(run);
	fs_mount(run);
	for (i = 0; (row = forge_row(i)); i++) {
		_cleanup_(closep) int fd = -1;
		off_t offset;
		bool reads;
		int r;

		if (!run->written[i])
			continue;
		forge_row_make(row, run->f);
		fd = file_open(run, run->f, i, &offset);
		r = range_read(run, fd, offset, run->f->unencoded_len, false);
		reads = !r && !memcmp(run->theirs, run->f->data, run->f->unencoded_len);
		printf("%-40s %-20s kernel: %s\n", row->name, payload_fault_name(row->code),
		       r       ? strerror(-r)
		       : reads ? "reads it"
			       : "reads something else");
		if (reads != (row->kernel == KERNEL_TOLERATES))
			case_fail(run, i, row->name, r);
	}
	batch_remove(run);
}

int main(int argc, char **argv)
{
	static const uint32_t compressions[] = { BTRFS_ENCODED_IO_COMPRESSION_ZLIB,
						 BTRFS_ENCODED_IO_COMPRESSION_ZSTD,
						 BTRFS_ENCODED_IO_COMPRESSION_LZO_4K };
	struct run run = {};
	uint64_t count, seed;

	if (argc < 4) {
		fprintf(stderr, "usage: %s DEVICE MOUNTPOINT COUNT [SEED]\n", argv[0]);
		return 2;
	}
	run.device = argv[1];
	run.mountpoint = argv[2];
	count = strtoull(argv[3], NULL, 0);
	seed = argc > 4 ? strtoull(argv[4], NULL, 0) : (uint64_t)time(NULL);
	run.f = calloc(1, sizeof(*run.f));
	run.ours = malloc(PAYLOAD_UNENCODED_MAX);
	run.theirs = malloc(PAYLOAD_UNENCODED_MAX);
	if (!run.f || !run.ours || !run.theirs || payload_scratch_new(&run.scratch))
		die("memory");

	fs_mount(&run);
	rows_compare(&run);
	for (size_t i = 0; i < ARRAY_SIZE(compressions); i++)
		mutants_compare(&run, compressions[i], seed, count);
	fs_unmount(&run);
	payload_scratch_free(run.scratch);
	free(run.f);
	free(run.ours);
	free(run.theirs);
	if (run.failures)
		fprintf(stderr, "%" PRIu64 " failures; again with seed %" PRIu64 "\n", run.failures,
			seed);
	return run.failures ? 1 : 0;
}
