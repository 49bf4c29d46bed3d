/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_PRIVILEGE_H
#define EXTENTD_PRIVILEGE_H

/*
 * What the daemon keeps of the rights it was started with: CAP_SYS_ADMIN, which the kernel asks
 * for encoded I/O (btrfs_ioctl_encoded_write, Linux 5.18 to 7.3), and CAP_SETUID and CAP_SETGID
 * to act as the peer (identity.h). Not CAP_FSETID (a write must strip setuid as it does for
 * everybody), not CAP_SYS_RESOURCE (quota and reserved blocks bind us too), not
 * CAP_DAC_OVERRIDE: even started by hand as root, the daemon may open what its user may.
 */

#include <stdbool.h>

/*
 * Gives up everything else, for good, and makes the process undumpable. Call once, before any
 * other thread exists. Without rights to begin with it succeeds and none are left. Negative errno
 * if what was given up can still be seen afterwards: do not go on then.
 */
int privilege_drop(void);

/* Has this process the right to encoded I/O? False in user namespaces: the kernel asks the
 * initial one. Any thread, also before privilege_drop(). */
bool privilege_encoded_io(void);

#endif
