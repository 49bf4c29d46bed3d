/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CTL_INTERRUPT_H
#define EXTENTD_CTL_INTERRUPT_H

/*
 * SIGINT, SIGTERM and SIGHUP make a descriptor readable, once, so that work can end in order. A
 * second signal ends the process at once. -1 if that cannot be had: then the first one does.
 */
int interrupt_fd(void);

#endif
