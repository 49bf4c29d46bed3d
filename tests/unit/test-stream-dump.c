// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "../stream/craft.h"
#include "stream/dump.h"

static int dump(struct craft *w, bool stop_at_end, char **text)
{
	struct block_source *pool;
	struct stream *s;
	size_t size;
	FILE *out = open_memstream(text, &size);
	int r;

	assert_int_equal(block_pool_new(BLOCK_SIZE_MIN, 2, &pool), 0);
	assert_int_equal(stream_new(craft_read, w, pool, &s), 0);
	r = stream_dump(s, out, stop_at_end);
	stream_free(s);
	block_pool_free(pool);
	fclose(out);
	return r;
}

static void test_lines(void **state)
{
	struct craft w;
	char *text;

	craft_new(&w);
	craft_header(&w, 2);
	craft(&w, STREAM_C_SNAPSHOT, "pUC", "s 1", craft_uuid, 7ull, craft_parent_uuid, 6ull);
	craft(&w, STREAM_C_CHMOD, "pm", "", 01777ull);
	craft(&w, STREAM_C_MKFILE, "pi", "a\033[2J\n\177\xff", 1ull);
	craft(&w, STREAM_C_MKNOD, "pimr", "n", 1ull, 060640ull, 0x801ull);
	craft(&w, STREAM_C_SYMLINK, "pil", "l", 1ull, "../x y");
	craft(&w, STREAM_C_RENAME, "pt", "a-name-long-enough-for-one-blank-only", "b\\c");
	craft(&w, STREAM_C_SET_XATTR, "px", "f", "user.a", "\0\1 ", (size_t)3);
	craft(&w, STREAM_C_UTIMES, "pT", "f", (int64_t)86400);
	craft(&w, STREAM_C_UTIMES, "pT", "f", INT64_MAX);
	craft_begin(&w, STREAM_C_FALLOCATE);
	craft_string(&w, STREAM_A_PATH, "f");
	craft_u32(&w, STREAM_A_FALLOCATE_MODE, 3);
	craft_u64(&w, STREAM_A_FILE_OFFSET, 4096);
	craft_u64(&w, STREAM_A_SIZE, 8192);
	craft_end(&w);
	craft_begin(&w, STREAM_C_FILEATTR);
	craft_string(&w, STREAM_A_PATH, "f");
	craft_u64(&w, STREAM_A_FILEATTR, 18);
	craft_end(&w);
	craft(&w, STREAM_C_END, "");
	assert_int_equal(dump(&w, false, &text), 0);
	assert_string_equal(
		text,
		"snapshot        ./s\\ 1                          "
		"uuid=10325476-98ba-dcfe-0102-030405060708 transid=7 "
		"parent_uuid=fe010203-0405-0607-0809-0a0b0c0d0e0f parent_transid=6\n"
		"chmod           ./s\\ 1/                         mode=1777\n"
		"mkfile          ./s\\ 1/a\\e[2J\\n\\177\\377\n"
		"mknod           ./s\\ 1/n                        mode=60640 dev=0x801\n"
		"symlink         ./s\\ 1/l                        dest=../x\\ y\n"
		"rename          ./s\\ 1/a-name-long-enough-for-one-blank-only dest=./s\\ "
		"1/b\\\\c\n"
		"set_xattr       ./s\\ 1/f                        name=user.a \\000\\001\\  len=3\n"
		"utimes          ./s\\ 1/f                        atime=1970-01-02T00:00:00+0000 "
		"mtime=1970-01-02T00:00:00+0000 ctime=1970-01-02T00:00:00+0000\n"
		"utimes          ./s\\ 1/f                        atime=@9223372036854775807 "
		"mtime=@9223372036854775807 ctime=@9223372036854775807\n"
		"fallocate       ./s\\ 1/f                        mode=3 offset=4096 len=8192\n"
		"fileattr        ./s\\ 1/f                        fileattr=0x18\n");
	free(text);
	craft_free(&w);
}

static void test_concatenated(void **state)
{
	struct craft w;
	char *all, *first;

	craft_new(&w);
	for (int i = 0; i < 2; i++) {
		craft_header(&w, 1);
		craft(&w, STREAM_C_SUBVOL, "pU", i ? "two" : "one", craft_uuid, 1ull);
		craft(&w, STREAM_C_RMDIR, "p", "d");
		craft(&w, STREAM_C_END, "");
	}
	assert_int_equal(dump(&w, false, &all), 0);
	assert_non_null(strstr(all, "./one/d"));
	assert_non_null(strstr(all, "./two/d"));
	w.read = 0;
	assert_int_equal(dump(&w, true, &first), 0);
	assert_non_null(strstr(first, "./one/d"));
	assert_null(strstr(first, "two"));
	free(all);
	free(first);
	craft_free(&w);
}

static void test_fault(void **state)
{
	struct craft w;
	char *text;

	craft_new(&w);
	craft_header(&w, 1);
	craft(&w, STREAM_C_RMDIR, "p", "d");
	assert_int_equal(dump(&w, false, &text), -ENODATA);
	assert_string_equal(text, "rmdir           /d\n");
	free(text);
	craft_free(&w);
}

static void test_full_disk(void **state)
{
	struct block_source *pool;
	struct stream *s;
	struct craft w;
	FILE *out = fopen("/dev/full", "w");

	if (!out)
		skip();
	craft_new(&w);
	craft_header(&w, 1);
	craft(&w, STREAM_C_RMDIR, "p", "d");
	craft(&w, STREAM_C_END, "");
	assert_int_equal(block_pool_new(BLOCK_SIZE_MIN, 2, &pool), 0);
	assert_int_equal(stream_new(craft_read, &w, pool, &s), 0);
	assert_int_equal(stream_dump(s, out, false), -EIO);
	stream_free(s);
	block_pool_free(pool);
	fclose(out);
	craft_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_concatenated),
		cmocka_unit_test(test_fault),
		cmocka_unit_test(test_full_disk),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
