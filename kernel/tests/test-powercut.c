// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Does "encoded write, then fsync" survive a power cut right after the fsync's success?
 *
 *	test-powercut write uring|ioctl|fixed DISKDIR FILE IMAGES COUNT
 *	test-powercut verify FILE LAST
 *
 * write: COUNT times writes an extent and syncs it, by linked requests or by two system calls,
 * and cuts the power of the cutdisk at the moment of the acknowledgement: IMAGES.1, IMAGES.2 ...
 * The first fsync of a new file waits for everything, which hides the fault; so the file starts
 * with an extent that is written and synced before the first cut.
 *
 * verify: FILE of image number LAST must hold every extent acknowledged before the cut. Prints
 * the number of lost extents; the exit status is 1 if there was one.
 */
#include "encoded.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PAYLOAD (64 * 1024)

static unsigned char plain[EXTENT_UNENCODED];
static unsigned char *payload;

/* Two linked requests; the acknowledgement is the fsync's completion. */
static int write_and_sync_ring(struct io_uring *ring, int fd,
			       const struct btrfs_ioctl_encoded_io_args *args, bool fixed)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	int ret;

	if (fixed)
		prep_encoded_write_fixed(sqe, fd, args, 0);
	else
		prep_encoded_write(sqe, fd, args);
	sqe->flags |= IOSQE_IO_LINK;
	sqe->user_data = 1;
	sqe = io_uring_get_sqe(ring);
	io_uring_prep_fsync(sqe, fd, 0);
	sqe->user_data = 2;
	ret = io_uring_submit(ring);
	if (ret != 2)
		return ret < 0 ? ret : -EIO;
	ret = ring_result(ring, 1);
	if (ret != PAYLOAD)
		fprintf(stderr, "test-powercut: encoded write: %d\n", ret);
	return ring_result(ring, 2);
}

static int write_and_sync_calls(int fd, const struct btrfs_ioctl_encoded_io_args *args)
{
	if (ioctl(fd, BTRFS_IOC_ENCODED_WRITE, args) != PAYLOAD || fsync(fd))
		return -errno;
	return 0;
}

static int cut(const char *disk, const char *images, unsigned number)
{
	char control[256], image[256];
	int fd, len, ret = 0;

	snprintf(control, sizeof(control), "%s/cut", disk);
	len = snprintf(image, sizeof(image), "%s.%u", images, number);
	fd = open(control, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, image, (size_t)len) != len)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret;
}

static int run_write(char **argv)
{
	bool ioctls = !strcmp(argv[0], "ioctl"), fixed = !strcmp(argv[0], "fixed");
	unsigned count = (unsigned)strtoul(argv[4], NULL, 0);
	struct iovec iov = {payload, PAYLOAD};
	struct io_uring ring;
	int fd, ret = 0;

	fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || io_uring_queue_init(8, &ring, 0) ||
	    (fixed && io_uring_register_buffers(&ring, &iov, 1))) {
		perror("test-powercut: set-up");
		return 1;
	}
	for (unsigned i = 0; !ret && i <= count; i++) {
		struct btrfs_ioctl_encoded_io_args args =
			extent_args(&iov, (uint64_t)i * EXTENT_UNENCODED);

		extent_fill(i, PAYLOAD, plain, payload);
		if (ioctls)
			ret = write_and_sync_calls(fd, &args);
		else
			ret = write_and_sync_ring(&ring, fd, &args, fixed);
		if (ret)
			fprintf(stderr, "test-powercut: extent %u: %s\n", i, strerror(-ret));
		else if (i)
			ret = cut(argv[1], argv[3], i);
	}
	io_uring_queue_exit(&ring);
	close(fd);
	return !!ret;
}

static int run_verify(char **argv)
{
	unsigned last = (unsigned)strtoul(argv[1], NULL, 0), lost = 0;
	int fd = open(argv[0], O_RDONLY | O_CLOEXEC);

	for (unsigned i = 0; i <= last; i++)
		lost += fd < 0 || !extent_present(fd, (uint64_t)i * EXTENT_UNENCODED, i, PAYLOAD);
	printf("cut %u: %u of %u acknowledged extents lost\n", last, lost, last + 1);
	return !!lost;
}

int main(int argc, char **argv)
{
	payload = aligned_alloc(PAGE_BYTES, PAYLOAD);
	if (payload && argc == 7 && !strcmp(argv[1], "write"))
		return run_write(argv + 2);
	if (payload && argc == 4 && !strcmp(argv[1], "verify"))
		return run_verify(argv + 2);
	fprintf(stderr, "usage: test-powercut write uring|ioctl|fixed DISKDIR FILE IMAGES COUNT\n"
			"       test-powercut verify FILE LAST\n");
	return 2;
}
