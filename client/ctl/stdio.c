// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The far end of an ssh session that carries the protocol. The daemon sees the login user in the
 * process that connects, so files are opened with that user's rights, and only beneath the roots
 * of its configuration: descriptors, which would lead elsewhere, do not cross.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/commands.h"
#include "ctl/exit.h"
#include "ctl/session.h"
#include "remote/relay.h"

#define AT(field) offsetof(struct session_options, field)

static const struct command_option options[] = {
	{ "socket", 's', "PATH", OPTION_STRING, AT(socket), "of the daemon to use" },
	{ "private", 'p', NULL, OPTION_FLAG, AT(private_daemon),
	  "start a daemon for this session only" },
	{ NULL },
};

static int run(int argc, char *argv[])
{
	struct session_options o = { NULL };
	_cleanup_(closep) int fd = -1;
	int first, r, code;
	pid_t pid;

	r = option_parse(&stdio_command, argc, argv, &o, &first);
	if (r)
		return r < 0 ? CTL_USAGE : CTL_OK;
	if (argc != first) {
		fprintf(stderr, "extentctl stdio: no arguments are needed; try --help\n");
		return CTL_USAGE;
	}
	if (isatty(STDIN_FILENO)) {
		fprintf(stderr, "extentctl stdio: stdin is a terminal, and no client\n");
		return CTL_USAGE;
	}
	r = session_socket(&o, &fd, &pid);
	if (r < 0) {
		fprintf(stderr, "extentctl: connecting to extentd at '%s': %s\n",
			o.socket ?: getenv("EXTENTD_SOCKET") ?: EXTENT_DEFAULT_SOCKET, strerror(-r));
		return CTL_DAEMON;
	}
	r = relay_run(STDIN_FILENO, STDOUT_FILENO, fd);
	code = r < 0 ? CTL_PARTIAL : CTL_OK;
	if (r < 0)
		fprintf(stderr, "extentctl: the session ended: %s\n", strerror(-r));
	close(steal_fd(&fd));
	if (pid > 0)
		rsh_wait(pid);
	return code;
}

const struct command stdio_command = {
	.name = "stdio",
	.arguments = "",
	.text = "Carries a session with extentd over stdin and stdout, for ssh.",
	.options = options,
	.run = run,
};
