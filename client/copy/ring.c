// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Encoded reads through io_uring: the kernel reads the disk on its own and many are under way
 * with no thread waiting for any.
 *
 * Such a read holds its inode's lock (shared) and the extent's lock from submission until its
 * task work runs in the thread that submitted it. So that thread must never sleep in a call that
 * takes those locks on the same inode (FIEMAP, SEEK_HOLE, a write) while a read of it is under
 * way: it would wait for itself. The caller keeps that rule; and the ring is not set up with
 * DEFER_TASKRUN, so that locks are let go whenever this thread enters the kernel for anything.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "copy/fetch.h"

struct fetch_ring {
	struct io_uring uring;
	struct fetch_jobs queue; /* not in the ring yet */
	unsigned int under_way;	 /* in the ring */
};

int fetch_ring_new(unsigned int depth, struct fetch_ring **out)
{
	_cleanup_(freep) struct fetch_ring *ring = calloc(1, sizeof(*ring));
	int err;

	if (!ring)
		return -ENOMEM;
	err = io_uring_queue_init(depth, &ring->uring, 0);
	if (err < 0)
		return err;
	TAILQ_INIT(&ring->queue);
	*out = steal_ptr(&ring);
	return 0;
}

struct fetch_ring *fetch_ring_free(struct fetch_ring *ring)
{
	struct io_uring_cqe *cqe;

	if (!ring)
		return NULL;
	/* The kernel writes into the jobs' buffers until then. */
	while (ring->under_way) {
		int err = io_uring_wait_cqe(&ring->uring, &cqe);

		if (err == -EINTR)
			continue;
		if (err < 0)
			break;
		io_uring_cqe_seen(&ring->uring, cqe);
		ring->under_way--;
	}
	io_uring_queue_exit(&ring->uring);
	free(ring);
	return NULL;
}

int fetch_ring_fd(const struct fetch_ring *ring)
{
	return ring->uring.ring_fd;
}

void fetch_ring_submit(struct fetch_ring *ring, struct fetch_job *job)
{
	TAILQ_INSERT_TAIL(&ring->queue, job, entry);
}

void fetch_ring_flush(struct fetch_ring *ring)
{
	struct io_uring_sqe *sqe;
	struct fetch_job *job;

	while ((job = TAILQ_FIRST(&ring->queue)) && (sqe = io_uring_get_sqe(&ring->uring))) {
		TAILQ_REMOVE(&ring->queue, job, entry);
		fetch_prepare(job);
		io_uring_prep_rw(IORING_OP_URING_CMD, sqe, job->fd, &job->args, 0, 0);
		/* It shares its word with the offset: set it last. */
		sqe->cmd_op = BTRFS_IOC_ENCODED_READ;
		io_uring_sqe_set_data(sqe, job);
		ring->under_way++;
	}
	/* What the kernel does not take now stays in the ring for the next time. */
	if (io_uring_sq_ready(&ring->uring))
		io_uring_submit(&ring->uring);
}

struct fetch_job *fetch_ring_next(struct fetch_ring *ring)
{
	struct io_uring_cqe *cqe;
	struct fetch_job *job;

	if (io_uring_peek_cqe(&ring->uring, &cqe) < 0 || !cqe)
		return NULL;
	job = io_uring_cqe_get_data(cqe);
	fetch_result(job, cqe->res);
	io_uring_cqe_seen(&ring->uring, cqe);
	ring->under_way--;
	return job;
}
