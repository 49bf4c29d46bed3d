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

struct restore_dir {
	struct restore *r;
	struct restore_dir *parent; /* held; NULL for a root */
	TAILQ_ENTRY(restore_dir) lru;
	unsigned int refs;
	int fd; /* -1: not cached now */
	dev_t dev;
	ino_t ino;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	bool made;	  /* by this job */
	bool default_acl; /* what is made in it inherits one */
	bool acl_set;
	char *name;
};
TAILQ_HEAD(restore_dirs, restore_dir);

/* Owner and mode as they are now, so that nothing is set twice. */
struct restore_owner {
	uid_t uid;
	gid_t gid;
	mode_t mode;
	bool known;
};

/* Extended attributes that wait for the data: a list, usually empty. */
struct restore_late {
	struct restore_late *next;
	size_t len;
	char *name; /* in value, behind it */
	char value[];
};

struct restore_file {
	struct restore *r;
	struct restore_dir *dir; /* held */
	TAILQ_ENTRY(restore_file) entry;
	int fd;
	int handle; /* -1: extentd does not know the file */
	int error;  /* the first of its writes, negative errno */
	unsigned int pending;
	unsigned int refs; /* log entries and the life above */
	bool finished, open_failed, fresh, acl_inherited, acl_set;
	int64_t first_id, last_id;     /* OPEN's and CLOSE's; 0: extentd does not know the file */
	uint64_t end;		       /* of the data handed over */
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

struct restore {
	struct restore_options opt;
	struct restore_stats stats;
	unsigned int window, open_files;
	unsigned int opened;	/* in all, for the rhythm of RESTORE_POLL_FILES */
	unsigned int finishing; /* finished files with writes under way */
	uid_t uid;
	gid_t gid;
	mode_t umask;
	int broken; /* the session is lost: negative errno */

	struct restore_dirs dirs; /* with a descriptor, least recently used first */
	unsigned int dir_descriptors;

	struct restore_files active, unsettled, settling;
	unsigned int unsettled_files;

	struct restore_log log, settling_log;
	struct restore_filesystem filesystems[RESTORE_FILESYSTEMS];
	unsigned int filesystem_count;
	enum { SETTLE_IDLE, SETTLE_ASKED, SETTLE_ANSWERED } settle;
	int settle_result; /* of the SYNC */
	unsigned int settle_code;
	int sync_error; /* what restore_sync() must return in the end */
	uint64_t settle_ms;
};

/* dir.c */
int dir_name_check(const char *name);
int dir_filesystem(struct restore *r, dev_t dev, int fd);
void dir_close_all(struct restore *r);

/* attr.c: everything but the data. fd < 0: the name in dir, not followed. */
void attr_access(struct restore_dir *dir, const char *name, int fd, struct restore_owner *now,
		 const struct restore_attr *attr);
void attr_times(struct restore_dir *dir, const char *name, int fd, const struct restore_attr *attr);
void attr_late(struct restore_file *file); /* sets those, once */
void attr_late_free(struct restore_late *late);

/* file.c */
void file_claim(struct restore_file *file);
void file_complete(struct restore_file *file);
struct restore_file *file_put(struct restore_file *file);

/* settle.c */
int settle_step(struct restore *r);
void settle_log(struct restore_file *file, uint64_t offset, uint64_t len, int64_t id);
void settle_lost(struct restore *r, const struct extent_completion *c);
void settle_drop(struct restore *r);

/* job.c */
void job_failed(struct restore *r, enum restore_step step, struct restore_dir *dir,
		const char *name, uint64_t offset, uint64_t len, int error, const char *cause);

#endif
