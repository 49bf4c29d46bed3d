// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A foreign process that touches the files which a client is writing, in ways that change no
 * content:
 *
 *	meddler dedupe DIR STOP		copies what a file holds, makes the copy durable, and has
 * the kernel share it with the file (FIDEDUPERANGE)
 *	meddler fsync DIR STOP		fsyncs one file after the other
 *
 * Goes over the plain files of DIR until STOP exists.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define RANGE  131072u
#define RANGES 8u /* of one file at a time */
#define COPY   ".copy"

static unsigned long shared, differing, synced;

static int dedupe_range(int file, int copy, uint64_t offset, uint64_t length)
{
	struct {
		struct file_dedupe_range head;
		struct file_dedupe_range_info info;
	} request = {
		.head = { .src_offset = offset, .src_length = length, .dest_count = 1 },
		.info = { .dest_fd = file, .dest_offset = offset },
	};

	if (ioctl(copy, FIDEDUPERANGE, &request) < 0)
		return -1;
	shared += request.info.status == FILE_DEDUPE_RANGE_SAME;
	differing += request.info.status == FILE_DEDUPE_RANGE_DIFFERS;
	return 0;
}

static void dedupe(int dir, int file)
{
	static char bytes[RANGE];
	_cleanup_(closep) int copy =
		openat(dir, COPY, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint64_t start = 0;
	struct stat st;

	if (copy < 0 || fstat(file, &st) < 0)
		return;
	if ((uint64_t)st.st_size > RANGES * RANGE)
		start = (uint64_t)random() % ((uint64_t)st.st_size / RANGE) * RANGE;
	for (uint64_t at = start; at < start + RANGES * RANGE; at += RANGE) {
		ssize_t n = pread(file, bytes, RANGE, (off_t)at);

		n -= n > 0 ? n % 4096 : 0;
		if (n > 0 && pwrite(copy, bytes, (size_t)n, (off_t)at) != n)
			return;
	}
	if (fsync(copy) < 0)
		return;
	for (uint64_t at = start; at < start + RANGES * RANGE; at += RANGE)
		if (dedupe_range(file, copy, at, RANGE) < 0)
			break; /* behind the file's end */
}

static void go_over(const char *path, void (*act)(int dir, int file))
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	if (!dir)
		err(1, "%s", path);
	while ((entry = readdir(dir))) {
		_cleanup_(closep) int file = -1;

		if (entry->d_type != DT_REG || !strcmp(entry->d_name, COPY))
			continue;
		file = openat(dirfd(dir), entry->d_name, O_RDWR | O_CLOEXEC);
		if (file >= 0)
			act(dirfd(dir), file);
	}
	closedir(dir);
}

static void sync_one(int dir, int file)
{
	synced += fsync(file) == 0;
}

int main(int argc, char **argv)
{
	bool syncing = argc == 4 && !strcmp(argv[1], "fsync");

	if (argc != 4 || (!syncing && strcmp(argv[1], "dedupe"))) {
		fprintf(stderr, "usage: %s dedupe|fsync DIR STOP\n", argv[0]);
		return 2;
	}
	while (access(argv[3], F_OK) < 0) {
		go_over(argv[2], syncing ? sync_one : dedupe);
		usleep(1000);
	}
	printf("shared=%lu differing=%lu synced=%lu\n", shared, differing, synced);
	return syncing ? !synced : !shared;
}
