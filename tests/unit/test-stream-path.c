// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "stream/path.h"

#define CHECK(text) path_check(text, sizeof(text) - 1)

static void test_accepted(void **state)
{
	assert_int_equal(CHECK(""), PATH_OK);
	assert_int_equal(CHECK("a"), PATH_OK);
	assert_int_equal(CHECK("a/b/c"), PATH_OK);
	assert_int_equal(CHECK("..a/b../.c/..."), PATH_OK);
	assert_int_equal(CHECK("a b\n\xff"), PATH_OK);
}

static void test_refused(void **state)
{
	assert_int_equal(CHECK("/"), PATH_ABSOLUTE);
	assert_int_equal(CHECK("/etc/passwd"), PATH_ABSOLUTE);
	assert_int_equal(CHECK(".."), PATH_DOTDOT);
	assert_int_equal(CHECK("../a"), PATH_DOTDOT);
	assert_int_equal(CHECK("a/.."), PATH_DOTDOT);
	assert_int_equal(CHECK("a/../b"), PATH_DOTDOT);
	assert_int_equal(CHECK("."), PATH_DOT);
	assert_int_equal(CHECK("a/./b"), PATH_DOT);
	assert_int_equal(CHECK("a//b"), PATH_COMPONENT);
	assert_int_equal(CHECK("a/"), PATH_COMPONENT);
	assert_int_equal(CHECK("a\0b"), PATH_NUL);
	assert_int_equal(CHECK("\0"), PATH_NUL);
}

static void test_limits(void **state)
{
	char path[STREAM_PATH_MAX + 2];

	memset(path, 'n', sizeof(path));
	assert_int_equal(path_check(path, STREAM_NAME_MAX), PATH_OK);
	assert_int_equal(path_check(path, STREAM_NAME_MAX + 1), PATH_NAME);
	for (size_t i = 1; i < sizeof(path); i += 2)
		path[i] = '/';
	assert_int_equal(path_check(path, STREAM_PATH_MAX), PATH_OK);
	assert_int_equal(path_check(path, STREAM_PATH_MAX + 2), PATH_LENGTH);
	/* The last component counts like the others. */
	memset(path, 'n', sizeof(path));
	path[2] = '/';
	assert_int_equal(path_check(path, 3 + STREAM_NAME_MAX), PATH_OK);
	assert_int_equal(path_check(path, 3 + STREAM_NAME_MAX + 1), PATH_NAME);
}

static void test_entries_names_targets(void **state)
{
	char target[STREAM_PATH_MAX + 1];

	assert_int_equal(path_check_entry("", 0), PATH_EMPTY);
	assert_int_equal(path_check_entry("a/b", 3), PATH_OK);
	assert_int_equal(path_check_name("", 0), PATH_EMPTY);
	assert_int_equal(path_check_name("snap.1", 6), PATH_OK);
	assert_int_equal(path_check_name("a/b", 3), PATH_SLASH);
	assert_int_equal(path_check_name("..", 2), PATH_DOTDOT);
	assert_int_equal(path_check_name("/a", 2), PATH_ABSOLUTE);
	assert_int_equal(path_check_target("", 0), PATH_EMPTY);
	assert_int_equal(path_check_target("/../x//y/.", 10), PATH_OK);
	assert_int_equal(path_check_target("a\0", 2), PATH_NUL);
	memset(target, 't', sizeof(target));
	assert_int_equal(path_check_target(target, STREAM_PATH_MAX), PATH_OK);
	assert_int_equal(path_check_target(target, STREAM_PATH_MAX + 1), PATH_LENGTH);
}

static void test_every_verdict_has_a_text(void **state)
{
	for (int v = 0; v < PATH_VERDICT_COUNT; v++)
		assert_string_not_equal(path_verdict_text(v), "unknown");
	assert_string_equal(path_verdict_text(PATH_VERDICT_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_entries_names_targets),
		cmocka_unit_test(test_every_verdict_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
