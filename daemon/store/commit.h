/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_COMMIT_H
#define EXTENTD_STORE_COMMIT_H

#include "store.h"
#include "sync.h"

/* Somebody waits for the verdict on this extent. */
void commit_hurry(struct extent *extent);

/* Has everything that is written on it settled, as if somebody had asked for it. */
void commit_want(struct filesystem *fs);

/* The inode may have something to settle. */
void commit_wake(struct inode *inode);

/* True while no write of the inode may be handed to the kernel: it is settled, or about to be. */
bool commit_excludes(const struct inode *inode);

void commit_pump(struct store *store);

#endif
