/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RESTORE_NAME_H
#define EXTENTD_RESTORE_NAME_H

/*
 * Names in directories: everything that is said of an inode by its name. What it is need not be
 * known. Where files with writes under way or without proof are concerned, the calls see to it
 * that neither their attributes nor their proofs suffer.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct restore_dir;

/* Owner and mode of something as they are now, so that nothing is set twice. */
struct restore_owner {
	uid_t uid;
	gid_t gid;
	mode_t mode;
	bool known;
};

/* Attributes; only those in set are touched. */
enum {
	RESTORE_SET_OWNER = 1,
	RESTORE_SET_MODE = 2,
	RESTORE_SET_TIMES = 4,
	RESTORE_SET_SIZE = 8, /* files only */
};

struct restore_attr {
	unsigned int set;
	uid_t uid;
	gid_t gid;
	mode_t mode;		      /* permission bits, setuid, setgid, sticky */
	struct timespec atime, mtime; /* UTIME_OMIT allowed */
	uint64_t size;
};

/* A device, fifo or socket (mode with its type), or with target a symbolic link. now, if not
 * NULL, becomes what it has. -EEXIST. */
int restore_name_make(struct restore_dir *dir, const char *name, mode_t mode, dev_t rdev,
		      const char *target, struct restore_owner *now);
/* now may be NULL; it is kept up to date. Failures are reported, not returned. */
void restore_name_set(struct restore_dir *dir, const char *name, struct restore_owner *now,
		      const struct restore_attr *attr);
/* At once; value NULL removes it. */
int restore_name_xattr(struct restore_dir *dir, const char *name, const char *attribute,
		       const void *value, size_t len);
int restore_name_rename(struct restore_dir *from, const char *name, struct restore_dir *to,
			const char *to_name);
int restore_name_link(struct restore_dir *from, const char *name, struct restore_dir *to,
		      const char *to_name);
int restore_name_remove(struct restore_dir *dir, const char *name, bool directory);

#endif
