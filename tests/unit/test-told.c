// SPDX-License-Identifier: GPL-2.0-or-later
/* What the administrator is told, on standard error: names that would be more than names, and peers
 * that would have everything else drowned. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>
#include <unistd.h>
#include <cmocka.h>

#include "journal/journal.h"

static char said[65536];

/* Runs what() with standard error in said. */
static void listen_to(void (*what)(void))
{
	int memory = memfd_create("said", MFD_CLOEXEC), saved = dup(STDERR_FILENO);
	ssize_t n;

	dup2(memory, STDERR_FILENO);
	what();
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(memory, said, sizeof(said) - 1, 0);
	close(memory);
	assert_true(n >= 0);
	said[n] = '\0';
}

static unsigned int lines(void)
{
	unsigned int n = 0;

	for (const char *p = said; (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

static void lose_a_strange_name(void)
{
	char path[] = "/dev/shm/told-XXXXXX", name[128];
	int fd, dir;

	assert_non_null(mkdtemp(path));
	snprintf(name, sizeof(name), "%s/a\nextentd: Stopped\x1b[2J\xc2\x9b\\b", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	journal_lost(1000, fd, 257, 4096, 131072, EIO);
	unlink(name);
	close(fd);
	dir = rmdir(path);
	assert_int_equal(dir, 0);
}

static void a_name_stays_in_its_line(void **state)
{
	journal_open(LOG_INFO);
	listen_to(lose_a_strange_name);
	assert_int_equal(lines(), 1);
	assert_non_null(
		strstr(said, "/a\\x0aextentd: Stopped\\x1b[2J\\xc2\\x9b\\x5cb: 131072 bytes"));
}

static void be_refused(void)
{
	for (int i = 0; i < 500; i++)
		journal_refused(&(struct journal_peer){ 1000, 4711 }, "for the test");
	journal(MESSAGE_READ_ONLY, NULL, "something that matters");
}

static void refusals_drown_nothing(void **state)
{
	journal_open(LOG_INFO);
	listen_to(be_refused);
	assert_int_equal(lines(), REFUSALS_SAID + 1);
	assert_non_null(strstr(said, "something that matters"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_stays_in_its_line),
		cmocka_unit_test(refusals_drown_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
