/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_SANDBOX_H
#define EXTENTD_SANDBOX_H

/*
 * The system calls that the daemon makes once it serves; every other one fails with EPERM.
 * Applies to all threads, for good. Call after start-up: sockets, threads and the ring exist,
 * the configuration was read. The ring's operations are not system calls and are not seen here;
 * the ring restricts itself. -ENOSYS without seccomp in the kernel; -EOPNOTSUPP in builds with
 * a sanitizer, which needs calls that nobody else does.
 */
int sandbox_enter(void);

#endif
