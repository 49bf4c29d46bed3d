// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stream parser, the path guard, the dump, the planner and a dry run's eye for links over
 * arbitrary bytes.
 *
 * The first byte of the input says how (see below), the rest is the stream. A mutated command never
 * has a right checksum, so with FIX_SUMS the sums are put right first: mutations then reach what
 * lies behind the check. Besides what the sanitizers see, it is a defect when decoding depends on
 * how the bytes arrive, when a command's bytes lie outside its block, or when reading never ends.
 */
#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "receive/crossing.h"
#include "receive/guard.h"
#include "receive/planner.h"
#include "stream/crc32c.h"
#include "stream/dump.h"
#include "stream/path.h"

#define FIX_SUMS   1
#define TINY_READS 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t *data;
	size_t size, at, chunk;
};

static ssize_t input_read(void *userdata, void *buffer, size_t size)
{
	struct input *in = userdata;
	size_t n = in->size - in->at;

	n = n < size ? n : size;
	n = n < in->chunk ? n : in->chunk;
	memcpy(buffer, in->data + in->at, n);
	in->at += n;
	return n;
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void fix_sums(uint8_t *p, size_t size)
{
	while (size >= STREAM_HEADER_SIZE && !memcmp(p, STREAM_MAGIC, STREAM_MAGIC_SIZE)) {
		p += STREAM_HEADER_SIZE;
		size -= STREAM_HEADER_SIZE;
		for (bool end = false; size >= STREAM_COMMAND_HEADER && !end;) {
			uint32_t length, sum;
			size_t whole;

			memcpy(&length, p, 4);
			whole = (size_t)le32toh(length) + STREAM_COMMAND_HEADER;
			if (whole > size)
				return;
			end = p[4] == STREAM_C_END && !p[5];
			memset(p + 6, 0, 4);
			sum = htole32(crc32c(0, p, whole));
			memcpy(p + 6, &sum, 4);
			p += whole;
			size -= whole;
		}
	}
}

static void check_bytes(const struct stream_command *c, enum stream_attribute a, const void *bytes,
			size_t size)
{
	const uint8_t *p = bytes;

	if (!command_has(c, a))
		return;
	must(p >= c->block->data && size <= c->block->size &&
		     p + size <= c->block->data + c->block->size,
	     "bytes outside the block");
	must(size < c->length, "attribute larger than its command");
	crc32c(0, p, size); /* touch all of it */
}

static void check_path(const struct stream_command *c, enum stream_attribute a,
		       struct stream_string s)
{
	const char *p = s.data, *slash;

	check_bytes(c, a, s.data, s.size);
	if (!command_has(c, a) || path_check_entry(s.data, s.size) != PATH_OK)
		return;
	must(s.size <= STREAM_PATH_MAX && s.data[0] != '/', "path guard: absolute or too long");
	for (const char *end = p + s.size; p < end; p = slash + 1) {
		slash = memchr(p, '/', end - p) ?: end;
		must(slash > p && slash - p <= (ptrdiff_t)STREAM_NAME_MAX, "path guard: component");
		must(!(slash - p == 2 && !memcmp(p, "..", 2)), "path guard: ..");
	}
}

/* What was decoded, as one number. */
static uint32_t parse(struct input *in, struct block_source *pool)
{
	struct stream_command c = { 0 };
	struct stream *s;
	uint32_t digest = 0;
	size_t commands = 0;
	char text[256];
	int r;

	in->at = 0;
	if (stream_new(input_read, in, pool, &s))
		abort();
	for (;;) {
		r = stream_next(s, &c);
		must(commands++ <= in->size / STREAM_COMMAND_HEADER + 2,
		     "more commands than bytes");
		if (r == STREAM_DONE)
			break;
		if (r < 0) {
			const struct stream_fault *f = stream_fault(s);

			stream_fault_format(f, text, sizeof(text));
			digest = crc32c(digest, text, strlen(text));
			if (!stream_fault_recoverable(f))
				break;
			continue;
		}
		must(c.position + c.length == stream_position(s), "position");
		digest = crc32c(digest, &c.op, sizeof(c.op));
		digest = crc32c(digest, &c.present, sizeof(c.present));
		check_path(&c, STREAM_A_PATH, c.path);
		check_path(&c, STREAM_A_PATH_TO, c.path_to);
		check_path(&c, STREAM_A_PATH_LINK, c.path_link);
		check_path(&c, STREAM_A_CLONE_PATH, c.clone_path);
		check_bytes(&c, STREAM_A_XATTR_NAME, c.xattr_name.data, c.xattr_name.size);
		check_bytes(&c, STREAM_A_XATTR_DATA, c.xattr_data.data, c.xattr_data.size);
		check_bytes(&c, STREAM_A_DATA, c.data.data, c.data.size);
		check_bytes(&c, STREAM_A_VERITY_SALT, c.verity_salt.data, c.verity_salt.size);
		check_bytes(&c, STREAM_A_VERITY_SIG, c.verity_sig.data, c.verity_sig.size);
	}
	stream_free(s);
	return digest;
}

/* What the planner emits, against what it was given. */
struct tally {
	uint64_t pushed, emitted; /* commands that write, which may never be left out */
	struct crossing *links;
};

static bool op_counts(enum stream_op op)
{
	return op == STREAM_C_WRITE || op == STREAM_C_ENCODED_WRITE || op == STREAM_C_CLONE ||
	       op == STREAM_C_UNLINK || op == STREAM_C_LINK || op == STREAM_C_TRUNCATE ||
	       op == STREAM_C_SET_XATTR;
}

static int count_action(void *userdata, const struct action *a)
{
	struct tally *t = userdata;

	crc32c(0, a->path.data, a->path.size);
	if (a->type == ACTION_COMMAND)
		t->emitted += op_counts(a->command->op);
	if (!crossing_refuse(t->links, a, true))
		must(crossing_follow(t->links, a) == 0, "a dry run cannot follow");
	return 0;
}

static void plan(struct input *in, struct block_source *pool)
{
	struct stream_command c = { 0 };
	struct stream_string which;
	struct tally tally = { 0 };
	struct planner *p;
	struct stream *s;
	int r;

	in->at = 0;
	if (crossing_new(&tally.links) || planner_new(false, count_action, &tally, &p) ||
	    stream_new(input_read, in, pool, &s))
		abort();
	while ((r = stream_next(s, &c)) != STREAM_DONE) {
		if (r && !stream_fault_recoverable(stream_fault(s)))
			break;
		if (r || command_guard(&c, &which) != PATH_OK)
			continue;
		tally.pushed += op_counts(c.op);
		must(planner_push(p, &c) == 0, "the planner fails");
	}
	must(planner_flush(p) == 0, "the planner cannot be flushed");
	must(tally.pushed == tally.emitted, "the planner left out what it may not");
	planner_free(p);
	crossing_free(tally.links);
	stream_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct block_source *pool;
	static FILE *null;
	struct stream *s;
	struct input in;
	uint32_t whole;

	if (!pool && block_pool_new(BLOCK_SIZE_MIN, 4, &pool))
		abort();
	if (!null && !(null = fopen("/dev/null", "w")))
		abort();
	if (size < 1 || size > STREAM_COMMAND_MAX + 4096)
		return 0;
	in = (struct input){ .data = malloc(size), .size = size - 1, .chunk = SIZE_MAX };
	if (!in.data)
		abort();
	memcpy(in.data, data + 1, size - 1);
	if (data[0] & FIX_SUMS)
		fix_sums(in.data, in.size);
	whole = parse(&in, pool);
	if (data[0] & TINY_READS) {
		in.chunk = 1 + data[0] / 4;
		must(parse(&in, pool) == whole, "decoding depends on the size of reads");
	}
	in.at = 0;
	if (stream_new(input_read, &in, pool, &s))
		abort();
	stream_dump(s, null, data[0] & 4);
	stream_free(s);
	plan(&in, pool);
	must(block_pool_used(pool) == 0, "a block leaked");
	free(in.data);
	return 0;
}
