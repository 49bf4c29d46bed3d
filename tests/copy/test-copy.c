// SPDX-License-Identifier: GPL-2.0-or-later
/* The parts of the copy that touch no file: names, the escape of the log, pieces, results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "copy/acklog.h"
#include "copy/fetch.h"
#include "copy/names.h"
#include "copy/plan.h"
#include "lib/extent.h"

static void test_targets(void **state)
{
	static const struct {
		const char *source, *destination;
		bool is_directory;
		const char *parent, *name;
	} rows[] = {
		{ "a", "b", false, ".", "b" },	    { "a", "b/c", false, "b", "c" },
		{ "a", "/c", false, "/", "c" },	    { "a", "//c//", false, "/", "c" },
		{ "a", "b//c/", false, "b", "c" },  { "a", "d", true, "d", "a" },
		{ "x/a/", "d/", true, "d/", "a" },  { "/a", "d", true, "d", "a" },
		{ "x//a///", "d", true, "d", "a" }, { ".", "d", true, "d", NULL },
		{ "./", "d", true, "d", NULL },	    { "x/.", "d", true, "d", NULL },
		{ "..", "d", true, "d", NULL },	    { "x/..", "d", true, "d", NULL },
		{ "/", "d", true, "d", NULL },	    { "///", "d", true, "d", NULL },
		{ "...", "d", true, "d", "..." },   { ".a", "d", true, "d", ".a" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct target t;

		assert_int_equal(
			target_find(rows[i].source, rows[i].destination, rows[i].is_directory, &t),
			0);
		assert_string_equal(t.parent, rows[i].parent);
		if (rows[i].name)
			assert_string_equal(t.name, rows[i].name);
		else
			assert_null(t.name);
		target_free(&t);
	}
}

/* What a reader of the log does. */
static void unescape(const char *text, char *out)
{
	while (*text) {
		if (*text == '\\') {
			*out++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0');
			text += 4;
		} else {
			*out++ = *text++;
		}
	}
	*out = '\0';
}

static void test_escape(void **state)
{
	char path[256], escaped[4 * 255 + 1], back[256];
	size_t n = 0;

	assert_int_equal(acklog_escape("a b/c", escaped, sizeof(escaped)), 5);
	assert_string_equal(escaped, "a b/c");
	acklog_escape("line\nfeed\\and\x7f\xc3\xa4", escaped, sizeof(escaped));
	assert_string_equal(escaped, "line\\012feed\\134and\\177\xc3\xa4");

	for (int c = 255; c > 0; c--)
		path[n++] = (char)c;
	path[n] = '\0';
	acklog_escape(path, escaped, sizeof(escaped));
	assert_null(strchr(escaped, '\n'));
	for (const char *p = escaped; *p; p++)
		assert_true((unsigned char)*p >= ' ' && *p != 0x7f);
	unescape(escaped, back);
	assert_string_equal(back, path);

	/* The longest growth, in exactly the room that is asked for. */
	memset(path, '\n', 255);
	path[255] = '\0';
	assert_int_equal(acklog_escape(path, escaped, sizeof(escaped)), 4 * 255);
	unescape(escaped, back);
	assert_string_equal(back, path);
}

static void pieces_are(struct fiemap_extent e, uint64_t size, uint64_t at,
		       const struct piece *expected, size_t n)
{
	struct piece piece;

	for (size_t i = 0; i < n; i++) {
		assert_true(plan_piece(&e, size, 131072, &at, &piece));
		assert_int_equal(piece.offset, expected[i].offset);
		assert_int_equal(piece.end, expected[i].end);
	}
	assert_false(plan_piece(&e, size, 131072, &at, &piece));
}

static void test_pieces(void **state)
{
	struct fiemap_extent plain = { .fe_logical = 4096, .fe_length = 300000 };
	struct fiemap_extent encoded = plain, reserved = plain, later = plain, past = plain;

	pieces_are(plain, 1 << 20, 0,
		   (struct piece[]){ { 4096, 135168 }, { 135168, 266240 }, { 266240, 304096 } }, 3);
	/* A file that ends inside, before and at the start of the extent. */
	pieces_are(plain, 200000, 0, (struct piece[]){ { 4096, 135168 }, { 135168, 200000 } }, 2);
	pieces_are(plain, 4000, 0, NULL, 0);
	pieces_are(plain, 4096, 0, NULL, 0);
	/* What a piece before it has already covered. */
	pieces_are(plain, 1 << 20, 300000, (struct piece[]){ { 300000, 304096 } }, 1);

	encoded.fe_flags = FIEMAP_EXTENT_ENCODED;
	pieces_are(encoded, 1 << 20, 0, (struct piece[]){ { 4096, 304096 } }, 1);
	later.fe_flags = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC;
	pieces_are(later, 1 << 20, 0, (struct piece[]){ { 4096, 304096 } }, 1);
	reserved.fe_flags = FIEMAP_EXTENT_UNWRITTEN;
	pieces_are(reserved, 1 << 20, 0, NULL, 0);
	/* A map that overflows is a map that ends at the file's end. */
	past.fe_length = UINT64_MAX;
	past.fe_flags = FIEMAP_EXTENT_ENCODED;
	pieces_are(past, 1 << 20, 0, (struct piece[]){ { 4096, 1 << 20 } }, 1);
}

/* The kernel's answers, and answers that no sound filesystem gives. */
static void test_results(void **state)
{
	static const struct {
		int64_t result;
		uint64_t len, unencoded_len, unencoded_offset;
		uint32_t compression;
		int error;
		uint32_t payload_len;
	} rows[] = {
		{ 8192, 131072, 131072, 0, EXTENT_ZSTD, 0, 8192 },
		{ 8192, 4096, 131072, 126976, EXTENT_ZSTD, 0, 8192 }, /* a bookend */
		{ 100, 300, 300, 0, EXTENT_ZLIB, 0, 100 },	      /* inline */
		{ 8192, 5000, 8192, 0, EXTENT_NONE, 0, 5000 },	      /* a plain tail */
		{ 0, 0, 0, 0, EXTENT_NONE, 0, 0 },		      /* the end */
		{ -EIO, 0, 0, 0, EXTENT_NONE, -EIO, 0 },
		{ 131073, 131072, 131072, 0, EXTENT_ZSTD, -EBADMSG, 0 },
		{ 8192, 0, 131072, 0, EXTENT_ZSTD, -EBADMSG, 0 },
		{ 8192, 4097, 131072, 126976, EXTENT_ZSTD, -EBADMSG, 0 },
		{ 8192, 4096, 131072, 131073, EXTENT_ZSTD, -EBADMSG, 0 },
		{ 8192, UINT64_MAX, 131072, 1, EXTENT_ZSTD, -EBADMSG, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fetch_job job = { .size = 131072, .how = FETCH_ENCODED };

		fetch_prepare(&job);
		job.args.len = rows[i].len;
		job.args.unencoded_len = rows[i].unencoded_len;
		job.args.unencoded_offset = rows[i].unencoded_offset;
		job.args.compression = rows[i].compression;
		fetch_result(&job, rows[i].result);
		assert_int_equal(job.error, rows[i].error);
		if (rows[i].error || !rows[i].result) {
			assert_int_equal(job.len, 0);
			continue;
		}
		assert_int_equal(job.payload_len, rows[i].payload_len);
		if (rows[i].compression == EXTENT_NONE)
			assert_int_equal(job.unencoded_len, job.payload_len);
		else
			assert_int_equal(job.len, rows[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
