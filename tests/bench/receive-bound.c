// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The least that receiving large files can cost: reads a send stream and issues its writes, nothing
 * else. No checksums, no checks, no attributes, no proof; at the end the same sync of the
 * filesystem. Each thread takes the writes of every n-th file.
 *
 *	receive-bound STREAM DIRECTORY [THREADS]
 *
 * Only for streams of files that lie in the subvolume's root.
 */
#include <endian.h>
#include <err.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "stream/format.h"

#define BODY_MAX (256u << 10)
#define THREADS	 16

static int stream, directory;
static unsigned int threads;

struct command {
	char path[256];
	struct btrfs_ioctl_encoded_io_args args;
	struct iovec data;
};

static uint64_t number(const uint8_t *p, size_t size)
{
	uint64_t v = 0;

	memcpy(&v, p, size < sizeof(v) ? size : sizeof(v));
	return le64toh(v);
}

static void parse(uint8_t *p, const uint8_t *end, struct command *c)
{
	*c = (struct command){ .args.iov = &c->data, .args.iovcnt = 1 };
	while (end - p >= 2) {
		uint16_t type = (uint16_t)number(p, 2);
		size_t size;

		if (type == STREAM_A_DATA) { /* the last, without a length */
			c->data = (struct iovec){ p + 2, (size_t)(end - p - 2) };
			return;
		}
		size = end - p >= 4 ? number(p + 2, 2) : SIZE_MAX;
		p += 4;
		if (size > (size_t)(end - p))
			errx(1, "not a stream of version 2");
		if (type == STREAM_A_PATH && size < sizeof(c->path))
			memcpy(c->path, p, size);
		else if (type == STREAM_A_FILE_OFFSET)
			c->args.offset = (int64_t)number(p, size);
		else if (type == STREAM_A_UNENCODED_FILE_LEN)
			c->args.len = number(p, size);
		else if (type == STREAM_A_UNENCODED_LEN)
			c->args.unencoded_len = number(p, size);
		else if (type == STREAM_A_UNENCODED_OFFSET)
			c->args.unencoded_offset = number(p, size);
		else if (type == STREAM_A_COMPRESSION)
			c->args.compression = (uint32_t)number(p, size);
		p += size;
	}
}

static void execute(int fd, const struct command *c, bool encoded)
{
	ssize_t n;

	if (encoded && c->args.compression)
		n = ioctl(fd, BTRFS_IOC_ENCODED_WRITE, &c->args);
	else
		n = pwrite(fd, c->data.iov_base, c->data.iov_len, c->args.offset);
	if (n < 0)
		err(1, "%s: at %lld", c->path, (long long)c->args.offset);
}

static void *receive(void *arg)
{
	const unsigned int id = (unsigned int)(uintptr_t)arg;
	uint8_t *body = malloc(BODY_MAX), header[STREAM_COMMAND_HEADER];
	off_t at = STREAM_HEADER_SIZE;
	unsigned int file = 0;
	struct command c;
	char path[256] = "";
	int fd = -1;

	if (!body)
		err(1, "memory");
	while (pread(stream, header, sizeof(header), at) == (ssize_t)sizeof(header)) {
		size_t size = number(header, 4);
		unsigned int op = (unsigned int)number(header + 4, 2);

		at += (off_t)sizeof(header);
		if (op == STREAM_C_MKFILE)
			file++;
		if ((op == STREAM_C_WRITE || op == STREAM_C_ENCODED_WRITE) &&
		    file % threads == id) {
			if (size > BODY_MAX || pread(stream, body, size, at) != (ssize_t)size)
				errx(1, "a command of %zu bytes cannot be read", size);
			parse(body, body + size, &c);
			if (fd < 0 || strcmp(c.path, path)) {
				if (fd >= 0)
					close(fd);
				memcpy(path, c.path, sizeof(path));
				fd = openat(directory, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
				if (fd < 0)
					err(1, "%s", path);
			}
			execute(fd, &c, op == STREAM_C_ENCODED_WRITE);
		}
		at += (off_t)size;
	}
	if (fd >= 0)
		close(fd);
	free(body);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t others[THREADS];

	if (argc < 3 || argc > 4)
		errx(2, "STREAM DIRECTORY [THREADS]");
	threads = argc == 4 ? (unsigned int)atoi(argv[3]) : 1;
	stream = open(argv[1], O_RDONLY | O_CLOEXEC);
	directory = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (stream < 0 || directory < 0 || !threads || threads > THREADS)
		err(2, "%s, %s", argv[1], argv[2]);
	for (unsigned int i = 1; i < threads; i++)
		if (pthread_create(&others[i], NULL, receive, (void *)(uintptr_t)i))
			errx(1, "threads");
	receive(NULL);
	for (unsigned int i = 1; i < threads; i++)
		pthread_join(others[i], NULL);
	if (syncfs(directory))
		err(1, "syncfs");
	return 0;
}
