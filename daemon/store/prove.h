/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_PROVE_H
#define EXTENTD_STORE_PROVE_H

struct settle;

/* In a worker. Each extent's code and kernel_errno, and the settle's, are the verdict. */
void prove_file(struct settle *settle);
void prove_filesystem(struct settle *settle);

#endif
