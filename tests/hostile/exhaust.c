// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * exhaust extents|inline DIRECTORY COUNT: a client that wants all the metadata a filesystem has,
 * and goes on when it is refused:
 *
 *	extents		one file of extents that take a sector each: far more items than bytes
 *	inline		files that lie in the metadata whole
 *
 * Nothing is asked to be durable: that is when the daemon looks least often. Ends after COUNT
 * writes, or STUBBORN refused ones, and says how many were taken and why the others were not.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/lib/extent.h"
#include "common/sample.h"
#include "payload/payload.h"

#define SPARSE	 131072U /* bytes that a sector decodes to */
#define INLINE	 3000U	 /* bytes of text: less than max_inline (2048) when compressed */
#define STUBBORN 3000U
#define CODES	 4096U

static struct extent_session *session;
static unsigned char plain[SPARSE], packed[SPARSE];
static size_t packed_len;
static unsigned long taken, refused, codes[CODES];

static void done(struct extent_session *s, const struct extent_completion *c)
{
	if (c->result == -ECONNRESET)
		errx(1, "%s", extent_completion_text(s, c));
	if (c->kind != EXTENT_OP_WRITE && c->kind != EXTENT_OP_LOST) {
		if (c->result)
			errx(1, "%s", extent_completion_text(s, c));
		return;
	}
	taken += !c->result;
	refused += c->result != 0;
	codes[c->code < CODES ? c->code : 0] += c->result != 0;
}

static void turn(int ms)
{
	struct extent_completion lost;

	if (extent_wait(session, ms) < 0)
		errx(1, "%s", extent_error_text(session));
	while (extent_next_completion(session, &lost))
		done(session, &lost);
}

#define QUEUE(call)                                                                                \
	do {                                                                                       \
		int64_t id_;                                                                       \
		while ((id_ = (call)) == -EAGAIN)                                                  \
			turn(-1);                                                                  \
		if (id_ < 0)                                                                       \
			errx(1, "%s", extent_error_text(session));                                 \
	} while (0)

static void make_payload(size_t len)
{
	struct sample_random random = { 1 };
	struct payload_compressor *compressor;

	if (len == INLINE)
		sample_fill(plain, len, SAMPLE_TEXT, &random);
	if (payload_compressor_new(BTRFS_ENCODED_IO_COMPRESSION_ZSTD, 0, &compressor) ||
	    payload_compress(compressor, 4096, plain, len, packed, &packed_len))
		errx(2, "cannot compress");
	payload_compressor_free(compressor);
}

static int name_of(const char *dir, unsigned long number, int flags)
{
	char name[4096];
	int fd;

	snprintf(name, sizeof(name), "%s/%lu", dir, number);
	fd = open(name, O_RDWR | O_CLOEXEC | flags, 0644);
	if (fd < 0)
		err(1, "%s", name);
	return fd;
}

static int hand_over(const char *dir, unsigned long number)
{
	int fd = name_of(dir, number, O_CREAT), file;

	QUEUE(extent_open_fd(session, fd, "file", 0, done, NULL, &file));
	close(fd);
	return file;
}

int main(int argc, char **argv)
{
	const bool small = argc == 4 && !strcmp(argv[1], "inline");
	struct extent_write w = { .payload = packed, .compression = EXTENT_ZSTD };
	unsigned long count = argc == 4 ? strtoul(argv[3], NULL, 0) : 0, before;

	if (!count || (!small && strcmp(argv[1], "extents"))) {
		fprintf(stderr, "usage: exhaust extents|inline DIRECTORY COUNT\n");
		return 2;
	}
	w.len = w.unencoded_len = small ? INLINE : SPARSE;
	make_payload(w.len);
	w.payload_len = (uint32_t)packed_len;
	if (extent_connect(NULL, &session))
		errx(1, "%s", extent_error_text(NULL));
	for (unsigned long i = 0; small && i < count; i++) /* names are the kernel's to give */
		close(name_of(argv[2], i, O_CREAT));
	for (unsigned long i = 0; i < count && refused < STUBBORN; i++) {
		w.ack = i % 2 ? EXTENT_WRITTEN : EXTENT_ACCEPTED;
		if (small || i == 0)
			w.file = hand_over(argv[2], i);
		if (!small)
			w.offset = (uint64_t)i * SPARSE;
		before = refused;
		QUEUE(extent_write(session, &w, done, NULL));
		if (small)
			QUEUE(extent_close(session, w.file, done, NULL));
		turn(0);
		if (refused != before)
			usleep(1000); /* there may be room again when the daemon has looked */
	}
	while (extent_pending(session))
		turn(-1);
	extent_disconnect(session);
	printf("taken %lu\n", taken);
	for (unsigned int i = 0; i < CODES; i++)
		if (codes[i])
			printf("%s %lu\n", extent_code_name(i), codes[i]);
	return 0;
}
