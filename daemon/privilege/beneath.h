/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_BENEATH_H
#define EXTENTD_BENEATH_H

#include <sys/types.h>

/*
 * openat2(2) of rel below the directory rootfd: no "..", no symbolic or magic link, no mount
 * point on the way, so that no name, and nobody who renames meanwhile, leads elsewhere. flags
 * are open(2)'s; O_CLOEXEC and O_NOCTTY are added, and a FIFO or device cannot hold the thread.
 * mode is for O_CREAT: the permission bits only, cut by the process's umask, so the daemon's
 * must be 0.
 * A descriptor, or negative errno: -EXDEV and -ELOOP mean that the path is not beneath.
 */
int open_beneath(int rootfd, const char *rel, int flags, mode_t mode);

#endif
