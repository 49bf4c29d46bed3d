/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_FILE_H
#define EXTENTD_RECEIVE_FILE_H

/*
 * The inode that commands are about right now: what is known of it, and what is to be set on it
 * when its writes have arrived. A regular file has a descriptor; anything else is reached by its
 * directory and name, which stay valid while it is current.
 */

#include "receive/planner.h"
#include "receive/sink.h"

struct file {
	struct sink_file sink; /* first: the sink's file is this; fd is -1 if not a regular file */
	int dir;	       /* for what has no descriptor */
	const char *name;      /* last component of path */
	bool known;	       /* mode, uid and gid are what the inode has */
	mode_t mode;	       /* what it has, also where owner and group are not known */
	uint64_t uid, gid;
	unsigned int set; /* ACTION_*: at the end, in the order owner, mode, capability, times */
	struct action last;
	void *capability;
	uint32_t capability_size;
	bool over;   /* not current any more: goes when nothing is in flight */
	int *failed; /* where the first error after that is put */
	uint64_t *saved;
	size_t size;
	char path[];
};

/* Takes fd over. *failed and *saved must outlive the file. */
int file_new(int fd, int dir, struct stream_string path, int *failed, uint64_t *saved,
	     struct file **out);

/* Owner, mode and times, those of set; what is known to be so already is not set again. */
int file_set(struct file *f, unsigned int set, const struct action *a);

/*
 * Modes that extentd cannot work with: it refuses setuid and setgid files (what makes writes
 * durable would strip the bits), and one that may be written but not read it could not prove.
 */
bool file_mode_hinders(mode_t mode);
/* Takes such a mode away until the end, or until something else is set. */
int file_set_aside_mode(struct file *f);

/* security.capability is kept until the end: any write or change of owner strips it. */
int file_keep_capability(struct file *f, struct stream_bytes value);

/*
 * The file is not current any more. Sets what was left for the end, at once or when the last write
 * has arrived, and frees it. The first error, if it is known by now.
 */
int file_release(struct file *f);

/* fchmodat(2) that follows no symbolic link, and needs no /proc where the kernel is 6.6 or later.
 */
int file_chmod_at(int dir, const char *name, mode_t mode);

#endif
