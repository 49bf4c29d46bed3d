/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_WRITER_H
#define EXTENTD_STORE_WRITER_H

struct extent;
struct filesystem;
struct inode;
struct store;
struct user;

/* The check's verdict is in extent->code. */
void writer_checked(struct extent *extent);

/* Checked, and no overlapping extent is before it. */
void writer_reserved(struct extent *extent);

/* Is to fail with extent->doomed, but not from here: a check does not have it. */
void writer_doomed(struct extent *extent);

/* The inode may have something to write: looked at once the events at hand are through. */
void writer_wake(struct inode *inode);

/* Hands over what may be handed over. Also wakes the settling. */
void writer_pump(struct store *store);
void writer_pump_later(struct store *store);

/* Lanes may outnumber the threads of each kind: the rest queue in the kernel or the pool. */
#define LANES_PER_THREAD 4

/*
 * A lane is a kernel thread that may be stuck for as long as the file it works on is. One
 * filesystem can have most of them, but never all, and a user his share: the others go on.
 */
int lane_take(struct store *store, struct user *user, struct filesystem *fs);
void lane_give(struct store *store, struct user *user, struct filesystem *fs);

#endif
