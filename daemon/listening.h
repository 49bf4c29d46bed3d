/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_LISTENING_H
#define EXTENTD_LISTENING_H

/*
 * The socket that systemd hands over, or else one of our own at path, for running by hand: then
 * *bound is its name, the caller's to remove and free; it may be set on failure too. A file that a
 * dead daemon left is replaced, a live one's is not (-EADDRINUSE). Non-blocking; the caller's.
 */
int listening_socket(const char *path, char **bound);

#endif
