// SPDX-License-Identifier: GPL-2.0-or-later

/* The same writes without a daemon: what a program would do that knows how. */

#include <fcntl.h>
#include <liburing.h>
#include <linux/btrfs.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench.h"

#define CHAIN 32

__attribute__((noreturn)) static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int file_new(const struct load *load, unsigned int id, char path[256])
{
	int fd;

	snprintf(path, 256, "%s/direct.%u", load->mount, id);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		die(path);
	return fd;
}

struct slot {
	struct btrfs_ioctl_encoded_io_args args;
	struct iovec iov;
};

static void slot_fill(struct slot *s, const struct load *load, unsigned int i)
{
	if (!s->iov.iov_base) /* memory of its own, as payloads have that differ */
		s->iov.iov_base = memcpy(malloc(EXTENT_BYTES), load->payload->bytes, EXTENT_BYTES);
	s->iov.iov_len = load->payload->len;
	s->args = (struct btrfs_ioctl_encoded_io_args){
		.iov = &s->iov,
		.iovcnt = 1,
		.offset = (int64_t)i * EXTENT_BYTES,
		.len = EXTENT_BYTES,
		.unencoded_len = EXTENT_BYTES,
		.compression = BTRFS_ENCODED_IO_COMPRESSION_ZSTD,
	};
}

/* As many in flight as depth, in hard-linked chains. */
static void ring_one(const struct load *load, unsigned int id)
{
	struct slot *slots = calloc(load->depth, sizeof(*slots));
	unsigned int next = 0, done = 0, free_slots = load->depth;
	unsigned int *idle = calloc(load->depth, sizeof(*idle));
	struct io_uring ring;
	char path[256];
	int fd = file_new(load, id, path);

	if (!slots || !idle)
		abort();
	if (io_uring_queue_init(load->depth, &ring, 0) < 0)
		die("ring");
	for (unsigned int i = 0; i < load->depth; i++)
		idle[i] = i;
	while (done < load->extents) {
		struct io_uring_cqe *cqe;
		unsigned int chain = load->depth < CHAIN ? load->depth : CHAIN;

		while (free_slots >= chain && next < load->extents) {
			unsigned int n = chain;

			if (n > load->extents - next)
				n = load->extents - next;
			for (unsigned int i = 0; i < n; i++) {
				struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
				unsigned int slot = idle[--free_slots];

				if (!sqe)
					die("ring");
				if (!sqe)
					die("io_uring_get_sqe");
				slot_fill(&slots[slot], load, next++);
				io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, &slots[slot].args, 0,
						 0);
				sqe->cmd_op = BTRFS_IOC_ENCODED_WRITE;
				sqe->flags = (i == 0 ? IOSQE_ASYNC : 0) |
					     (i + 1 < n ? IOSQE_IO_HARDLINK : 0);
				io_uring_sqe_set_data64(sqe, slot);
			}
		}
		if (io_uring_submit_and_wait(&ring, 1) < 0)
			die("submit");
		while (io_uring_peek_cqe(&ring, &cqe) == 0) {
			if (cqe->res != (int)load->payload->len)
				die("encoded write");
			idle[free_slots++] = (unsigned int)cqe->user_data;
			io_uring_cqe_seen(&ring, cqe);
			done++;
		}
	}
	io_uring_queue_exit(&ring);
	close(fd);
	for (unsigned int i = 0; i < load->depth; i++)
		free(slots[i].iov.iov_base);
	free(slots);
	free(idle);
}

/* Is the extent there? Waits for it first; the same proof as the daemon's. */
static void wait_and_check(int fd, uint64_t offset)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) + 2 * sizeof(struct fiemap_extent)];
	} m = { .map = { .fm_start = offset,
			 .fm_length = EXTENT_BYTES,
			 .fm_flags = FIEMAP_FLAG_SYNC,
			 .fm_extent_count = 2 } };

	if (ioctl(fd, FS_IOC_FIEMAP, &m.map) < 0 || m.map.fm_mapped_extents < 1 ||
	    !(m.map.fm_extents[0].fe_flags & FIEMAP_EXTENT_ENCODED))
		die("map");
}

static void direct_one(const struct load *load, unsigned int id)
{
	char path[256];
	int fd = file_new(load, id, path);
	struct slot slot = { 0 };

	for (unsigned int i = 0; i < load->extents; i++) {
		double start = now_us();

		slot_fill(&slot, load, i);
		if (ioctl(fd, BTRFS_IOC_ENCODED_WRITE, &slot.args) != (int)load->payload->len)
			die("encoded write");
		if (load->ack == 3) {
			wait_and_check(fd, (uint64_t)i * EXTENT_BYTES);
			if (fsync(fd) < 0)
				die("fsync");
		}
		if (load->latency)
			load->latency[i] = now_us() - start;
	}
	free(slot.iov.iov_base);
	close(fd);
}

double run_ring(const struct load *load)
{
	return each_process(load, ring_one);
}

double run_direct(const struct load *load)
{
	return each_process(load, direct_one);
}
