// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/exit.h"
#include "ctl/session.h"
#include "ctl/there.h"

int there_exit(const struct rsh *rsh, int status)
{
	if (status <= CTL_STOPPED)
		return status;
	if (status == RSH_NO_CONNECTION)
		fprintf(stderr, "extentctl: %s: no connection, or it was cut: ssh says why above\n",
			rsh->host);
	else if (status == RSH_NO_PROGRAM)
		fprintf(stderr, "extentctl: %s: there is no %s: see --remote-program\n", rsh->host,
			rsh->program ?: "extentctl");
	else
		fprintf(stderr, "extentctl: %s: ended with status %d\n", rsh->host, status);
	return CTL_DAEMON;
}

int receive_there(const struct rsh *rsh, int input, int argc, char *const argv[])
{
	static const char *const here[] = { SESSION_RSH_NAMES, "file", "f", NULL };
	_cleanup_(freep) const char **arguments = rsh_arguments(argc, argv, here);
	const int fds[3] = { input, STDOUT_FILENO, STDERR_FILENO };
	pid_t pid;
	int r;

	if (!arguments)
		return CTL_FATAL;
	arguments[0] = "receive"; /* whatever we were called */
	r = rsh_start(rsh, arguments, fds, &pid);
	if (r < 0) {
		fprintf(stderr, "extentctl: --host %s: %s\n", rsh->host, strerror(-r));
		return r == -EINVAL ? CTL_USAGE : CTL_FATAL;
	}
	return there_exit(rsh, rsh_wait(pid));
}
