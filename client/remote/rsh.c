// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two shells see what is started here. The near one runs the user's own words (--rsh), as it does
 * for git and rsync, and gets everything else as its arguments, which it never reads as code. The
 * far one gets a single line from ssh: there each argument is quoted.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "remote/rsh.h"

extern char **environ;

int rsh_check(const struct rsh *rsh)
{
	if (!rsh->host)
		return 0;
	return !*rsh->host || *rsh->host == '-' ? -EINVAL : 0;
}

/* 'it'\''s' : what no shell looks into. */
static void quote(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	fputc('\'', out);
}

static char *far_line(const struct rsh *rsh, const char *const arguments[])
{
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	if (!out)
		return NULL;
	fputs(rsh->program ?: "extentctl", out);
	for (; *arguments; arguments++) {
		fputc(' ', out);
		quote(out, *arguments);
	}
	if (fclose(out)) {
		free(line);
		return NULL;
	}
	return line;
}

/* fds may lie anywhere, also on 0 to 2: spawning moves copies, out of the way of each other. */
static int spawn(const char *program, const char *const argv[], const int fds[3], pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int copies[3] = { -1, -1, -1 }, r = 0;

	for (int i = 0; i < 3 && !r; i++) {
		copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		if (copies[i] < 0)
			r = errno;
	}
	if (!r)
		r = posix_spawn_file_actions_init(&actions);
	if (!r) {
		for (int i = 0; i < 3 && !r; i++)
			r = posix_spawn_file_actions_adddup2(&actions, copies[i], i);
		if (!r)
			r = posix_spawn(pid, program, &actions, NULL, (char *const *)argv, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	for (int i = 0; i < 3; i++)
		closep(&copies[i]);
	return -r;
}

static int start_here(const char *const arguments[], const int fds[3], pid_t *pid)
{
	const char *argv[32] = { "extentctl" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t i = 0;

	if (n < 0)
		return -errno;
	self[n] = '\0';
	for (; arguments[i]; i++) {
		if (i + 2 >= ARRAY_SIZE(argv))
			return -E2BIG;
		argv[i + 1] = arguments[i];
	}
	return spawn(self, argv, fds, pid);
}

int rsh_start(const struct rsh *rsh, const char *const arguments[], const int fds[3], pid_t *pid)
{
	_cleanup_(freep) char *line = NULL, *near = NULL;
	int r = rsh_check(rsh);

	*pid = 0;
	if (r)
		return r;
	if (!rsh->host)
		return start_here(arguments, fds, pid);
	line = far_line(rsh, arguments);
	if (!line || asprintf(&near, "exec %s \"$@\"", rsh->command ?: RSH_DEFAULT) < 0)
		return -ENOMEM;
	return spawn("/bin/sh",
		     (const char *const[]){ "sh", "-c", near, "extentctl", rsh->host, line, NULL },
		     fds, pid);
}

int rsh_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return RSH_NO_CONNECTION;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int rsh_session(const struct rsh *rsh, const char *socket, bool private_daemon,
		struct extent_session **out, pid_t *pid)
{
	const char *arguments[5] = { "stdio" };
	int pair[2], n = 1, r;

	if (private_daemon)
		arguments[n++] = "--private";
	if (socket) {
		arguments[n++] = "--socket";
		arguments[n++] = socket;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	r = rsh_start(rsh, arguments, (const int[]){ pair[1], pair[1], STDERR_FILENO }, pid);
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	return extent_attach(pair[0], out);
}

/* 0: not that option. 1: it, with its argument inside. 2: with the next word as its argument. */
static int is_option(const char *word, const char *name)
{
	size_t n = strlen(name);

	if (n == 1)
		return word[0] == '-' && word[1] == *name ? (word[2] ? 1 : 2) : 0;
	if (strncmp(word, "--", 2) || strncmp(word + 2, name, n))
		return 0;
	return word[2 + n] == '=' ? 1 : word[2 + n] ? 0 : 2;
}

const char **rsh_arguments(int argc, char *const argv[], const char *const here[])
{
	const char **out = calloc((size_t)argc + 1, sizeof(*out));
	bool options = true;
	int n = 0;

	for (int i = 0; out && i < argc; i++) {
		int skip = 0;

		if (!strcmp(argv[i], "--"))
			options = false;
		for (size_t k = 0; options && !skip && here[k]; k++)
			skip = is_option(argv[i], here[k]);
		if (!skip)
			out[n++] = argv[i];
		i += skip > 1;
	}
	return out;
}
