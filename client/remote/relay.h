/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REMOTE_RELAY_H
#define EXTENTD_REMOTE_RELAY_H

/*
 * A session carried on: what comes from in goes to the daemon's socket, what the daemon says to
 * out. The feature FDS is taken out of the client's HELLO, because descriptors do not cross: the
 * client learns so from HELLO_REPLY, and sends its payloads inline.
 *
 * Returns when the daemon has ended the session (0), or with a negative errno of the other side.
 */
int relay_run(int in, int out, int socket);

#endif
