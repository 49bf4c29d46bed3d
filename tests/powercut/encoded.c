// SPDX-License-Identifier: GPL-2.0-or-later
#include "encoded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "pattern.h"

#define LEVEL	   1
#define WINDOW_LOG 17 /* fs/btrfs/zstd.c: ZSTD_BTRFS_MAX_WINDOWLOG */

static __thread ZSTD_CCtx *compressor;

int encoded_prepare(struct encoded *extent)
{
	_cleanup_(freep) uint8_t *plain = malloc(ENCODED_MAX);
	size_t n;

	if (!extent->payload)
		extent->payload = malloc(ENCODED_MAX);
	if (!compressor)
		compressor = ZSTD_createCCtx();
	if (!plain || !extent->payload || !compressor)
		return -ENOMEM;
	pattern_fill(extent->version, extent->file, extent->offset, plain, extent->length);
	ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(compressor, ZSTD_c_windowLog, WINDOW_LOG);
	n = ZSTD_compress2(compressor, extent->payload, ENCODED_MAX, plain, extent->length);
	if (ZSTD_isError(n))
		return -EINVAL;
	extent->payload_length = n;
	extent->iov = (struct iovec){ extent->payload, n };
	extent->args = (struct btrfs_ioctl_encoded_io_args){
		.iov = &extent->iov,
		.iovcnt = 1,
		.offset = extent->offset,
		.len = extent->length,
		.unencoded_len = extent->length,
		.compression = BTRFS_ENCODED_IO_COMPRESSION_ZSTD,
	};
	extent->before = 0;
	extent->inlined = false;
	extent->result = 0;
	return 0;
}

void encoded_release(struct encoded *extent)
{
	free(extent->payload);
	extent->payload = NULL;
}

int encoded_result(const struct encoded *extent, int res)
{
	if (res < 0)
		return res;
	return (uint32_t)res == extent->payload_length ? 0 : -EIO;
}

int encoded_write(struct encoded *extent)
{
	int res;

	do
		res = ioctl(extent->fd, BTRFS_IOC_ENCODED_WRITE, &extent->args);
	while (res < 0 && errno == EINTR);
	extent->result = encoded_result(extent, res < 0 ? -errno : res);
	return extent->result;
}

int encoded_compare(const struct encoded *extent)
{
	_cleanup_(freep) uint8_t *found = malloc(ENCODED_MAX);
	struct iovec iov = { found, ENCODED_MAX };
	struct btrfs_ioctl_encoded_io_args args = { .iov = &iov,
						    .iovcnt = 1,
						    .offset = extent->offset };
	int res;

	if (!found)
		return -ENOMEM;
	res = ioctl(extent->fd, BTRFS_IOC_ENCODED_READ, &args);
	if (res < 0)
		return -errno;
	/* The kernel pads a regular extent with zeros to the sector. */
	if (args.compression != BTRFS_ENCODED_IO_COMPRESSION_ZSTD || args.len != extent->length ||
	    (uint32_t)res < extent->payload_length ||
	    memcmp(found, extent->payload, extent->payload_length))
		return -EIO;
	return 0;
}
