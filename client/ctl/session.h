/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CTL_SESSION_H
#define EXTENTD_CTL_SESSION_H

/*
 * The daemon a command works with: the system's, or one of its own on a socket pair, which
 * needs no set-up and ends with the command.
 */

#include <stdbool.h>
#include <sys/types.h>
#include "lib/extent.h"
#include "remote/rsh.h"

struct session_options {
	const char *socket;	/* NULL: $EXTENTD_SOCKET, else the default, else a private daemon */
	bool private_daemon;	/* in any case */
	const char *validation; /* of a private daemon; NULL: "structure", the data being ours */
	bool quiet;		/* do not say which daemon it is */
	struct rsh rsh;		/* where it is */
};

/* The options of those who can work with a daemon elsewhere; at is the offset of rsh. */
#define SESSION_RSH_PROGRAMS(at)                                                                   \
	{ "rsh",                                                                                   \
	  0,                                                                                       \
	  "COMMAND",                                                                               \
	  OPTION_STRING,                                                                           \
	  (at) + offsetof(struct rsh, command),                                                    \
	  "what to run instead of ssh, with its options" },                                        \
	{                                                                                          \
		"remote-program", 0, "COMMAND", OPTION_STRING,                                     \
			(at) + offsetof(struct rsh, program), "what extentctl is called there"     \
	}
#define SESSION_RSH_OPTIONS(at)                                                                    \
	{ "host",                                                                                  \
	  0,                                                                                       \
	  "[USER@]MACHINE",                                                                        \
	  OPTION_STRING,                                                                           \
	  (at) + offsetof(struct rsh, host),                                                       \
	  "work on that machine, through ssh" },                                                   \
		SESSION_RSH_PROGRAMS(at)
/* The same, for rsh_arguments(). */
#define SESSION_RSH_NAMES "host", "rsh", "remote-program"

struct session {
	struct extent_session *extent;
	pid_t pid; /* of a private daemon, or of ssh, or 0 */
};

/* 0, or a negative errno after the reason was printed. */
int session_open(const struct session_options *options, struct session *out);
/* The same, but only connected: *pid is 0 or a private daemon's. options.rsh is not looked at. */
int session_socket(const struct session_options *options, int *fd, pid_t *pid);
/* Waits for a private daemon to end. */
void session_close(struct session *session);

/* Does this process have CAP_SYS_ADMIN, which encoded I/O needs? */
bool session_privileged(void);

#endif
