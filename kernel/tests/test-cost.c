// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an encoded write of a 128 KiB extent costs, by each way of asking for it:
 *
 *	test-cost FILE EXTENTS ROUNDS
 *
 * For payloads of 16, 64 and 120 KiB prints the cost of an extent and its ratio to that by the
 * plain command. The ways take turns, ROUNDS times, and the median round counts, so that a change
 * of the machine's speed hits them all. A round ends with an fsync, so no way can leave its work
 * to the next.
 *
 * Under QEMU with -icount shift=0 (FLAVOUR x86) the monotonic clock counts the instructions of
 * the whole machine: this thread, io-wq, kernel threads and interrupts. What it counts while all
 * of these wait for the disk is taken off: a thread that only runs when no other wants to fills
 * that time, and its own CPU time is known exactly. Under UML (FLAVOUR plain) the unit is
 * microseconds of CPU time of the whole guest as the host counts it, asked for by files in /tests;
 * elsewhere it is what /proc/stat says, whose grain is a clock tick.
 *
 * "registered" is a registered buffer whose payload is off the page boundary by 512 bytes: the
 * kernel then copies it. "zero copy" is the same at a page boundary, "huge pages" the same in an
 * arena that lies on huge pages, if the kernel has any. On a kernel that ignores registered buffers
 * all three are plain commands.
 */
#include "encoded.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define DEPTH	   32
#define SLOT_SIZE  (EXTENT_UNENCODED + PAGE_BYTES)
#define OFF_PAGE   512
#define HUGE_PAGE  (2UL * 1024 * 1024)
#define ROUNDS_MAX 101

enum way { WAY_IOCTL, WAY_PLAIN, WAY_REGISTERED, WAY_ZERO_COPY, WAY_HUGE, WAYS };

static const char *const way_names[WAYS] = { "ioctl", "plain", "registered", "zero copy",
					     "huge pages" };
static unsigned char *arenas[2]; /* Small pages, huge pages; their numbers as registered buffers. */
static struct io_uring ring;
static struct iovec iov[DEPTH];
static struct btrfs_ioctl_encoded_io_args args[DEPTH];

static bool instructions, host_clock;
static clockid_t filler_clock;

/* Microseconds of user, nice, system, irq and softirq time, and of idle time. */
static double cpu_microseconds(double *idle)
{
	unsigned long long t[7];
	FILE *file = fopen("/proc/stat", "r");
	double tick = 1e6 / (double)sysconf(_SC_CLK_TCK);
	int n = 0;

	if (file) {
		n = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2],
			   &t[3], &t[4], &t[5], &t[6]);
		fclose(file);
	}
	if (n != 7)
		exit(99);
	*idle = (double)(t[3] + t[4]) * tick;
	return (double)(t[0] + t[1] + t[2] + t[5] + t[6]) * tick;
}

/* See guest_clock in kernel/machinery/guest.sh. */
static double host_nanoseconds(void)
{
	static unsigned number;
	char ask[64], told[64], text[64];
	int fd;

	snprintf(ask, sizeof(ask), "/tests/ask.%u", number);
	snprintf(told, sizeof(told), "/tests/told.%u", number++);
	fd = open(ask, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		exit(99);
	close(fd);
	for (;;) {
		ssize_t n = -1;

		usleep(2000);
		fd = open(told, O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			n = read(fd, text, sizeof(text) - 1);
			close(fd);
		}
		if (n > 0) {
			text[n] = 0;
			return strtod(text, NULL);
		}
	}
}

static double nanoseconds(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now))
		exit(99);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double cost_now(void)
{
	double idle;

	if (host_clock)
		return host_nanoseconds() / 1000;
	if (!instructions)
		return cpu_microseconds(&idle);
	return nanoseconds(CLOCK_MONOTONIC) - nanoseconds(filler_clock);
}

/* Runs when nothing else wants to. */
static void *fill(void *data)
{
	const struct sched_param param = { 0 };

	(void)data;
	if (sched_setscheduler(0, SCHED_IDLE, &param))
		exit(99);
	for (;;)
		__asm__ volatile("pause");
	return NULL;
}

static void fail(const char *what, int error)
{
	fprintf(stderr, "test-cost: %s: %s\n", what, strerror(error));
	exit(1);
}

static void slot_prepare(enum way way, unsigned slot, unsigned number, size_t size)
{
	iov[slot].iov_base = arenas[way == WAY_HUGE] + (size_t)slot * SLOT_SIZE +
			     (way == WAY_REGISTERED ? OFF_PAGE : 0);
	iov[slot].iov_len = size;
	args[slot] = extent_args(&iov[slot], (uint64_t)number * EXTENT_UNENCODED);
}

