/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_FILE_H
#define EXTENTD_STORE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "workers.h"

struct filesystem;
struct inode;
struct store;
struct turn;
struct user;

/* A regular file open for writing, or for reading, through descriptions that are ours alone where
 * possible. */
struct file {
	struct store *store;
	struct inode *inode;
	struct user *user;
	struct turn *turn; /* the user's on this filesystem */
	unsigned int refs; /* one for the handle, one for each extent */
	int fd;		   /* of these two, the one that is written through */
	int view;	   /* the one that is read back through, or -1 */
	int own;	   /* the daemon's description: nobody else fetches its errors; or -1 */
	int peers;	   /* the one that was passed, where it is needed; or -1 */
	bool encoded;	   /* takes encoded writes; else all is decoded */
	bool nodatacow;
	_Atomic unsigned int errors; /* that an fsync reported; each is reported once */
	uint64_t size;		     /* bytes, when it was opened */
	unsigned int descriptors;    /* that it has, as counted for the user */
};

enum file_source {
	FILE_OPENED, /* by the daemon */
	FILE_PASSED, /* by the peer; may be opened again with its rights */
	FILE_SHARED, /* by the peer; the daemon can't act as the peer */
};

/*
 * Checks that a descriptor is one to write to and finds out what is needed to do so. Runs in a
 * worker, as the peer (see identity_assume()): reopening through /proc must succeed or fail with
 * the peer's rights. 0, a positive enum wire_code, or -errno. Takes fd, leaving -1, if it is
 * needed.
 */
struct file_facts;
int file_examine(int *fd, enum file_source source, bool nodatacow_allowed, const long *types,
		 struct file_facts *out);

/* The same for a descriptor to read from: any regular file that the peer could open so. */
int file_examine_reading(int fd, enum file_source source, const long *types,
			 struct file_facts *out);

/*
 * As file_examine(), but in the loop's thread, for a passed descriptor, as the peer, whose uid it
 * is: true if it could be done without a worker, because its filesystem is known.
 */
bool file_examine_quickly(const struct store *store, int *fd, uid_t peer, bool nodatacow_allowed,
			  struct file_facts *out, int *result);

/* In the loop's thread. Takes over what facts owns, unless it fails. NULL: out of memory. */
struct file *file_new(struct store *store, struct user *user, struct file_facts *facts);
struct file *file_ref(struct file *file);
void file_unref(struct file *file);

/* Written through a description that the peer does not share: it can't set O_APPEND. */
bool file_is_ours(const struct file *file);

/* 0 and the size in bytes; or if the peer has made the file unfit since it was opened, a positive
 * enum wire_code. */
int file_recheck(const struct file *file, uint64_t *size);

#endif
