/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_GUARD_H
#define EXTENTD_RECEIVE_GUARD_H

#include "stream/command.h"
#include "stream/path.h"

/*
 * Checks every path of a command by what the command does with it. On refusal *which is the
 * attribute's path.
 */
enum path_verdict command_guard(const struct stream_command *c, struct stream_string *which);

#endif
