/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is left after privilege_drop(), with root's rights to begin with and without. */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "privilege/privilege.h"

#define SKIPPED 77

/* The rights are gone for good afterwards, so each test runs in a process of its own. */
static void in_child(int (*run)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(run());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	if (WEXITSTATUS(status))
		fail_msg("line %d", WEXITSTATUS(status) + 0);
}

/* The exit status names the check that failed: they are few. */
#define CHECK(number, condition)                                                                   \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "check %d: %s\n", number, #condition);                     \
			return number;                                                             \
		}                                                                                  \
	} while (0)

static bool has(cap_value_t value, cap_flag_t set)
{
	cap_t c = cap_get_proc();
	cap_flag_value_t v = CAP_CLEAR;

	cap_get_flag(c, value, set, &v);
	cap_free(c);
	return v == CAP_SET;
}

static int as_root(void)
{
	char path[] = "/tmp/extentd-privilege-XXXXXX";
	int fd;

	if (geteuid() || !has(CAP_SYS_ADMIN, CAP_PERMITTED) || !has(CAP_SETPCAP, CAP_PERMITTED))
		return SKIPPED;
	fd = mkstemp(path);
	CHECK(1, fd >= 0 && !fchown(fd, 4242, 4242) && !fchmod(fd, 0600));
	CHECK(2, privilege_drop() == 0);
	for (cap_value_t c = 0; cap_get_bound(c) >= 0; c++) {
		bool kept = c == CAP_SYS_ADMIN || c == CAP_SETUID || c == CAP_SETGID;

		CHECK(3, has(c, CAP_EFFECTIVE) == kept && has(c, CAP_PERMITTED) == kept);
		CHECK(4, !has(c, CAP_INHERITABLE) && cap_get_ambient(c) == 0);
		CHECK(5, (cap_get_bound(c) == 1) == kept);
	}
	CHECK(6, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(7, open(path, O_RDWR) < 0 && errno == EACCES); /* uid 0, but no CAP_DAC_OVERRIDE */
	CHECK(8, fchown(fd, 1, 1) < 0 && errno == EPERM);
	CHECK(9, privilege_encoded_io());
	CHECK(10, privilege_drop() == 0);
	unlink(path);
	return 0;
}

/* Running a program as uid 0 must not bring anything back. */
static int not_by_exec(void)
{
	if (geteuid() || !has(CAP_SETPCAP, CAP_PERMITTED))
		return SKIPPED;
	CHECK(1, privilege_drop() == 0);
	execl("/bin/sh", "sh", "-c",
	      "test $(( 0x$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status) & "
	      "~(1<<21|1<<6|1<<7) )) -eq 0",
	      NULL);
	return 2;
}

static int as_nobody(void)
{
	if (!geteuid() && (setgid(4242) || setuid(4242)))
		return SKIPPED;
	CHECK(1, privilege_drop() == 0);
	CHECK(2, !has(CAP_SYS_ADMIN, CAP_PERMITTED));
	CHECK(3, !privilege_encoded_io());
	return 0;
}

/* CAP_SYS_ADMIN of another user namespace is not what the kernel asks for. */
static int in_user_namespace(void)
{
	if (unshare(CLONE_NEWUSER))
		return SKIPPED;
	CHECK(1, has(CAP_SYS_ADMIN, CAP_EFFECTIVE));
	CHECK(2, !privilege_encoded_io());
	return 0;
}

static void test_root(void **state)
{
	in_child(as_root);
}

static void test_exec(void **state)
{
	in_child(not_by_exec);
}

static void test_nobody(void **state)
{
	in_child(as_nobody);
}

static void test_namespace(void **state)
{
	in_child(in_user_namespace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
