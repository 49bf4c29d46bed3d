/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RESTORE_H
#define EXTENTD_RESTORE_H

/*
 * The restore core: makes files under cached directory descriptors, hands their data to a sink,
 * sets owner, mode and times last, and ends durable. It knows nothing of where the tree comes
 * from: a source (copy, receive) is a module in front of it that calls it in its own order.
 *
 * One struct restore is one job on one sink, and belongs to one thread. While a call waits for
 * the daemon, completions are processed and finished files get their attributes. Names are
 * single components, never empty, ".", ".." or with a slash (-EINVAL), and no call follows a
 * symbolic link. Functions return 0 or negative errno. What goes wrong with a file's data or
 * attributes, often after the call that caused it has returned, is told to options.failed and
 * counted in stats.failures; a call returns such an error only where it says so. A lost session
 * is -ECONNRESET from then on.
 *
 * What was written and is not proved yet must not be changed behind the sink's back, or the proof
 * would fail: the core knows those files by inode, whatever name they are reached by, and waits,
 * proves or writes through the sink where a call would do so.
 */

#include <errno.h>

#include "restore/dir.h"
#include "restore/file.h"
#include "restore/name.h"
#include "restore/sink.h"

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
	struct sink *sink;   /* stays the caller's, must outlive the job */
	bool closed;	     /* nobody else reaches the tree before the end: modes at once */
	bool one_filesystem; /* what lies on another one is -EXDEV */
	bool inherit;	     /* ACLs that new names get from their directory stay */
	/* path is valid during the call; offset and len are 0 where they mean nothing; error is
	 * a positive errno and cause a sentence. May be called from any function. */
	void (*failed)(void *userdata, enum restore_step step, const char *path, uint64_t offset,
		       uint64_t len, int error, const char *cause);
	/* Not set, for want of privilege or because the filesystem cannot hold it. Not counted as
	 * a failure. NULL: not wanted. */
	void (*lacking)(void *userdata, enum restore_step step, const char *path, int error);
	/* Each extent once it is safe on disk. Asking for it makes the core commit every second
	 * or so, and not only at the end. NULL: not wanted. */
	void (*durable)(void *userdata, const char *path, uint64_t offset, uint64_t len);
	void (*committed)(void *userdata); /* after the extents of one commit; may be NULL */
	void *userdata;
};

struct restore_stats {
	uint64_t files, directories, others; /* made or opened */
	uint64_t syncs;
	uint64_t calls_saved; /* chmods and chowns that were true already */
	uint64_t owners_kept; /* could not be given to whom they belong: no privilege */
	uint64_t xattrs_dropped;
	uint64_t failures;
};

/* An error that every further file will meet. Of its writes a file has only the first told. */
static inline bool restore_is_full(int err)
{
	return err == -ENOSPC || err == -EDQUOT;
}

int restore_new(const struct restore_options *options, struct restore **out);
/* NULL. Drops what is not finished; after all directories were put, and only once the session is
 * idle or gone, for completions point here. */
struct restore *restore_free(struct restore *r);
const struct restore_stats *restore_stats(const struct restore *r);

/* Processes what has arrived, without waiting. Number of completions, or -ECONNRESET. */
int restore_poll(struct restore *r);
/* Waits for something to happen, at most timeout_ms. As restore_poll(). */
int restore_wait(struct restore *r, int timeout_ms);
/* Waits for writes that are ours and not the daemon's: no descriptor tells of their end. Before a
 * poll() on the session's descriptor; how many there were. */
int restore_quiesce(struct restore *r);
/* Waits until every finished file is done. */
int restore_barrier(struct restore *r);

/*
 * Waits until all that was finished or set before is safe on disk: contents (each extent proved,
 * where the sink can), names, owners, times. -EIO if anything was lost; failed has named it.
 */
int restore_sync(struct restore *r);

#endif
