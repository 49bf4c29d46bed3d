// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Encoded writes by a 32-bit program: struct btrfs_ioctl_encoded_io_args and struct iovec have
 * another layout there, and the command another number. Built with -m32, by system calls alone,
 * since liburing need not be there for 32 bits.
 *
 *	test-compat FILE
 *
 * Issues many writes so that io-wq makes many workers, from whatever context it likes: a worker
 * that does not know its caller has 32 bits reads the iovecs wrongly.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define DEPTH	  64
#define ROUNDS	  16
#define PAYLOAD	  8192
#define UNENCODED (128 * 1024)
#define FIXED	  (1U << 0) /* IORING_URING_CMD_FIXED */

static struct io_uring_params params;
static unsigned char *sq, *cq;
static struct io_uring_sqe *sqes;
static int ring;
static unsigned char payload[PAYLOAD] __attribute__((aligned(4096)));
static struct iovec iov[DEPTH][2];
static struct btrfs_ioctl_encoded_io_args args[DEPTH];

#define SQ(field) ((unsigned *)(sq + params.sq_off.field))
#define CQ(field) ((unsigned *)(cq + params.cq_off.field))

static void fail(const char *what, int error)
{
	fprintf(stderr, "test-compat: %s: %s\n", what, strerror(error));
	exit(1);
}

static void ring_open(void)
{
	ring = (int)syscall(SYS_io_uring_setup, DEPTH, &params);
	if (ring < 0)
		fail("io_uring_setup", errno);
	sq = mmap(NULL, params.sq_off.array + params.sq_entries * 4, PROT_READ | PROT_WRITE,
		  MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe),
		  PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	sqes = mmap(NULL, params.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED,
		    ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqes == MAP_FAILED)
		fail("mmap", errno);
}

/* Any payload will do that the kernel need not read: encoded reads give the bytes back. */
static void args_fill(unsigned slot, uint64_t number)
{
	iov[slot][0] = (struct iovec){ payload, 4096 };
	iov[slot][1] = (struct iovec){ payload + 4096, 4096 };
	memset(&args[slot], 0, sizeof(args[slot]));
	args[slot].iov = iov[slot];
	args[slot].iovcnt = 2;
	args[slot].offset = (__s64)(number * UNENCODED);
	args[slot].len = UNENCODED;
	args[slot].unencoded_len = UNENCODED;
	args[slot].compression = BTRFS_ENCODED_IO_COMPRESSION_ZSTD;
}

static void check_back(int fd, uint64_t number)
{
	static unsigned char back[UNENCODED];
	struct iovec to = { back, sizeof(back) };
	struct btrfs_ioctl_encoded_io_args read = { .iov = &to,
						    .iovcnt = 1,
						    .offset = (__s64)(number * UNENCODED) };
	int ret = ioctl(fd, BTRFS_IOC_ENCODED_READ, &read);

	if (ret != PAYLOAD || memcmp(back, payload, PAYLOAD))
		fail("encoded read differs", ret < 0 ? errno : EIO);
}

/* Queues a command with the arguments of @slot as the entry @at behind the ring's tail. */
static void queue(int fd, unsigned slot, unsigned flags, unsigned at)
{
	unsigned index = (*SQ(tail) + at) & *SQ(ring_mask);
	struct io_uring_sqe *sqe = &sqes[index];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->addr = (uintptr_t)&args[slot];
	sqe->off = BTRFS_IOC_ENCODED_WRITE; /* cmd_op shares this word */
	sqe->rw_flags = (int)flags;
	SQ(array)[index] = index;
}

static void submit(unsigned count)
{
	__atomic_store_n(SQ(tail), *SQ(tail) + count, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, count, count, IORING_ENTER_GETEVENTS, NULL, 0) !=
	    (long)count)
		fail("io_uring_enter", errno);
}

static int next_result(void)
{
	unsigned head = *CQ(head);
	struct io_uring_cqe *cqe =
		(struct io_uring_cqe *)(cq + params.cq_off.cqes) + (head & *CQ(ring_mask));
	int res = cqe->res;

	__atomic_store_n(CQ(head), head + 1, __ATOMIC_RELEASE);
	return res;
}

static void run_ring(int fd, unsigned flags, uint64_t first)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < DEPTH; i++) {
			args_fill(i, first + round * DEPTH + i);
			queue(fd, i, flags, i);
		}
		submit(DEPTH);
		for (unsigned i = 0; i < DEPTH; i++) {
			int res = next_result();

			if (res != PAYLOAD)
				fail("command", res < 0 ? -res : EIO);
		}
	}
	for (unsigned i = 0; i < ROUNDS * DEPTH; i += 37)
		check_back(fd, first + i);
}

/* What is wrong is at the end of the 32-bit structure, or between members whose size differs. */
static void spoil(unsigned which)
{
	switch (which) {
	case 0:
		args[0].flags = 1;
		break;
	case 1:
		args[0].compression = BTRFS_ENCODED_IO_COMPRESSION_TYPES;
		break;
	case 2:
		args[0].compression = BTRFS_ENCODED_IO_COMPRESSION_NONE;
		break;
	case 3:
		args[0].encryption = BTRFS_ENCODED_IO_ENCRYPTION_TYPES;
		break;
	case 4:
		args[0].unencoded_offset = UNENCODED + 1;
		break;
	case 5:
		args[0].len = UNENCODED + 1;
		break;
	case 6:
		args[0].reserved[sizeof(args[0].reserved) - 1] = 1;
		break;
	case 7:
		args[0].iovcnt = 1025;
		break;
	}
}

#define SPOILS 8

static void run_refusals(int fd, unsigned flags)
{
	for (unsigned i = 0; i < SPOILS; i++) {
		int res;

		args_fill(0, 0);
		spoil(i);
		if (ioctl(fd, BTRFS_IOC_ENCODED_WRITE, &args[0]) != -1 || errno != EINVAL)
			fail("an ioctl that should be refused", errno);
		queue(fd, 0, flags, 0);
		submit(1);
		res = next_result();
		if (res != -EINVAL) {
			fprintf(stderr, "test-compat: refusal %u: result %d\n", i, res);
			exit(1);
		}
	}
	printf("32-bit refusals%s: %d good\n", flags ? " with registered buffers" : "", SPOILS);
}

int main(int argc, char **argv)
{
	struct iovec whole = { payload, PAYLOAD };
	const char *expect = getenv("EXPECT");
	int fd = argc == 2 ? open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600) : -1;

	if (fd < 0)
		fail("usage: test-compat FILE", errno);
	for (unsigned i = 0; i < PAYLOAD; i++)
		payload[i] = (unsigned char)(i * 7);
	args_fill(0, 0);
	if (ioctl(fd, BTRFS_IOC_ENCODED_WRITE, &args[0]) != PAYLOAD)
		fail("ioctl", errno);
	check_back(fd, 0);
	printf("32-bit ioctl: good\n");
	ring_open();
	run_refusals(fd, 0);
	run_ring(fd, 0, 1);
	printf("32-bit command: %d writes good\n", ROUNDS * DEPTH);
	if (expect && strstr(expect, "fixed")) {
		if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &whole, 1))
			fail("register", errno);
		run_refusals(fd, FIXED);
		run_ring(fd, FIXED, 1 + ROUNDS * DEPTH);
		printf("32-bit command with registered buffers: %d writes good\n", ROUNDS * DEPTH);
	}
	return 0;
}
