/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RESTORE_FILE_H
#define EXTENTD_RESTORE_FILE_H

/*
 * Regular files. At most restore_window() are open: each call that opens one waits for finished
 * ones to be done, and never for files that the caller still holds.
 */

#include "lib/extent.h"
#include "restore/name.h"

struct restore;
struct restore_file;

unsigned int restore_window(const struct restore *r);
unsigned int restore_files_open(const struct restore *r);

/*
 * A new file (-EEXIST). wanted may be NULL, or say which owner and mode the file will be given in
 * the end: those that can be right from the start cost nothing later.
 */
int restore_file_create(struct restore_dir *dir, const char *name,
			const struct restore_attr *wanted, struct restore_file **out);
/* An existing one for writing; its content stays, unless truncate. */
int restore_file_open(struct restore_dir *dir, const char *name, bool truncate,
		      struct restore_file **out);

/* O_RDWR, for what the core has no function for. */
int restore_file_fd(struct restore_file *file);
/* Its size, as soon as all that was asked for is done. */
uint64_t restore_file_end(const struct restore_file *file);
int restore_file_moved(struct restore_file *file, struct restore_dir *dir, const char *name);

/*
 * One extent, compressed or plain: file, ack are filled in by the core, everything else is the
 * caller's as in extent_write(). May wait. A buffer of extent_buffer_get() is given away in any
 * case. Errors of the write come later through failed; returned is only what ends the job.
 */
int restore_write(struct restore_file *file, struct extent_write *w);

/* Changes of the content that are no writes; in order with them. */
int restore_file_truncate(struct restore_file *file, uint64_t size);
int restore_file_fallocate(struct restore_file *file, int mode, uint64_t offset, uint64_t len);
/* source: for reading; may be a file of this job with writes under way. */
int restore_file_clone(struct restore_file *file, uint64_t offset, int source,
		       uint64_t source_offset, uint64_t len);
struct fsverity_enable_arg;
/* After the file's end: no descriptor for writing may be left. */
int restore_name_verity(struct restore_dir *dir, const char *name,
			const struct fsverity_enable_arg *arg);
/* Inode flags as FS_IOC_SETFLAGS has them: those in mask become what flags says. -EOPNOTSUPP if
 * one can't. Of dir itself if name is NULL. */
int restore_name_flags(struct restore_dir *dir, const char *name, unsigned int flags,
		       unsigned int mask);

/* At once; but ACLs and security.capability are kept until the data is in, and then may count as
 * lacking. Errors of the others are returned. */
int restore_file_xattr(struct restore_file *file, const char *name, const void *value, size_t len);
int restore_file_xattr_remove(struct restore_file *file, const char *name);

/* Owner, mode, times, in order with the writes before: waits for them. Failures are reported. */
void restore_file_set(struct restore_file *file, const struct restore_attr *attr);

/* Waits until all writes of the file are in the kernel; 0, or the first error of one of them. */
int restore_file_settle(struct restore_file *file);

/* The first error of its writes so far, without waiting: 0 or negative errno. */
int restore_file_error(const struct restore_file *file);

/* Gives the file away. Its attributes are set and its descriptor closed as soon as its writes
 * are in the kernel: only then can no write change times or strip setuid bits any more. */
void restore_file_finish(struct restore_file *file, const struct restore_attr *attr);

#endif
