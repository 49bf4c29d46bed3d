// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "copy/fetch.h"
#include "lib/extent.h"

void fetch_prepare(struct fetch_job *job)
{
	job->iov = (struct iovec){ job->buffer, job->size };
	memset(&job->args, 0, sizeof(job->args));
	job->args.iov = &job->iov;
	job->args.iovcnt = 1;
	job->args.offset = (int64_t)job->piece.offset;
}

/*
 * Lengths come from the kernel and from a disk image that somebody may have made up: what does
 * not fit the buffer or the piece's file is not passed on.
 */
void fetch_result(struct fetch_job *job, int64_t result)
{
	const struct btrfs_ioctl_encoded_io_args *a = &job->args;

	job->error = 0;
	job->len = 0;
	if (result <= 0) {
		job->error = (int)result;
		return;
	}
	if ((uint64_t)result > job->size || !a->len || a->encryption ||
	    a->unencoded_offset > a->unencoded_len ||
	    a->len > a->unencoded_len - a->unencoded_offset) {
		job->error = -EBADMSG;
		return;
	}
	job->payload_len = (uint32_t)result;
	job->len = a->len;
	job->unencoded_len = a->unencoded_len;
	job->unencoded_offset = a->unencoded_offset;
	job->compression = a->compression;
	if (a->compression == EXTENT_NONE) {
		/* Read to the end of a sector, of which the file may have less. */
		if (job->payload_len > a->len)
			job->payload_len = (uint32_t)a->len;
		job->len = job->unencoded_len = job->payload_len;
		job->unencoded_offset = 0;
	}
}

static void read_plain(struct fetch_job *job)
{
	uint64_t want = job->piece.end - job->piece.offset;
	uint64_t got = 0;

	if (want > job->size)
		want = job->size;
	job->error = 0;
	while (got < want) {
		ssize_t n = pread(job->fd, (char *)job->buffer + got, want - got,
				  (off_t)(job->piece.offset + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			job->error = -errno;
			return;
		}
		if (!n)
			break;
		got += (uint64_t)n;
	}
	job->compression = EXTENT_NONE;
	job->payload_len = (uint32_t)got;
	job->len = job->unencoded_len = got;
	job->unencoded_offset = 0;
}

void fetch_now(struct fetch_job *job)
{
	int n;

	if (job->how != FETCH_ENCODED) {
		read_plain(job);
		return;
	}
	fetch_prepare(job);
	do {
		n = ioctl(job->fd, BTRFS_IOC_ENCODED_READ, &job->args);
	} while (n < 0 && errno == EINTR);
	fetch_result(job, n < 0 ? -errno : n);
}
