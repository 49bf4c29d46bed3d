// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * extent-read-check [--path] [--depth N] [--room N] [--at OFFSET] [--fd N] FILE: reads a file
 * through extentd, extent by extent, prints "kind offset len unencoded_len compression payload_len"
 * of each, and compares what the payloads decode to with what read(2) says. Exit 1: it differs; 3:
 * the daemon refused, with its words on stderr.
 *
 * With a depth, that many reads of the same extent are under way at a time: their answers must
 * agree. --fd: passes this descriptor, inherited from the shell, instead of opening the file.
 */
#include <err.h>
#include <extent.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "payload/payload.h"

#define DEPTH_MAX 64

static struct extent_session *session;
static struct payload_scratch *scratch;
static int fd;

static void refused(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, extent_error_text(session));
	exit(3);
}

static void content_compare(const struct extent_read *r)
{
	static unsigned char decoded[PAYLOAD_UNENCODED_MAX], seen[PAYLOAD_UNENCODED_MAX];
	struct payload_fault fault;
	const unsigned char *content = r->payload;

	if (r->kind == EXTENT_READ_ENCODED) {
		if (r->unencoded_offset)
			errx(1, "offset %llu: a part of an extent, encoded",
			     (unsigned long long)r->offset);
		if (payload_decode_part(scratch, r->compression, r->payload, r->payload_len,
					decoded, r->unencoded_len, r->len, &fault))
			errx(1, "offset %llu: %s", (unsigned long long)r->offset,
			     payload_fault_text(fault.code));
		content = decoded;
	}
	if (r->len > sizeof(seen) || pread(fd, seen, r->len, (off_t)r->offset) != (ssize_t)r->len ||
	    memcmp(seen, content, r->len))
		errx(1, "offset %llu: other bytes", (unsigned long long)r->offset);
}

static void hole_compare(const struct extent_read *r)
{
	static unsigned char seen[1 << 20];
	uint64_t at = r->offset, end = r->offset + r->len;

	if (r->len > UINT64_C(1) << 26) /* looking at all of it takes too long */
		end = at + (UINT64_C(1) << 26);
	while (at < end) {
		size_t want = end - at < sizeof(seen) ? (size_t)(end - at) : sizeof(seen);

		if (pread(fd, seen, want, (off_t)at) != (ssize_t)want || seen[0] ||
		    memcmp(seen, seen + 1, want - 1))
			errx(1, "offset %llu: no hole", (unsigned long long)at);
		at += want;
	}
}

static void read_one(struct extent_read *reads, int depth)
{
	struct extent_read *r = &reads[0];

	for (int i = 0; i < depth; i++) {
		reads[i] = *r;
		while (extent_read(session, &reads[i], NULL, NULL) < 0)
			if (extent_wait(session, -1) < 0 || !extent_pending(session))
				refused("read");
	}
	if (extent_drain(session)) {
		struct extent_completion c;

		while (extent_next_completion(session, &c))
			if (c.result) {
				fprintf(stderr, "%s (%s)\n", extent_completion_text(session, &c),
					extent_code_name(c.code));
				exit(3);
			}
		refused("read");
	}
	for (struct extent_completion c; extent_next_completion(session, &c);)
		;
	for (int i = 0; i < depth; i++) {
		if (reads[i].kind != r->kind || reads[i].len != r->len ||
		    reads[i].payload_len != r->payload_len ||
		    (r->payload_len && memcmp(reads[i].payload, r->payload, r->payload_len)))
			errx(1, "offset %llu: two answers", (unsigned long long)r->offset);
	}
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = { "?", "encoded", "plain", "hole", "end" };
	static const struct option options[] = {
		{ "path", 0, NULL, 'p' }, { "depth", 1, NULL, 'd' }, { "room", 1, NULL, 'r' },
		{ "at", 1, NULL, 'a' },	  { "fd", 1, NULL, 'f' },    { NULL, 0, NULL, 0 },
	};
	static struct extent_read reads[DEPTH_MAX];
	unsigned long long at = 0;
	bool by_path = false, once = false;
	int depth = 1, handle, o, passed = -1;
	unsigned int room = 0;
	struct stat st;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'p')
			by_path = true;
		else if (o == 'd')
			depth = atoi(optarg);
		else if (o == 'r')
			room = (unsigned int)atoi(optarg);
		else if (o == 'f')
			passed = atoi(optarg);
		else if (o == 'a')
			at = strtoull(optarg, NULL, 0), once = true;
		else
			return 2;
	}
	if (optind != argc - 1 || depth < 1 || depth > DEPTH_MAX)
		errx(2, "usage");

	fd = passed >= 0 ? passed : open(argv[optind], O_RDONLY);
	if (fd < 0)
		err(2, "%s", argv[optind]);
	if (extent_connect(NULL, &session))
		refused("connect");
	if (payload_scratch_new(&scratch))
		err(2, NULL);
	if (by_path ? extent_open_path_wait(session, argv[optind], EXTENT_READ, 0, &handle)
		    : extent_open_fd_wait(session, fd, argv[optind], EXTENT_READ, &handle))
		refused("open");

	for (;;) {
		struct extent_read *r = &reads[0];

		*r = (struct extent_read){ .file = handle, .offset = at, .payload_max = room };
		read_one(reads, depth);
		printf("%s %llu %llu %llu %u %u\n", kinds[r->kind], at, (unsigned long long)r->len,
		       (unsigned long long)r->unencoded_len, r->compression, r->payload_len);
		if (r->kind == EXTENT_READ_END)
			break;
		if (r->kind == EXTENT_READ_HOLE)
			hole_compare(r);
		else
			content_compare(r);
		at += r->len;
		for (int i = 0; i < depth; i++)
			extent_buffer_put(session, reads[i].payload);
		if (once)
			return 0;
	}
	if (!once && (fstat(fd, &st) < 0 || (uint64_t)st.st_size != at))
		errx(1, "%llu bytes were read", at);
	if (extent_close_wait(session, handle))
		refused("close");
	extent_disconnect(session);
	payload_scratch_free(scratch);
	return 0;
}
