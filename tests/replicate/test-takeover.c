// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who waits for a stream that nobody sends any more is ended by its successor, and nobody else is:
 * real processes that hold the lock and heed SIGTERM, or do not.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cmocka.h>

#include "receive/takeover.h"

#define ATTRIBUTE "user.extentd.receiver"

static char top[64];
static int dir = -1;

static int top_make(void **state)
{
	const char *where = getenv("TMPDIR");

	snprintf(top, sizeof(top), "%s/extentd-takeover-XXXXXX",
		 where && strlen(where) < 30 ? where : "/var/tmp");
	if (!mkdtemp(top))
		return -1;
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0;
}

static int top_remove(void **state)
{
	close(dir);
	return rmdir(top);
}

/* A process that has the lock, has announced itself, and waits. */
static pid_t receiver(bool announce)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		int fd = open(top, O_RDONLY | O_DIRECTORY);

		if (flock(fd, LOCK_EX | LOCK_NB))
			_exit(1);
		if (announce)
			takeover_announce(fd);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void free_again(void)
{
	assert_int_equal(flock(dir, LOCK_UN), 0);
	fremovexattr(dir, ATTRIBUTE);
}

static void test_ended(void **state)
{
	pid_t pid;
	int status;

	if (fsetxattr(dir, ATTRIBUTE, "x", 1, 0)) {
		print_message("no user attributes on %s: skipped\n", top);
		skip();
	}
	pid = receiver(true);
	assert_int_equal(flock(dir, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(takeover(dir), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	free_again();
}

/* One that holds the lock and did not say who it is cannot be ended, and is left alone. */
static void test_nameless(void **state)
{
	pid_t pid = receiver(false);

	assert_int_equal(takeover(dir), -EBUSY);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	free_again();
}

/* An id that has changed hands names nobody: the innocent one goes on. */
static void test_other_process(void **state)
{
	pid_t holder = receiver(false), innocent = fork();
	char text[64];

	if (!innocent)
		for (;;)
			pause();
	snprintf(text, sizeof(text), "%d %llu", innocent, 1ull);
	if (fsetxattr(dir, ATTRIBUTE, text, strlen(text), 0)) {
		kill(holder, SIGKILL);
		kill(innocent, SIGKILL);
		skip();
	}
	assert_int_equal(takeover(dir), -EBUSY);
	assert_int_equal(waitpid(innocent, NULL, WNOHANG), 0);
	assert_int_equal(waitpid(holder, NULL, WNOHANG), 0);
	kill(innocent, SIGKILL);
	waitpid(innocent, NULL, 0);

	/* It has gone, and so has who held the lock: free to take. */
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	assert_int_equal(takeover(dir), 0);
	free_again();
}

/* Words that make no sense, or name what must never be ended. */
static void test_nonsense(void **state)
{
	static const char *const words[] = {
		"", "x", "1 1", "0 1", "-1 1", "99999999999999999999 1"
	};
	pid_t holder = receiver(false);
	char self[64];

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!fsetxattr(dir, ATTRIBUTE, words[i], strlen(words[i]), 0))
			assert_int_equal(takeover(dir), -EBUSY);
	snprintf(self, sizeof(self), "%d 1", getpid());
	if (!fsetxattr(dir, ATTRIBUTE, self, strlen(self), 0))
		assert_int_equal(takeover(dir), -EBUSY);
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	free_again();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_nameless),
		cmocka_unit_test(test_other_process),
		cmocka_unit_test(test_nonsense),
	};

	alarm(50);
	return cmocka_run_group_tests(tests, top_make, top_remove);
}
