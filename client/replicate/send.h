/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REPLICATE_SEND_H
#define EXTENTD_REPLICATE_SEND_H

/* The kernel's send: a thread in the ioctl, whose stream comes out of a pipe. */

#include <stdint.h>

/* The kernel writes command by command, so a small pipe would wake its reader for each. This is
 * what unprivileged processes may have, too: /proc/sys/fs/pipe-max-size. */
#define SEND_PIPE_BYTES (1 << 20)

struct send;

/*
 * subvolume is read-only, and stays the caller's; parent is the id of another one on the same
 * filesystem, or 0. Compressed extents are sent as they are, where the kernel can (Linux 6.0).
 * Needs CAP_SYS_ADMIN. *stream, a pipe, is the caller's to close: send_end() waits for that.
 */
int send_begin(int subvolume, uint64_t parent, struct send **out, int *stream);

/*
 * The kernel writes command by command. Whoever hands each on as it comes wakes ssh and the other
 * side for each, which costs more than the bytes: who got less than that leaves a while for more.
 * What comes in it fits into the pipe, at any rate at which it comes in pieces so small.
 */
#define SEND_GATHER_BYTES (256 << 10)
void send_gather(void);

/* Waits for the thread, and frees; what the kernel said. -EPIPE: nobody read to the end. */
int send_end(struct send *s);

#endif
