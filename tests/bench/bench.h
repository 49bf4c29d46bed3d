/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_TESTS_BENCH_H
#define EXTENTD_TESTS_BENCH_H

/*
 * Each benchmark runs extentd and its baseline in turn, in one process, several times, on the
 * same filesystem, and prints the ratio with its spread. A ratio is what is promised; the times
 * beside it are this machine's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define EXTENT_BYTES (128 * 1024)

struct settings {
	unsigned int runs;
	const char *dir;
	const char *daemon;
};

struct payload {
	unsigned char bytes[EXTENT_BYTES];
	uint32_t len;
};

/* A zstd frame of about half the size of the bytes that it stands for: EXTENT_BYTES at most. */
void payload_make(struct payload *p, size_t bytes);

/* Microseconds of CLOCK_MONOTONIC. */
double now_us(void);

/* A fresh btrfs in an image below dir, mounted; gone again at exit. NULL: not possible here. */
const char *scratch_mount(const char *dir);

/* extentd with these extra arguments; its socket, and gone again with daemon_stop(). */
pid_t daemon_start(const char *binary, const char *validation, char socket[108]);
void daemon_stop(pid_t pid);

/* CPU seconds the process has used, in user mode and altogether, and its resident KiB without
 * arenas. */
double user_seconds(pid_t pid);
double cpu_seconds(pid_t pid);
long resident_kib(pid_t pid);

/* One run: the file or files are new, and gone afterwards. Microseconds from start to end. */
struct load {
	const char *mount;
	const char *socket; /* of the daemon */
	const struct payload *payload;
	unsigned int writers; /* processes, each with a file of its own */
	unsigned int extents; /* of each writer */
	unsigned int depth;   /* in flight of each writer */
	int ack;	      /* enum extent_ack */
	double *latency;      /* of each extent, if wanted: one writer, depth 1 */
};

double run_client(const struct load *load);

/* Baselines without a daemon. */
double run_ring(const struct load *load);   /* io_uring, chains as the daemon makes them */
double run_direct(const struct load *load); /* ioctl; with ack durable the safe order, each */

/* CPU seconds of the daemon for as many files of one small extent, and of the same writes without
 * one. Negative: failed. */
int files_compare(const struct load *load, pid_t daemon, double *ours, double *theirs);

/* One writer's part, for the two above. */
double each_process(const struct load *load, void (*one)(const struct load *, unsigned int id));

/* (e) */
int bench_memory(const struct settings *set, const char *mount_point,
		 const struct payload *payload);

/* Prints the ratio and says whether it is good enough: 0, or 1. */
int verdict(const char *what, double *ratio, unsigned int n, double goal, bool at_least);

void median_of(double *values, unsigned int n, double *low, double *median, double *high);

#endif
