/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CTL_THERE_H
#define EXTENTD_CTL_THERE_H

/* Commands that run on another machine as a whole, because what they do besides writing extents
 * (names, attributes, subvolumes) is done by a process there, not by the daemon. */

#include "remote/rsh.h"

/* Receives the stream there: an exit code. argv is that of receive, here. */
int receive_there(const struct rsh *rsh, int input, int argc, char *const argv[]);

/* What an end of ssh, or of what it ran, means for our own exit; says so if ssh ended it. */
int there_exit(const struct rsh *rsh, int status);

#endif
