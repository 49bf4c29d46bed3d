// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owner, mode and times, in the one order that works: the owner first, for it strips setuid bits
 * and capabilities; then the mode; times last. What is already right is left alone: with a good
 * guess at creation a file costs one futimens() and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "restore/job.h"

/* Linux 6.6, on every architecture but alpha; newer than Debian 12's headers. */
#define FCHMODAT2    452
#define SPECIAL_BITS (S_ISUID | S_ISGID)

static int owner_set(struct restore_dir *dir, const char *name, int fd, uid_t uid, gid_t gid)
{
	int up;

	if (fd >= 0)
		return fchown(fd, uid, gid) < 0 ? -errno : 0;
	up = restore_dir_fd(dir);
	if (up < 0)
		return up;
	return fchownat(up, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* The library's call knows the flag too, but needs /proc for it. */
static int mode_set(struct restore_dir *dir, const char *name, int fd, mode_t mode)
{
	int up, r;

	if (fd >= 0)
		return fchmod(fd, mode) < 0 ? -errno : 0;
	up = restore_dir_fd(dir);
	if (up < 0)
		return up;
	r = (int)syscall(FCHMODAT2, up, name, mode, AT_SYMLINK_NOFOLLOW);
	if (r < 0 && errno == ENOSYS)
		r = fchmodat(up, name, mode, AT_SYMLINK_NOFOLLOW);
	return r < 0 ? -errno : 0;
}

static int times_set(struct restore_dir *dir, const char *name, int fd,
		     const struct timespec times[2])
{
	int up;

	if (fd >= 0 || !name) /* a directory's own have no name */
		return futimens(fd, times) < 0 ? -errno : 0;
	up = restore_dir_fd(dir);
	if (up < 0)
		return up;
	return utimensat(up, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static void not_set(struct restore_dir *dir, const char *name, enum restore_step step, int err,
		    const char *cause)
{
	if (!job_lacking(dir->r, step, dir, name, err))
		job_failed(dir->r, step, dir, name, 0, 0, -err, cause);
}

/* What became of the mode that was asked for. */
static mode_t owner_apply(struct restore_dir *dir, const char *name, int fd,
			  struct restore_owner *now, const struct restore_attr *attr)
{
	struct restore *r = dir->r;
	mode_t mode = attr->mode & 07777;
	int err = owner_set(dir, name, fd, attr->uid, attr->gid);

	if (!err) {
		now->uid = attr->uid;
		now->gid = attr->gid;
	} else if (err == -EPERM) {
		/* As cp: the group may still be one of ours; setuid would be a lie. */
		if (owner_set(dir, name, fd, -1, attr->gid) < 0)
			mode &= ~(mode_t)S_ISGID;
		mode &= ~(mode_t)S_ISUID;
		r->stats.owners_kept++;
		job_lacking(r, RESTORE_OWNER, dir, name, err);
	} else {
		job_failed(r, RESTORE_OWNER, dir, name, 0, 0, -err, "the owner could not be set");
		mode &= ~(mode_t)SPECIAL_BITS;
	}
	if (now->mode & SPECIAL_BITS)
		now->known = false;
	return mode;
}

void attr_access(struct restore_dir *dir, const char *name, int fd, struct restore_owner *now,
		 const struct restore_attr *attr)
{
	struct restore *r = dir->r;
	mode_t mode = attr->mode & 07777;
	int err;

	if (attr->set & RESTORE_SET_OWNER) {
		if (now->known && now->uid == attr->uid && now->gid == attr->gid)
			r->stats.calls_saved++;
		else
			mode = owner_apply(dir, name, fd, now, attr);
	}
	if (!(attr->set & RESTORE_SET_MODE))
		return;
	if (now->known && now->mode == mode) {
		r->stats.calls_saved++;
		return;
	}
	err = mode_set(dir, name, fd, mode);
	if (err < 0)
		not_set(dir, name, RESTORE_MODE, err, "the mode could not be set");
	else
		now->mode = mode;
}

/* Here or elsewhere. */
void attr_times_failed(struct restore_dir *dir, const char *name, int err)
{
	not_set(dir, name, RESTORE_TIMES, err, "the times could not be set");
}

void attr_times(struct restore_dir *dir, const char *name, int fd, const struct restore_attr *attr)
{
	struct timespec times[2] = { attr->atime, attr->mtime };
	int err;

	if (!(attr->set & RESTORE_SET_TIMES))
		return;
	err = times_set(dir, name, fd, times);
	if (err < 0)
		attr_times_failed(dir, name, err);
}

void restore_dir_set(struct restore_dir *dir, const struct restore_attr *attr)
{
	struct restore_owner now = { dir->uid, dir->gid, dir->mode, dir->looked };
	int fd = restore_dir_fd(dir);

	if (fd < 0) {
		job_failed(dir->r, RESTORE_OPEN, dir, NULL, 0, 0, -fd,
			   "the directory cannot be opened again");
		return;
	}
	if (dir->made && !dir->r->opt.inherit && !dir->acl_set && !restore_dir_is_plain(dir) &&
	    dir->default_acl) {
		xattr_inherited_remove(fd);
		now.known = false;
		dir->looked = false;
	}
	attr_access(dir, NULL, fd, &now, attr);
	attr_times(dir, NULL, fd, attr);
	if (attr->set & (RESTORE_SET_OWNER | RESTORE_SET_MODE) && dir->looked) {
		dir->uid = now.uid;
		dir->gid = now.gid;
		dir->mode = now.mode;
		dir->plain &= !(now.mode & S_ISGID);
	}
}
