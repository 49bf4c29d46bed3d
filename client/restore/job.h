/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RESTORE_JOB_H
#define EXTENTD_RESTORE_JOB_H

/*
 * What the parts of the core share. The life of a file:
 *
 *	active --finish()--> finished --last write in the kernel, attributes set, descriptor
 *	closed--> unsettled --commit begins--> settling --commit done--> freed
 *
 * The daemon's handle is given back at finish() already: CLOSE does not touch the writes under
 * way. Until the commit a file is only a name and the range of request ids that were its own,
 * by which a LOST notice finds it: a handle belongs to one file at a time.
 */

#include <sys/queue.h>
#include "restore/limits.h"
#include "restore/restore.h"
#include "restore/small.h"

struct restore_dir {
	struct restore *r;
	struct restore_dir *parent; /* held; NULL for a root */
	TAILQ_ENTRY(restore_dir) lru;
	LIST_ENTRY(restore_dir) bucket;
	unsigned int refs; /* the cache has one */
	uint32_t hash;
	int fd;	   /* -1: not open now */
	dev_t dev; /* ino is 0 until it was open for the first time */
	ino_t ino;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	bool made;   /* by this job */
	bool looked; /* uid, gid, mode and what follows are true */
	bool default_acl, plain;
	bool acl_set;
	bool cached; /* the cache holds it */
	bool gone;   /* removed, or something else has its name now */
	char *name;
};
TAILQ_HEAD(restore_dirs, restore_dir);

/* Extended attributes that wait for the data: a list, usually empty. */
struct restore_late {
	struct restore_late *next;
	size_t len;
	char *name; /* in value, behind it */
	char value[];
};

/* What a sink wrote and has not proved yet. */
struct restore_unproved {
	bool any, is_inline; /* may be: growing the file would rewrite it */
	uint64_t from, to;   /* bytes of the file; all of it lies in between */
};

struct restore_file {
	struct restore *r;
	struct restore_dir *dir; /* held */
	TAILQ_ENTRY(restore_file) entry;
	LIST_ENTRY(restore_file) inode;
	int fd;
	int handle;		       /* -1: extentd does not know the file */
	int error;		       /* the first of its writes, negative errno */
	unsigned int pending, in_lane; /* of them, by our own thread: see lane.h */
	unsigned int refs;	       /* log entries and the life above */
	bool finished, open_failed, fresh, acl_inherited, acl_set;
	bool listed;		   /* among the inodes */
	bool small;		   /* has extents in the list of small ones */
	bool removed;		   /* has no name any more: what becomes of its data is no loss */
	int64_t first_id, last_id; /* OPEN's and CLOSE's; 0: extentd does not know the file */
	uint64_t end;		   /* of the data handed over */
	uint64_t written;	   /* end of what was written to a new file */
	uint64_t ragged;	   /* end, inside a sector, of a write that was sent; 0: of none */
	dev_t dev;		   /* ino is 0 until somebody needs it */
	ino_t ino;
	struct restore_unproved unproved;
	struct restore_owner owner;    /* now */
	struct restore_owner original; /* of a file that existed: known if to be given back */
	struct restore_attr attr;
	struct restore_late *late;
	char *name;
};
TAILQ_HEAD(restore_files, restore_file);

struct restore_logged { /* an extent that durable() will be told of */
	struct restore_file *file;
	uint64_t offset, len;
	int64_t id; /* -1: written in place */
};

struct restore_log {
	struct restore_logged *extents;
	size_t count, room;
	bool direct; /* some were written in place */
};

struct restore_filesystem {
	dev_t dev;
	int fd;
};

LIST_HEAD(restore_dir_bucket, restore_dir);
LIST_HEAD(restore_inode_bucket, restore_file);

struct restore {
	struct restore_options opt;
	struct sink *sink;
	struct restore_stats stats;
	unsigned int window, open_files;
	unsigned int opened;	/* in all, for the rhythm of RESTORE_POLL_FILES */
	unsigned int finishing; /* finished files with writes under way */
	uid_t uid;
	gid_t gid;
	mode_t umask;
	int cwd;    /* the working directory, to come back to */
	int broken; /* the session is lost: negative errno */

