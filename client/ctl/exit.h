/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CTL_EXIT_H
#define EXTENTD_CTL_EXIT_H

/* Exit codes: X(code, NAME, text). The man page has the same list, and a test compares them. */
#define CTL_EXITS(X)                                                                               \
	X(0, OK, "all was done, and is safe on disk unless --no-durable was given")                \
	X(1, PARTIAL, "something was not copied or is not safe on disk: messages say what")        \
	X(2, USAGE, "the command line makes no sense")                                             \
	X(3, DAEMON, "no daemon could be reached or started, or it went away")                     \
	X(4, FATAL, "a failure that stopped the work: no memory, no descriptors")                  \
	X(5, STOPPED, "a signal stopped the work: what receive did is kept for --resume")

enum ctl_exit {
#define X(code, NAME, text) CTL_##NAME = code,
	CTL_EXITS(X)
#undef X
};

#endif
