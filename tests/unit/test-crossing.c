// SPDX-License-Identifier: GPL-2.0-or-later
/* What a dry run knows of the symbolic links that the stream has made, and how many. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "receive/crossing.h"

static struct stream_string string(const char *s)
{
	return (struct stream_string){ .data = s, .size = (uint32_t)strlen(s) };
}

static int put(struct crossing *l, enum stream_op op, const char *path, const char *to)
{
	struct stream_command c = { .op = op, .path = string(path), .path_to = string(to) };
	struct action a = { .type = ACTION_COMMAND, .command = &c, .path = c.path };
	int r = crossing_refuse(l, &a, true);

	if (!r)
		assert_int_equal(crossing_follow(l, &a), 0);
	return r;
}

static void a_link_is_not_gone_through(void **state)
{
	struct crossing *l;

	assert_int_equal(crossing_new(&l), 0);
	assert_int_equal(put(l, STREAM_C_MKFILE, "a/f", ""), 0);
	assert_int_equal(put(l, STREAM_C_SYMLINK, "link", ""), 0);
	assert_int_equal(put(l, STREAM_C_MKFILE, "link/f", ""), -ENOTDIR);
	assert_int_equal(put(l, STREAM_C_WRITE, "link", ""), -ELOOP);
	assert_int_equal(put(l, STREAM_C_RENAME, "link", "b"), 0);
	assert_int_equal(put(l, STREAM_C_RENAME, "a/f", "b/f"), -ENOTDIR);
	assert_int_equal(put(l, STREAM_C_MKFILE, "link/f", ""), 0);
	assert_int_equal(put(l, STREAM_C_UNLINK, "b", ""), 0);
	assert_int_equal(put(l, STREAM_C_MKFILE, "b/f", ""), 0);
	crossing_free(l);
}

static void so_many_are_known(void **state)
{
	struct crossing *l;
	char name[32];

	assert_int_equal(crossing_new(&l), 0);
	for (int i = 0; i <= CROSSING_LINKS; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		assert_int_equal(put(l, STREAM_C_SYMLINK, name, ""), 0);
	}
	snprintf(name, sizeof(name), "l%d/f", CROSSING_LINKS - 1);
	assert_int_equal(put(l, STREAM_C_MKFILE, name, ""), -ENOTDIR);
	snprintf(name, sizeof(name), "l%d/f", CROSSING_LINKS);
	assert_int_equal(put(l, STREAM_C_MKFILE, name, ""), 0);

	/* One less, and there is room again. */
	assert_int_equal(put(l, STREAM_C_UNLINK, "l0", ""), 0);
	assert_int_equal(put(l, STREAM_C_SYMLINK, "late", ""), 0);
	assert_int_equal(put(l, STREAM_C_MKFILE, "late/f", ""), -ENOTDIR);
	crossing_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_is_not_gone_through),
		cmocka_unit_test(so_many_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
