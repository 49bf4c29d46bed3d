/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RESTORE_H
#define EXTENTD_RESTORE_H

/*
 * The restore core: makes files under cached directory descriptors, hands their data to extentd,
 * sets owner, mode and times last, and ends durable. It knows nothing of where the tree comes
 * from: a source (copy, receive) is a module in front of it that calls it in its own order.
 *
 * One struct restore is one job on one session, and belongs to one thread. Calls that may wait
 * for the daemon say so; while they wait, completions are processed and finished files get their
 * attributes. Names are single components, never empty, ".", ".." or with a slash (-EINVAL), and
 * no call follows a symbolic link. Functions return 0 or negative errno. What goes wrong with a
 * file after the call that caused it has returned is told to options.failed and counted in
 * stats.failures; a call returns such an error only where it says so. A lost session is
 * -ECONNRESET from then on.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>
#include "lib/extent.h"

struct restore;
struct restore_dir;
struct restore_file;

enum restore_step { /* what failed, in options.failed */
		    RESTORE_OPEN,
		    RESTORE_WRITE,
		    RESTORE_LOST, /* acknowledged as written, and then not found on disk */
		    RESTORE_OWNER,
		    RESTORE_MODE,
		    RESTORE_TIMES,
		    RESTORE_XATTR,
		    RESTORE_SIZE,
		    RESTORE_SYNC,
};

struct restore_options {
	struct extent_session *session; /* stays the caller's, must outlive the job */
	bool nodatacow;			/* take nodatacow files at the weaker level */
	/* path is valid during the call; offset and len are 0 where they mean nothing; error is
	 * a positive errno and cause a sentence. May be called from any function below. */
	void (*failed)(void *userdata, enum restore_step step, const char *path, uint64_t offset,
		       uint64_t len, int error, const char *cause);
	/* Each extent once it is safe on disk. Asking for it makes the core commit every second
	 * or so, and not only at the end. NULL: not wanted. */
	void (*durable)(void *userdata, const char *path, uint64_t offset, uint64_t len);
	void (*committed)(void *userdata); /* after the extents of one commit; may be NULL */
	void *userdata;
};

struct restore_stats {
	uint64_t files, directories, others; /* made or opened */
	uint64_t encoded, decoded, plain;    /* extents by the form that reached the disk */
	uint64_t payload_bytes;		     /* handed over */
	uint64_t unencoded_bytes;	     /* of file content that they stand for */
	uint64_t syncs;
	uint64_t owners_kept; /* could not be given to whom they belong: no privilege */
	uint64_t xattrs_dropped;
	uint64_t failures;
};

int restore_new(const struct restore_options *options, struct restore **out);
/* NULL. Drops what is not finished; after all directories were put, and only once the session is
 * idle or gone, for completions point here. */
struct restore *restore_free(struct restore *r);
const struct restore_stats *restore_stats(const struct restore *r);

/*
 * Directories. Each holds its parent, and is held by the caller until restore_dir_put(); the
 * descriptors behind them are a bounded cache. label names the root in messages.
 * restore_root() takes fd over, also on failure.
 */
int restore_root(struct restore *r, int fd, const char *label, struct restore_dir **out);
int restore_dir_open(struct restore_dir *parent, const char *name, struct restore_dir **out);
int restore_dir_make(struct restore_dir *parent, const char *name, mode_t mode,
		     struct restore_dir **out); /* -EEXIST */
struct restore_dir *restore_dir_get(struct restore_dir *dir);
struct restore_dir *restore_dir_put(struct restore_dir *dir); /* NULL */

/* For calls that the core has no function for (rename, link, mknod …). Valid until
 * RESTORE_DIR_PINNED other directories have been used; not to be closed. */
#define RESTORE_DIR_PINNED 8
int restore_dir_fd(struct restore_dir *dir);

/* The directory was renamed by the caller: where it is found from now on. */
int restore_dir_moved(struct restore_dir *dir, struct restore_dir *parent, const char *name);

/* "label/a/b/name" (name may be NULL), for messages; -ENAMETOOLONG cuts at the front. */
int restore_path(struct restore_dir *dir, const char *name, char *out, size_t size);

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

/* At once. Failures are reported and not returned; cp's rule holds: owners that may not be set
 * without the privilege are passed over, and setuid bits with them. */
void restore_dir_set(struct restore_dir *dir, const struct restore_attr *attr);
/* As restore_file_xattr(). What a directory inherits (default ACLs) is taken away by
 * restore_dir_set() unless it was set this way: set extended attributes first. */
int restore_dir_xattr(struct restore_dir *dir, const char *name, const void *value, size_t len);
/* Of a name that is no directory and no regular file (symlink, device …). */
void restore_name_set(struct restore_dir *dir, const char *name, const struct restore_attr *attr);

/*
 * Files. At most restore_window() are open: each call that opens one waits for finished ones
 * to be done, and never for files that the caller still holds.
 *
 * restore_file_create() makes a new one (-EEXIST). wanted may be NULL, or say which owner and mode
 * the file will be given in the end: those that can be right from the start cost nothing later.
 * restore_file_open() takes an existing one for writing; its content stays, unless truncate.
 */
unsigned int restore_window(const struct restore *r);
unsigned int restore_files_open(const struct restore *r);
int restore_file_create(struct restore_dir *dir, const char *name,
			const struct restore_attr *wanted, struct restore_file **out);
int restore_file_open(struct restore_dir *dir, const char *name, bool truncate,
		      struct restore_file **out);

/* O_RDWR; for clones, fallocate, flags. Settle first where the order against writes matters. */
int restore_file_fd(struct restore_file *file);
int restore_file_moved(struct restore_file *file, struct restore_dir *dir, const char *name);

/*
 * One extent: file, ack are filled in by the core, everything else is the caller's as in
 * extent_write(). Waits while the daemon's credits are used up. A buffer of restore_buffer() is
 * given away in any case. Errors of the write come later through failed.
 */
int restore_write(struct restore_file *file, struct extent_write *w);

/* A payload buffer in shared memory; waits for one. -EMSGSIZE above the daemon's limit. */
int restore_buffer(struct restore *r, size_t size, void **out);

/* At once; but ACLs and security.capability are kept until the data is in, and counted in
 * stats.xattrs_dropped if they then cannot be set. Errors of the others are returned. */
int restore_file_xattr(struct restore_file *file, const char *name, const void *value, size_t len);

/* Waits until all writes of the file are in the kernel; 0, or the first error of one of them. */
int restore_file_settle(struct restore_file *file);

/* Gives the file away. Its attributes are set and its descriptor closed as soon as its writes
 * are in the kernel: only then can no write change times or strip setuid bits any more. */
void restore_file_finish(struct restore_file *file, const struct restore_attr *attr);

/* Processes what has arrived, without waiting. Number of completions, or -ECONNRESET. */
int restore_poll(struct restore *r);
/* Waits for something to happen, at most timeout_ms. As restore_poll(). */
int restore_wait(struct restore *r, int timeout_ms);
/* Waits until every finished file is done. */
int restore_barrier(struct restore *r);

/*
 * Waits until all that was finished or set before is safe on disk: contents (each extent proved
 * by the daemon), names, owners, times. -EIO if anything was lost; failed has named it.
 */
int restore_sync(struct restore *r);

#endif