	struct restore_dirs dirs; /* the cache, least recently used first */
	unsigned int dirs_cached;
	struct restore_dir_bucket dir_buckets[RESTORE_DIR_BUCKETS];

	struct restore_files active, unsettled, settling;
	unsigned int unsettled_files;
	struct restore_inode_bucket inodes[RESTORE_INODE_BUCKETS];

	struct restore_log log, settling_log;
	struct small_list small, settling_small;
	struct restore_filesystem filesystems[RESTORE_FILESYSTEMS];
	unsigned int filesystem_count;
	enum { SETTLE_IDLE, SETTLE_ASKED, SETTLE_ANSWERED } settle;
	int settle_result; /* of the SYNC */
	unsigned int settle_code;
	int sync_error; /* what restore_sync() must return in the end */
	uint64_t settle_ms;
};

/* dir.c, cache.c */
int dir_name_check(const char *name);
int dir_filesystem(struct restore *r, dev_t dev, int fd);
struct restore_dir *dir_child(struct restore_dir *parent, const char *name);
void dir_link(struct restore_dir *dir);
void dir_gone(struct restore_dir *dir);
int dir_look(struct restore_dir *dir);
int dir_open(int parent, const char *name);
void dir_cache(struct restore_dir *dir);
void dir_cache_empty(struct restore *r);

/* attr.c: everything but the data. fd < 0: the name in dir, not followed. */
void attr_access(struct restore_dir *dir, const char *name, int fd, struct restore_owner *now,
		 const struct restore_attr *attr);
void attr_times(struct restore_dir *dir, const char *name, int fd, const struct restore_attr *attr);
void attr_times_failed(struct restore_dir *dir, const char *name, int err);
/* xattr.c: sets those, once */
void attr_late(struct restore_file *file);
void attr_late_free(struct restore_late *late);
void xattr_inherited_remove(int fd);

/* file.c */
void file_claim(struct restore_file *file);
void file_complete(struct restore_file *file);
void file_ended(struct restore_file *file, int err);
struct restore_file *file_put(struct restore_file *file);

/* inode.c */
int inode_list(struct restore_file *file);
void inode_unlist(struct restore_file *file);
int inode_of(struct restore_file *file);
struct restore_file *inode_find(struct restore *r, dev_t dev, ino_t ino);
int inode_wait(struct restore *r, dev_t dev, ino_t ino);
int inode_name_wait(struct restore_dir *dir, const char *name);
struct inode_name {
	dev_t dev;
	ino_t ino;
};
bool inode_last_name(struct restore_dir *dir, const char *name, struct inode_name *out);
void inode_removed(struct restore *r, const struct inode_name *name);
bool inode_sent(const struct restore_file *file);
void inode_proved(struct restore_file *file);

/* write.c: a write that a sink had in flight, or did at once. */
struct write_result {
	uint64_t offset, len;
	int64_t id;   /* -1: by this process */
	bool pending; /* it was counted in file->pending */
	int result;   /* 0 or negative errno */
	int form;     /* enum extent_form */
	const char *cause;
};
void write_taken(struct restore_file *file, const struct extent_write *w, bool sent);
void write_done(struct restore_file *file, const struct write_result *w);
bool write_meets(const struct restore_file *file, uint64_t from, uint64_t to);

/* settle.c */
int settle_step(struct restore *r);
void settle_log(struct restore_file *file, uint64_t offset, uint64_t len, int64_t id);
void settle_lost(struct restore *r, const struct extent_completion *c);
void settle_answered(struct restore *r, int result, unsigned int code);
void settle_strike(struct restore *r, const struct restore_file *file, uint64_t offset);
void settle_drop(struct restore *r);

/* job.c */
void job_failed(struct restore *r, enum restore_step step, struct restore_dir *dir,
		const char *name, uint64_t offset, uint64_t len, int error, const char *cause);
/* err is negative. False if it is no lack of privilege or of ability, or nobody wants to know. */
bool job_lacking(struct restore *r, enum restore_step step, struct restore_dir *dir,
		 const char *name, int err);

#endif
