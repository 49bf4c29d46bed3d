// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/btrfs.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "payload/payload.h"
#include "restore/encoded.h"

bool encoded_lengths_fit(const struct extent_write *w)
{
	return w->len && w->payload_len && w->payload_len <= PAYLOAD_SIZE_MAX &&
	       w->unencoded_len <= PAYLOAD_UNENCODED_MAX &&
	       w->unencoded_offset <= w->unencoded_len &&
	       w->len <= w->unencoded_len - w->unencoded_offset;
}

int encoded_write(int fd, const struct extent_write *w)
{
	struct iovec iov = { (void *)(uintptr_t)w->payload, w->payload_len };
	struct btrfs_ioctl_encoded_io_args args = {
		.iov = &iov,
		.iovcnt = 1,
		.offset = (int64_t)w->offset,
		.len = w->len,
		.unencoded_len = w->unencoded_len,
		.unencoded_offset = w->unencoded_offset,
		.compression = w->compression,
	};
	int n;

	do
		n = ioctl(fd, BTRFS_IOC_ENCODED_WRITE, &args);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (uint32_t)n == w->payload_len ? 0 : -EIO;
}

int write_plain(int fd, const void *bytes, uint64_t size, uint64_t offset)
{
	const char *at = bytes;

	while (size) {
		ssize_t n = pwrite(fd, at, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
		offset += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return 0;
}
