// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Writes through io_uring. A chain is hard-linked, so that one kernel worker goes through it
 * without being woken for each extent, and workers do not queue up on the inode's lock. No fsync
 * is ever linked behind: it would not wait for the data (see commit.c). Only the last of a chain
 * and those that fail are told of, so that a chain wakes the daemon once, and the acknowledgements
 * of its extents travel together.
 *
 * Payloads in registered memory (buffers.h) are not copied, and complete when they are on the
 * disk's side. Linked, each would wait for the one before: they come as chains of one (writer.c).
 *
 * An encoded write always runs in a kernel worker: its first, non-blocking issue fails before
 * anything is done, so IOSQE_ASYNC on the head of a chain saves that try.
 */

#include <event2/event.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arena.h"
#include "base/cleanup.h"
#include "base/feature.h"
#include "buffers.h"
#include "engine.h"
#include "file.h"
#include "inode.h"
#include "reader.h"
#include "store.h"
#include "writer.h"

struct ring {
	struct engine engine;
	struct io_uring ring;
	int eventfd;
	struct event *event; /* completions */
	struct event *flush; /* submits what this round of events has queued */
	unsigned int in_flight;
};

static void ring_prepare(struct io_uring_sqe *sqe, struct extent *e)
{
	if (e->form == WIRE_FORM_ENCODED) {
		/* liburing 2.3 has no helper for commands. */
		io_uring_prep_rw(IORING_OP_URING_CMD, sqe, e->file->fd, &e->args, 0, 0);
		sqe->cmd_op = BTRFS_IOC_ENCODED_WRITE;
		if (extent_in_place(e)) {
			sqe->uring_cmd_flags = IORING_URING_CMD_FIXED;
			sqe->buf_index = (uint16_t)e->arena->buffer;
		}
	} else {
		io_uring_prep_write(sqe, e->file->fd, e->data + e->data_done,
				    (unsigned int)(e->data_len - e->data_done),
				    e->offset + e->data_done);
	}
	io_uring_sqe_set_data(sqe, e);
}

/* What a completion belongs to: readings are marked in the lowest bit of their address. */
#define READING_MARK UINT64_C(1)

bool ring_read(struct engine *engine, struct reading *reading)
{
	struct ring *r = (struct ring *)engine;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);

	if (!sqe)
		return false;
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, reading->file->fd, &reading->args, 0, 0);
	sqe->cmd_op = BTRFS_IOC_ENCODED_READ;
	sqe->flags |= IOSQE_ASYNC; /* looking for the extent may wait for the disk */
	sqe->user_data = (uintptr_t)reading | READING_MARK;
	r->in_flight++;
	event_active(r->flush, 0, 0);
	return true;
}

static void ring_submit(struct engine *engine, struct chain *chain)
{
	struct ring *r = (struct ring *)engine;
	struct extent *e;

	TAILQ_FOREACH(e, &chain->extents, entry) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);

		engine_prepare(e);
		ring_prepare(sqe, e);
		sqe->flags |= e == TAILQ_FIRST(&chain->extents) ? IOSQE_ASYNC : 0;
		if (!TAILQ_NEXT(e, entry)) {
			chain->tail = e;
			continue;
		}
		sqe->flags |= IOSQE_IO_HARDLINK;
		e->silent = e->form == WIRE_FORM_ENCODED;
		sqe->flags |= e->silent ? IOSQE_CQE_SKIP_SUCCESS : 0;
	}
	r->in_flight += chain->n;
	event_active(r->flush, 0, 0);
}

/* A full or starved kernel (EBUSY, EAGAIN) keeps the entries; the next completion retries. */
static void ring_flush(evutil_socket_t fd, short what, void *arg)
{
	struct ring *r = arg;

	if (io_uring_sq_ready(&r->ring) && io_uring_submit(&r->ring) < 0 && r->in_flight) {
		const struct timeval soon = { .tv_usec = 10000 };

		event_add(r->flush, &soon);
	}
}

static void complete(struct ring *r, struct extent *e, int result)
{
	r->in_flight--;
	e->silent = false;
	engine_completed(e, result);
}

/*
 * The members of a chain run one after the other: with the tail's completion, those that were to
 * be silent in success have had it. An encoded write takes all of its payload or fails, so their
 * result is known. Failures have spoken for themselves, and are no longer in the chain.
 */
static void complete_silent(struct ring *r, struct chain *chain)
{
	struct extent *e, *next;

	for (e = TAILQ_FIRST(&chain->extents); e; e = next) {
		next = TAILQ_NEXT(e, entry);
		if (e->silent)
			complete(r, e, (int)e->payload_len);
	}
}

