/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERCUT_VERIFY_H
#define POWERCUT_VERIFY_H

#include "trial.h"

/* Compares the files under @root_fd with what the ledger promises. Returns 0 or -errno. */
int verify_tree(const struct ledger *ledger, int root_fd, struct trial *trial);

#endif
