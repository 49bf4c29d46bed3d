// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The word is an attribute of the directory, so that it goes with it. A process is named by its id
 * and when it started: ids come again, that pair does not, and a pidfd keeps it from changing hands
 * between the look and the signal.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/takeover.h"

#define ATTRIBUTE "user.extentd.receiver"
/* A checkpoint of what is in flight fits into the first; after the second, something hangs. */
#define STOP_SECONDS 60
#define KILL_SECONDS 10

struct receiver {
	int pid;
	unsigned long long start; /* in clock ticks since boot */
};

/* Field 22 of /proc/PID/stat; the name in field 2 may hold anything, so from its end on. */
static int started(int pid, unsigned long long *start)
{
	char path[32], text[1024] = "", *end;
	_cleanup_(fclosep) FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f || !fread(text, 1, sizeof(text) - 1, f))
		return -ESRCH;
	end = strrchr(text, ')');
	return end && sscanf(end + 1,
			     " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			     "%*d %*d %llu",
			     start) == 1
		       ? 0
		       : -ESRCH;
}

void takeover_announce(int dir)
{
	struct receiver me = { .pid = getpid() };
	char text[48];

	if (!started(me.pid, &me.start)) {
		snprintf(text, sizeof(text), "%d %llu", me.pid, me.start);
		fsetxattr(dir, ATTRIBUTE, text, strlen(text), 0);
	}
}

static bool locked_within(int dir, int seconds)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };

	for (int i = 0; i <= 10 * seconds; i++) {
		if (!flock(dir, LOCK_EX | LOCK_NB))
			return true;
		nanosleep(&tenth, NULL);
	}
	return false;
}

int takeover(int dir)
{
	_cleanup_(closep) int process = -1;
	unsigned long long start;
	struct receiver it;
	char text[48] = "";

	if (fgetxattr(dir, ATTRIBUTE, text, sizeof(text) - 1) < 0 ||
	    sscanf(text, "%d %llu", &it.pid, &it.start) != 2 || it.pid <= 1 || it.pid == getpid())
		return -EBUSY;
	process = (int)syscall(SYS_pidfd_open, it.pid, 0);
	if (process < 0 || started(it.pid, &start) || start != it.start)
		return locked_within(dir, 0) ? 0 : -EBUSY;
	if (syscall(SYS_pidfd_send_signal, process, SIGTERM, NULL, 0))
		return -EBUSY;
	if (locked_within(dir, STOP_SECONDS))
		return 0;
	syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0);
	return locked_within(dir, KILL_SECONDS) ? 0 : -EBUSY;
}
