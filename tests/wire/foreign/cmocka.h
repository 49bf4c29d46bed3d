/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_TESTS_FOREIGN_CMOCKA_H
#define EXTENTD_TESTS_FOREIGN_CMOCKA_H

/*
 * The part of cmocka that the wire and client tests use, for targets that there is no cmocka for
 * (see foreign.sh). The first failure ends the program.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*run)(void **state);
};

#define cmocka_unit_test(f)                                                                        \
	{                                                                                          \
#f, f                                                                              \
	}
#define cmocka_run_group_tests(tests, setup, teardown)                                             \
	run_tests(tests, sizeof(tests) / sizeof((tests)[0]), setup)

#define fail_msg(...)                                                                              \
	(fprintf(stderr, "%s:%d: ", __FILE__, __LINE__), fprintf(stderr, __VA_ARGS__),             \
	 fputc('\n', stderr), exit(1))
#define check(c)	   (void)((c) ? 0 : (fail_msg("%s", #c), 0))
#define assert_true(c)	   check(c)
#define assert_false(c)	   check(!(c))
#define assert_null(p)	   check(!(p))
#define assert_non_null(p) check(p)
#define assert_int_equal(a, b)                                                                     \
	((uint64_t)(a) == (uint64_t)(b)                                                            \
		 ? (void)0                                                                         \
		 : (void)fail_msg("%s is %lld, not %s", #a, (long long)(a), #b))
#define assert_int_not_equal(a, b)    check((uint64_t)(a) != (uint64_t)(b))
#define assert_ptr_equal(a, b)	      check((a) == (b))
#define assert_ptr_not_equal(a, b)    check((a) != (b))
#define assert_string_equal(a, b)     check(!strcmp(a, b))
#define assert_string_not_equal(a, b) check(strcmp(a, b))
#define assert_memory_equal(a, b, n)  check(!memcmp(a, b, n))

static inline int run_tests(const struct CMUnitTest *tests, size_t n, int (*setup)(void **))
{
	void *state = NULL;

	if (setup && setup(&state))
		return 1;
	for (size_t i = 0; i < n; i++) {
		printf("%s\n", tests[i].name);
		fflush(stdout);
		tests[i].run(&state);
	}
	return 0;
}

#endif
