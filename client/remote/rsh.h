/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REMOTE_RSH_H
#define EXTENTD_REMOTE_RSH_H

/*
 * An extentctl on another machine, as a child process: ssh runs it, so keys, jump hosts and
 * ssh_config(5) mean what they always mean. Without a host it is this program, on this machine.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/extent.h"

/* What is run where nothing else is asked for. A link that is cut without a word is noticed after
 * a minute; --rsh says otherwise. */
#define RSH_DEFAULT "ssh -o ServerAliveInterval=20 -o ServerAliveCountMax=3"
/* The same where nobody sits who could be asked for a password, or would end what hangs. */
#define RSH_BATCH RSH_DEFAULT " -o BatchMode=yes -o ConnectTimeout=20"

/* ssh's own exit status when it has no connection, or has one no more. */
#define RSH_NO_CONNECTION 255
/* The far shell's, when there is no such program. */
#define RSH_NO_PROGRAM 127

struct rsh {
	const char *host;    /* "user@machine", an alias of ssh_config; NULL: this machine */
	const char *command; /* words for a shell, before the host; NULL: RSH_DEFAULT */
	const char *program; /* words for the far shell; NULL: "extentctl" */
};

/* 0, or -EINVAL for a host that ssh would take for an option, or for none. */
int rsh_check(const struct rsh *rsh);

/*
 * Starts "extentctl ARGUMENT..." there. fds become its standard input, output and error; they stay
 * the caller's. arguments end with NULL. 0 or negative errno. Safe in any thread.
 */
int rsh_start(const struct rsh *rsh, const char *const arguments[], const int fds[3], pid_t *pid);

/* Waits for the end: the exit status, or 128 + the signal. */
int rsh_wait(pid_t pid);

/* A session with the extentd there, through "extentctl stdio": 0, or a negative errno whose reason
 * stands in extent_error_text(NULL). *pid is to be waited for after extent_disconnect(). */
int rsh_session(const struct rsh *rsh, const char *socket, bool private_daemon,
		struct extent_session **out, pid_t *pid);

/*
 * The arguments of a command that is to run on the far side: those of argv without the options that
 * concern this side, named in here (each with an argument: "host", "file"; single letters too).
 * In a new array, whose strings are argv's; NULL without memory.
 */
const char **rsh_arguments(int argc, char *const argv[], const char *const here[]);

#endif
