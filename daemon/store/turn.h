/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_TURN_H
#define EXTENTD_STORE_TURN_H

#include <stdbool.h>
#include <sys/queue.h>

struct extent;
struct filesystem;
struct user;

/*
 * While several users write to a filesystem, each may have handed over so many extents that have no
 * verdict yet. What is written is proved and synced together, and takes the longer the more there
 * is: else who has a thousand under way would make everybody wait for a thousand. A user who is
 * alone notices nothing; nor does what he does on one filesystem delay him on another, which may
 * not answer at all. Extents that wait for each other's range are settled one by one, so that few
 * of them take as long as many others. Loop thread only.
 */
#define TURN_EXTENTS 64
#define TURN_HELD    4 /* as so many counts one that has waited for its range */
#define TURN_SECONDS 2 /* that it goes on after two have had extents under way */

/* Of one user on one filesystem; one reference for each file, which keeps both. */
struct turn {
	struct filesystem *fs;
	struct user *user;
	unsigned int refs;
	unsigned int extents; /* under way, up to their verdict */
	unsigned int taken;   /* of those, what the kernel has got, each as what it counts */
	unsigned int urgent;  /* inodes, when they were counted last */
	TAILQ_ENTRY(turn) entry;
};
TAILQ_HEAD(turn_list, turn);

/* Finds or makes. NULL when out of memory. */
struct turn *turn_get(struct filesystem *fs, struct user *user);
void turn_unref(struct turn *turn);

/* The extent is under way; the kernel gets it, also again; it has its verdict. */
void turn_begin(const struct extent *extent);
void turn_take(struct extent *extent);
void turn_end(struct extent *extent);

/* May it be handed over now? If not, verdicts of others of the user will change that. */
bool turn_left(const struct extent *extent);

#endif