static void ring_completions(evutil_socket_t fd, short what, void *arg)
{
	struct ring *r = arg;
	struct io_uring_cqe *cqe;
	eventfd_t count;

	eventfd_read(r->eventfd, &count);
	while (io_uring_peek_cqe(&r->ring, &cqe) == 0) {
		struct extent *e = io_uring_cqe_get_data(cqe);
		int result = cqe->res;

		io_uring_cqe_seen(&r->ring, cqe);
		if ((uintptr_t)e & READING_MARK) {
			r->in_flight--;
			reader_completed((struct reading *)((uintptr_t)e - READING_MARK), result);
			continue;
		}
		if (e == e->chain->tail)
			complete_silent(r, e->chain);
		complete(r, e, result);
	}
	ring_flush(-1, 0, r);
}

static void ring_free(struct engine *engine)
{
	struct ring *r = (struct ring *)engine;

	if (r->event)
		event_free(r->event);
	if (r->flush)
		event_free(r->flush);
	if (r->ring.ring_fd >= 0)
		io_uring_queue_exit(&r->ring);
	if (r->eventfd >= 0)
		close(r->eventfd);
	free(r);
}

/* Whether io_uring has commands at all (5.19). Whether btrfs takes this one, the first write to
 * a btrfs file tells: see engine_completed(). */
static bool ring_has_commands(struct io_uring *ring)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	bool has = probe && io_uring_opcode_supported(probe, IORING_OP_URING_CMD);

	io_uring_free_probe(probe);
	return has;
}

/* Debian 12's liburing 2.3 declares its functions for these two and does not export them. */
static int ring_register(struct io_uring *ring, unsigned int op, const void *arg, unsigned int n)
{
	return syscall(__NR_io_uring_register, ring->ring_fd, op, arg, n) < 0 ? -errno : 0;
}

/*
 * From here on the ring can write and nothing else: a system call filter does not see what goes
 * through a ring, and a ring that could open or connect would be a way around it.
 */
static int ring_restrict(struct io_uring *ring, bool buffers)
{
	struct io_uring_restriction allowed[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_URING_CMD },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITE },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
		  .sqe_flags = IOSQE_ASYNC | IOSQE_IO_HARDLINK | IOSQE_CQE_SKIP_SUCCESS },
		{ .opcode = IORING_RESTRICTION_REGISTER_OP,
		  .register_op = IORING_REGISTER_ENABLE_RINGS },
		{ .opcode = IORING_RESTRICTION_REGISTER_OP,
		  .register_op = IORING_REGISTER_BUFFERS_UPDATE },
	};
	unsigned int n = ARRAY_SIZE(allowed) - !buffers;
	int r = ring_register(ring, IORING_REGISTER_RESTRICTIONS, allowed, n);

	return r < 0 ? r : ring_register(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

static const struct engine_ops ring_ops = {
	.submit = ring_submit,
	.free = ring_free,
};

int ring_engine_new(struct store *store, struct engine **out)
{
	unsigned int workers[2] = { store->options.blocking_threads, 1 };
	struct ring *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return -ENOMEM;
	r->engine = (struct engine){ .ops = &ring_ops, .store = store };
	r->ring.ring_fd = -1;
	r->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->eventfd < 0) {
		ret = -errno;
		goto fail;
	}
	/* Room for every lane's chain at once, so neither queue can overflow. */
	ret = io_uring_queue_init(store->options.blocking_threads * LANES_PER_THREAD *
					  store->options.batch,
				  &r->ring, IORING_SETUP_R_DISABLED);
	if (ret < 0) {
		r->ring.ring_fd = -1;
		goto fail;
	}
	ret = -EOPNOTSUPP;
	if (!ring_has_commands(&r->ring))
		goto fail;
	ret = io_uring_register_eventfd(&r->ring, r->eventfd);
	if (ret < 0)
		goto fail;
	ret = io_uring_register_iowq_max_workers(&r->ring, workers);
	if (ret < 0)
		goto fail;
	if (feature_present(FEATURE_ZERO_COPY)) {
		ret = buffers_new(r->ring.ring_fd, &store->buffers);
		if (ret < 0)
			goto fail;
		store->counters.encoded_write_zero_copy = 1;
	}
	ret = ring_restrict(&r->ring, store->buffers);
	if (ret < 0)
		goto fail;

	ret = -ENOMEM;
	r->event = event_new(store->base, r->eventfd, EV_READ | EV_PERSIST, ring_completions, r);
	r->flush = event_new(store->base, -1, 0, ring_flush, r);
	if (!r->event || !r->flush || event_add(r->event, NULL) < 0)
		goto fail;
	*out = &r->engine;
	return 0;
fail:
	ring_free(&r->engine);
	return ret;
}
