/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CTL_COMMANDS_H
#define EXTENTD_CTL_COMMANDS_H

#include "ctl/option.h"

/* What extentctl can do: X(name). Each is a struct command NAME_command. */
#define CTL_COMMANDS(X)                                                                            \
	X(copy)                                                                                    \
	X(probe)                                                                                   \
	X(receive)                                                                                 \
	X(replicate)                                                                               \
	X(snapshots)                                                                               \
	X(status)                                                                                  \
	X(stdio)                                                                                   \
	X(verify)

#define X(name) extern const struct command name##_command;
CTL_COMMANDS(X)
#undef X

#endif