static void run_ring(enum way way, int fd, unsigned extents, size_t size)
{
	unsigned issued = 0, done = 0, free_slots[DEPTH], free_count = DEPTH;

	for (unsigned i = 0; i < DEPTH; i++)
		free_slots[i] = i;
	while (done < extents) {
		struct io_uring_cqe *cqe;

		while (free_count && issued < extents) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
			unsigned slot = free_slots[--free_count];

			slot_prepare(way, slot, issued++, size);
			if (way == WAY_PLAIN)
				prep_encoded_write(sqe, fd, &args[slot]);
			else
				prep_encoded_write_fixed(sqe, fd, &args[slot], way == WAY_HUGE);
			sqe->user_data = slot;
		}
		io_uring_submit_and_wait(&ring, 1);
		while (!io_uring_peek_cqe(&ring, &cqe)) {
			if (cqe->res != (int)size)
				fail(way_names[way], cqe->res < 0 ? -cqe->res : EIO);
			free_slots[free_count++] = (unsigned)cqe->user_data;
			io_uring_cqe_seen(&ring, cqe);
			done++;
		}
	}
}

static double run(enum way way, const char *path, unsigned extents, size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	double start;

	if (fd < 0)
		fail(path, errno);
	syncfs(fd);
	start = cost_now();
	if (way == WAY_IOCTL) {
		for (unsigned i = 0; i < extents; i++) {
			slot_prepare(way, i % DEPTH, i, size);
			if (ioctl(fd, BTRFS_IOC_ENCODED_WRITE, &args[i % DEPTH]) != (int)size)
				fail("ioctl", errno);
		}
	} else {
		run_ring(way, fd, extents, size);
	}
	if (fsync(fd))
		fail("fsync", errno);
	start = cost_now() - start;
	close(fd);
	return start / extents;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Space for all slots, on huge pages or on none of them. */
static struct iovec arena_new(bool huge)
{
	struct iovec whole = { NULL, (size_t)DEPTH * SLOT_SIZE };
	unsigned char *map = mmap(NULL, whole.iov_len + 2 * HUGE_PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		fail("mmap", errno);
	whole.iov_len = (whole.iov_len + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	whole.iov_base = map + (HUGE_PAGE - (uintptr_t)map % HUGE_PAGE) % HUGE_PAGE;
	/* Kernels without huge pages refuse either. */
	madvise(whole.iov_base, whole.iov_len, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return whole;
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 16 * 1024, 64 * 1024, 120 * 1024 };
	static unsigned char plain[EXTENT_UNENCODED], payload[EXTENT_UNENCODED];
	static double cost[WAYS][ROUNDS_MAX];
	unsigned extents = argc == 4 ? (unsigned)atoi(argv[2]) : 0;
	unsigned rounds = argc == 4 ? (unsigned)atoi(argv[3]) : 0;
	struct iovec whole[2] = { arena_new(false), arena_new(true) };
	const char *flavour = getenv("FLAVOUR");
	double busy, idle, idle_start, busy_start, start;
	pthread_t filler;

	if (!extents || !rounds || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: test-cost FILE EXTENTS ROUNDS\n");
		return 2;
	}
	for (unsigned i = 0; i < 2; i++)
		arenas[i] = whole[i].iov_base;
	if (io_uring_queue_init(DEPTH, &ring, 0) || io_uring_register_buffers(&ring, whole, 2))
		fail("set-up", errno);
	instructions = flavour && !strcmp(flavour, "x86");
	if (instructions && (pthread_create(&filler, NULL, fill, NULL) ||
			     pthread_getcpuclockid(filler, &filler_clock)))
		fail("set-up", EAGAIN);
	start = nanoseconds(CLOCK_MONOTONIC);
	host_clock = flavour && !strcmp(flavour, "plain");
	busy_start = cpu_microseconds(&idle_start);
	printf("cost of a 128 KiB extent in %s (ratio to the plain command), "
	       "median of %u rounds of %u extents\n",
	       instructions ? "instructions" : "microseconds of CPU time", rounds, extents);
	printf("%-8s", "payload");
	for (enum way way = 0; way < WAYS; way++)
		printf(" %18s", way_names[way]);
	printf("\n");
	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		extent_fill(1, sizes[s], plain, payload);
		for (unsigned round = 0; round < rounds; round++) {
			for (enum way way = 0; way < WAYS; way++) {
				for (unsigned i = 0; i < DEPTH; i++) {
					slot_prepare(way, i, 0, sizes[s]);
					memcpy(iov[i].iov_base, payload, sizes[s]);
				}
				cost[way][round] = run(way, argv[1], extents, sizes[s]);
			}
		}
		for (enum way way = 0; way < WAYS; way++)
			qsort(cost[way], rounds, sizeof(**cost), by_value);
		printf("%4zu KiB", sizes[s] / 1024);
		for (enum way way = 0; way < WAYS; way++)
			printf(" %10.0f (%5.2f)", cost[way][rounds / 2],
			       cost[way][rounds / 2] / cost[WAY_PLAIN][rounds / 2]);
		printf("\n");
	}
	busy = cpu_microseconds(&idle) - busy_start;
	if (instructions)
		printf("waiting, not counted: %.1f %% of the run\n",
		       100 * nanoseconds(filler_clock) / (nanoseconds(CLOCK_MONOTONIC) - start));
	else
		printf("idle share of the run: %.1f %%\n",
		       100 * (idle - idle_start) / (idle - idle_start + busy));
	io_uring_queue_exit(&ring);
	return 0;
}
