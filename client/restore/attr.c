// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owner, mode, times and extended attributes, in the one order that works: the owner first, for
 * it strips setuid bits and capabilities; then the mode; times last. What is already right is
 * left alone: with a good guess at creation a file costs one futimens() and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "restore/job.h"

#define SPECIAL_BITS (S_ISUID | S_ISGID)
#define ACL_ACCESS   "system.posix_acl_access"
#define ACL_DEFAULT  "system.posix_acl_default"

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

/* fchmodat() has no way not to follow a link: the caller asks for no mode on symlinks. */
static int mode_set(struct restore_dir *dir, const char *name, int fd, mode_t mode)
{
	int up;

	if (fd >= 0)
		return fchmod(fd, mode) < 0 ? -errno : 0;
	up = restore_dir_fd(dir);
	if (up < 0)
		return up;
	return fchmodat(up, name, mode, 0) < 0 ? -errno : 0;
}

static int times_set(struct restore_dir *dir, const char *name, int fd,
		     const struct timespec times[2])
{
	int up;

	if (fd >= 0)
		return futimens(fd, times) < 0 ? -errno : 0;
	up = restore_dir_fd(dir);
	if (up < 0)
		return up;
	return utimensat(up, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

void attr_access(struct restore_dir *dir, const char *name, int fd, struct restore_owner *now,
		 const struct restore_attr *attr)
{
	struct restore *r = dir->r;
	mode_t mode = attr->mode & 07777;
	int err;

	if (attr->set & RESTORE_SET_OWNER &&
	    !(now->known && now->uid == attr->uid && now->gid == attr->gid)) {
		err = owner_set(dir, name, fd, attr->uid, attr->gid);
		if (err == -EPERM) {
			/* As cp: the group may still be one of ours; setuid would be a lie. */
			if (owner_set(dir, name, fd, -1, attr->gid) < 0)
				mode &= ~(mode_t)S_ISGID;
			mode &= ~(mode_t)S_ISUID;
			r->stats.owners_kept++;
		} else if (err < 0) {
			job_failed(r, RESTORE_OWNER, dir, name, 0, 0, -err,
				   "the owner could not be set");
			mode &= ~(mode_t)SPECIAL_BITS;
		}
		if (now->mode & SPECIAL_BITS)
			now->known = false;
	}

	if (attr->set & RESTORE_SET_MODE && !(now->known && now->mode == mode)) {
		err = mode_set(dir, name, fd, mode);
		if (err < 0)
			job_failed(r, RESTORE_MODE, dir, name, 0, 0, -err,
				   "the mode could not be set");
	}
}

void attr_times(struct restore_dir *dir, const char *name, int fd, const struct restore_attr *attr)
{
	struct timespec times[2] = { attr->atime, attr->mtime };
	int err;

	if (!(attr->set & RESTORE_SET_TIMES))
		return;
	err = times_set(dir, name, fd, times);
	if (err < 0)
		job_failed(dir->r, RESTORE_TIMES, dir, name, 0, 0, -err,
			   "the times could not be set");
}

void restore_name_set(struct restore_dir *dir, const char *name, const struct restore_attr *attr)
{
	struct restore_owner now = { .known = false };

	attr_access(dir, name, -1, &now, attr);
	attr_times(dir, name, -1, attr);
}

void restore_dir_set(struct restore_dir *dir, const struct restore_attr *attr)
{
	struct restore_owner now = { dir->uid, dir->gid, dir->mode, true };
	int fd = restore_dir_fd(dir);

	if (fd < 0) {
		job_failed(dir->r, RESTORE_OPEN, dir, NULL, 0, 0, -fd,
			   "the directory cannot be opened again");
		return;
	}
	if (dir->made && dir->default_acl && !dir->acl_set) {
		fremovexattr(fd, ACL_DEFAULT);
		fremovexattr(fd, ACL_ACCESS);
		now.known = false;
		dir->default_acl = false;
	}
	attr_access(dir, NULL, fd, &now, attr);
	attr_times(dir, NULL, fd, attr);
	if (attr->set & RESTORE_SET_OWNER) {
		dir->uid = attr->uid;
		dir->gid = attr->gid;
	}
	if (attr->set & RESTORE_SET_MODE)
		dir->mode = attr->mode & 07777;
}

static int xattr_set(int fd, const char *name, const void *value, size_t len)
{
	return fsetxattr(fd, name, value, len, 0) < 0 ? -errno : 0;
}

static bool is_acl(const char *name)
{
	return !strcmp(name, ACL_ACCESS) || !strcmp(name, ACL_DEFAULT);
}

int restore_dir_xattr(struct restore_dir *dir, const char *name, const void *value, size_t len)
{
	int fd = restore_dir_fd(dir);

	if (fd < 0)
		return fd;
	if (is_acl(name))
		dir->acl_set = true;
	return xattr_set(fd, name, value, len);
}

static int late_keep(struct restore_file *file, const char *name, const void *value, size_t len)
{
	struct restore_late *l = malloc(sizeof(*l) + len + strlen(name) + 1);

	if (!l)
		return -ENOMEM;
	l->len = len;
	l->name = l->value + len;
	memcpy(l->value, value, len);
	strcpy(l->name, name);
	l->next = file->late;
	file->late = l;
	return 0;
}

int restore_file_xattr(struct restore_file *file, const char *name, const void *value, size_t len)
{
	if (is_acl(name))
		file->acl_set = true;
	/* A write strips the one, and the other may keep extentd from opening the file again. */
	if (is_acl(name) || !strcmp(name, "security.capability"))
		return late_keep(file, name, value, len);
	return xattr_set(file->fd, name, value, len);
}

void attr_late(struct restore_file *file)
{
	for (const struct restore_late *l = file->late; l; l = l->next) {
		int err = xattr_set(file->fd, l->name, l->value, l->len);

		if (err == -EOPNOTSUPP || err == -EPERM)
			file->r->stats.xattrs_dropped++;
		else if (err < 0)
			job_failed(file->r, RESTORE_XATTR, file->dir, file->name, 0, 0, -err,
				   is_acl(l->name) ? "the ACL could not be set"
						   : "security.capability could not be set");
	}
	attr_late_free(file->late);
	file->late = NULL;
}

void attr_late_free(struct restore_late *late)
{
	while (late) {
		struct restore_late *next = late->next;

		free(late);
		late = next;
	}
}
