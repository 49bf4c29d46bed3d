// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * extent-flicker FILE MIRROR COUNT: a client that changes its arena while the daemon
 * looks at it. Each payload is a zlib stream, whose checksum tells of any change; as soon as it
 * is handed over, one byte of it changes back and forth. The daemon may refuse it; what it takes
 * must be what was meant. What was taken is also written plainly to MIRROR: the two files must be
 * equal.
 */
#include <err.h>
#include <extent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define EXTENT (128 * 1024)

static unsigned char plain[EXTENT], packed[EXTENT];
static _Atomic(unsigned char *) target;
static _Atomic unsigned int flicks;
static int mirror, taken, refused;

/* Racing with whoever reads the payload is its purpose: nothing for ThreadSanitizer. */
__attribute__((no_sanitize("thread"))) static void *flicker(void *arg)
{
	unsigned int n = 1;

	for (;;) {
		unsigned char *byte = target;

		if (!byte)
			break;
		__atomic_xor_fetch(byte, 0x10, __ATOMIC_RELAXED);
		/*
		 * Where the threads of a process take turns, as they do on one processor and in
		 * User-Mode Linux, the other one must not wait for the end of this one's turn
		 * each time it returns from the kernel.
		 */
		if (!(++flicks & 0xffff))
			sched_yield();
		for (n = n * 1103515245 + 12345; n & 0x1f00;
		     n += 0x100) /* not in step with anybody */
			__asm__ volatile("");
	}
	return NULL;
}

/* Returns when the thread has let go of what was its target. */
static void retarget(unsigned char *spot)
{
	unsigned int before;

	target = spot;
	before = flicks;
	while (flicks - before < 2)
		sched_yield();
}

static void done(struct extent_session *s, const struct extent_completion *c)
{
	if (c->kind != EXTENT_OP_WRITE)
		return;
	if (c->result == 0) {
		taken++;
		if (pwrite(mirror, plain, EXTENT, (off_t)c->offset) != EXTENT)
			err(1, "mirror");
	} else if (c->code >= 1000 && c->code < 2000) {
		refused++;
	} else {
		errx(1, "%s", extent_completion_text(s, c));
	}
}

int main(int argc, char *argv[])
{
	struct extent_session *s;
	uLongf len = sizeof(packed);
	unsigned char *spot;
	pthread_t thread;
	int fd, file;

	if (argc != 4)
		errx(2, "usage: extent-flicker FILE MIRROR COUNT");
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (unsigned char)(i * i >> 7 & 0x3f);
	if (compress2(packed, &len, plain, sizeof(plain), 1) != Z_OK)
		errx(1, "compress2");
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	mirror = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || mirror < 0)
		err(1, "open");
	if (extent_connect(NULL, &s) < 0 || extent_open_fd_wait(s, fd, argv[1], 0, &file) < 0)
		errx(1, "%s", extent_error_text(NULL));

	spot = malloc(1);
	target = spot;
	if (!spot || pthread_create(&thread, NULL, flicker, NULL))
		errx(1, "thread");
	for (int i = 0; i < atoi(argv[3]); i++) {
		unsigned char *buffer = extent_buffer_get(s, len);
		struct extent_write w = { .file = file,
					  .offset = (uint64_t)i * EXTENT,
					  .len = EXTENT,
					  .unencoded_len = EXTENT,
					  .payload = buffer,
					  .payload_len = (uint32_t)len,
					  .compression = EXTENT_ZLIB,
					  .ack = EXTENT_WRITTEN,
					  .flags = EXTENT_BUFFER };

		if (!buffer)
			errx(1, "no buffer");
		memcpy(buffer, packed, len);
		target = buffer + len / 2;
		if (extent_write(s, &w, done, NULL) < 0)
			errx(1, "%s", extent_error_text(s));
		while (extent_pending(s))
			if (extent_wait(s, -1) < 0)
				errx(1, "%s", extent_error_text(s));
		retarget(spot);
	}
	target = NULL;
	pthread_join(thread, NULL);
	if (ftruncate(mirror, lseek(fd, 0, SEEK_END)) < 0 || extent_sync_wait(s, -1) < 0)
		errx(1, "sync: %s", extent_error_text(s));
	extent_disconnect(s);
	printf("%d taken, %d refused\n", taken, refused);
	return taken && refused ? 0 : 4; /* else the two never met */
}
