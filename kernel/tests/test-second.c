// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Does a second fsync of a file wait for the first, which is still under way?
 *
 *	test-second DISKDIR FILE IMAGE NUMBER
 *
 * Just after a mount: writes extent NUMBER of FILE plainly, begins an fsync in a thread, and while
 * that one's log is on its way to the slow disk, a second one, which has nothing to write. When the
 * second has succeeded the power is cut: IMAGE.NUMBER. test-powercut verify looks what is there.
 */
#include "encoded.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAYLOAD	  (64 * 1024) /* as test-powercut: it decides about the content */
#define BEGINS_MS 450	      /* the data take 300 ms, then the log does */

static unsigned char plain[EXTENT_UNENCODED], payload[PAYLOAD];

static void *first_fsync(void *fd)
{
	return (void *)(intptr_t)fsync(*(int *)fd);
}

static int cut(const char *disk, const char *image, const char *number)
{
	char control[256], name[256];
	int fd, len;

	snprintf(control, sizeof(control), "%s/cut", disk);
	len = snprintf(name, sizeof(name), "%s.%s", image, number);
	fd = open(control, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, name, (size_t)len) != len;
}

int main(int argc, char **argv)
{
	unsigned number;
	pthread_t thread;
	void *first;
	int fd, second;

	if (argc != 5)
		return 2;
	number = (unsigned)strtoul(argv[4], NULL, 0);
	fd = open(argv[2], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	extent_fill(number, PAYLOAD, plain, payload);
	if (fd < 0 ||
	    pwrite(fd, plain, sizeof(plain), (off_t)number * EXTENT_UNENCODED) != sizeof(plain) ||
	    pthread_create(&thread, NULL, first_fsync, &fd)) {
		perror("test-second");
		return 1;
	}
	usleep(BEGINS_MS * 1000);
	second = fsync(fd);
	if (second || cut(argv[1], argv[3], argv[4])) {
		perror("test-second");
		return 1;
	}
	pthread_join(thread, &first);
	return first != NULL;
}
