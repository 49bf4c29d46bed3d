// SPDX-License-Identifier: GPL-2.0-or-later
#include "naive.h"

#include <errno.h>
#include <liburing.h>

static int submit(struct io_uring *ring, struct encoded *extent)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (!sqe)
		return -EBUSY;
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, extent->fd, &extent->args, 0, 0);
	sqe->cmd_op = BTRFS_IOC_ENCODED_WRITE;
	sqe->flags |= IOSQE_IO_LINK | IOSQE_ASYNC;
	io_uring_sqe_set_data64(sqe, (uintptr_t)extent | 1);
	sqe = io_uring_get_sqe(ring);
	if (!sqe)
		return -EBUSY;
	io_uring_prep_fsync(sqe, extent->fd, 0);
	io_uring_sqe_set_data(sqe, extent);
	return 0;
}

int naive_write(struct encoded *extents, unsigned int n, naive_done done, void *context)
{
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	unsigned int left = 2 * n;
	int r;

	r = io_uring_queue_init(2 * n, &ring, 0);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < n && !r; i++)
		r = submit(&ring, &extents[i]);
	if (!r && io_uring_submit(&ring) != (int)left)
		r = -EIO;
	while (!r && left) {
		struct encoded *extent;
		uintptr_t data;

		r = io_uring_wait_cqe(&ring, &cqe);
		if (r == -EINTR)
			r = 0;
		if (r < 0 || !cqe)
			continue;
		data = io_uring_cqe_get_data64(cqe);
		extent = (struct encoded *)(data & ~(uintptr_t)1);
		if (data & 1) {
			extent->result = encoded_result(extent, cqe->res);
		} else {
			if (!extent->result)
				extent->result = cqe->res < 0 ? cqe->res : 0;
			done(context, extent);
		}
		io_uring_cqe_seen(&ring, cqe);
		left--;
	}
	io_uring_queue_exit(&ring);
	return r;
}
