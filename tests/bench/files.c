// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Many small files, each of one extent, as a restore makes them: what OPEN, WRITE, CLOSE and one
 * SYNC at the end cost the daemon. The baseline makes the same writes, the one syncfs and the look
 * at each extent itself; both find the files there, made by somebody else.
 */

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "lib/extent.h"

#define SMALL_BYTES    (16 * 1024)
#define FILES_A_FOLDER 1000

static struct payload small;

__attribute__((noreturn)) static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int file_open(const struct load *load, const char *who, unsigned int i)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s.%u", load->mount, who, i / FILES_A_FOLDER);
	if (i % FILES_A_FOLDER == 0)
		mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s.%u/%u", load->mount, who, i / FILES_A_FOLDER, i);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		die(path);
	return fd;
}

static void done(struct extent_session *s, const struct extent_completion *c)
{
	if (c->result >= 0)
		return;
	fprintf(stderr, "%s\n", extent_completion_text(s, c));
	exit(1);
}

static void make_room(struct extent_session *s)
{
	if (extent_wait(s, -1) < 0) {
		fprintf(stderr, "%s\n", extent_error_text(s));
		exit(1);
	}
}

#define QUEUE(call)                                                                                \
	while ((call) < 0)                                                                         \
	make_room(s)

static void by_daemon(const struct load *load)
{
	struct extent_session *s;

	if (extent_connect(load->socket, &s) < 0)
		die(load->socket);
	for (unsigned int i = 0; i < load->extents; i++) {
		struct extent_write w = { .len = SMALL_BYTES,
					  .unencoded_len = SMALL_BYTES,
					  .payload_len = small.len,
					  .compression = EXTENT_ZSTD,
					  .ack = EXTENT_WRITTEN,
					  .flags = EXTENT_BUFFER };
		int fd = file_open(load, "client", i);
		void *buffer;

		QUEUE(extent_open_fd(s, fd, "small", 0, done, NULL, &w.file));
		close(fd);
		while (!(buffer = extent_buffer_get(s, small.len)))
			make_room(s);
		w.payload = memcpy(buffer, small.bytes, small.len);
		QUEUE(extent_write(s, &w, done, NULL));
		QUEUE(extent_close(s, w.file, done, NULL));
	}
	QUEUE(extent_sync(s, -1, done, NULL));
	if (extent_drain(s) < 0)
		die("drain");
	extent_disconnect(s);
}

static double own_seconds(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void look(int fd)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) + 2 * sizeof(struct fiemap_extent)];
	} m = { .map = { .fm_length = SMALL_BYTES, .fm_extent_count = 2 } };

	if (ioctl(fd, FS_IOC_FIEMAP, &m.map) < 0 || m.map.fm_mapped_extents < 1)
		die("map");
}

/* CPU seconds of the writes, the commits and the looks; opening is the client's part. */
static double directly(const struct load *load)
{
	struct iovec iov = { .iov_base = small.bytes, .iov_len = small.len };
	struct btrfs_ioctl_encoded_io_args args = {
		.iov = &iov,
		.iovcnt = 1,
		.len = SMALL_BYTES,
		.unencoded_len = SMALL_BYTES,
		.compression = BTRFS_ENCODED_IO_COMPRESSION_ZSTD,
	};
	double start, seconds = 0;
	int *fds = calloc(load->extents, sizeof(*fds));

	if (!fds)
		die("memory");
	for (unsigned int i = 0; i < load->extents; i++)
		fds[i] = file_open(load, "direct", i);
	start = own_seconds();
	for (unsigned int i = 0; i < load->extents; i++)
		if (ioctl(fds[i], BTRFS_IOC_ENCODED_WRITE, &args) != (int)small.len)
			die("encoded write");
	if (syncfs(fds[0]) < 0)
		die("syncfs");
	for (unsigned int i = 0; i < load->extents; i++)
		look(fds[i]);
	seconds += own_seconds() - start;
	for (unsigned int i = 0; i < load->extents; i++)
		close(fds[i]);
	free(fds);
	return seconds;
}

int files_compare(const struct load *load, pid_t daemon, double *ours, double *theirs)
{
	const struct rlimit files = { load->extents + 64, load->extents + 64 };
	double start = cpu_seconds(daemon);
	int status, result[2];

	payload_make(&small, SMALL_BYTES);
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || pipe(result) < 0)
		die("limits");
	if (fork() == 0) {
		by_daemon(load);
		_exit(0);
	}
	wait(&status);
	if (status)
		return -1;
	*ours = cpu_seconds(daemon) - start;
	if (fork() == 0) {
		double seconds = directly(load);

		_exit(write(result[1], &seconds, sizeof(seconds)) != sizeof(seconds));
	}
	wait(&status);
	if (status || read(result[0], theirs, sizeof(*theirs)) != sizeof(*theirs))
		return -1;
	close(result[0]);
	close(result[1]);
	return 0;
}
