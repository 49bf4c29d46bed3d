// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extended attributes, ACLs among them. A write or a change of owner strips capabilities, and an
 * ACL may let others in before the owner is right: they wait for the end of their file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "restore/job.h"

#define ACL_ACCESS  "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"
#define CAPABILITY  "security.capability"

static int xattr_set(int fd, const char *name, const void *value, size_t len)
{
	return fsetxattr(fd, name, value, len, 0) < 0 ? -errno : 0;
}

static bool is_acl(const char *name)
{
	return !strcmp(name, ACL_ACCESS) || !strcmp(name, ACL_DEFAULT);
}

void xattr_inherited_remove(int fd)
{
	fremovexattr(fd, ACL_DEFAULT);
	fremovexattr(fd, ACL_ACCESS);
}

/* Those that are handed down to what is made in it. */
static void dir_told(struct restore_dir *dir, const char *name)
{
	if (is_acl(name) || !strncmp(name, "btrfs.", 6))
		restore_dir_changed(dir);
}

int restore_dir_xattr(struct restore_dir *dir, const char *name, const void *value, size_t len)
{
	int fd = restore_dir_fd(dir);

	if (fd < 0)
		return fd;
	if (is_acl(name))
		dir->acl_set = true;
	dir_told(dir, name);
	return xattr_set(fd, name, value, len);
}

int restore_dir_xattr_remove(struct restore_dir *dir, const char *name)
{
	int fd = restore_dir_fd(dir);

	if (fd < 0)
		return fd;
	dir_told(dir, name);
	return fremovexattr(fd, name) < 0 ? -errno : 0;
}

static struct restore_late **late_find(struct restore_file *file, const char *name)
{
	struct restore_late **at = &file->late;

	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	return at;
}

static void late_drop(struct restore_late **at)
{
	struct restore_late *l = *at;

	*at = l->next;
	free(l);
}

static int late_keep(struct restore_file *file, const char *name, const void *value, size_t len)
{
	struct restore_late *l = malloc(sizeof(*l) + len + strlen(name) + 1);
	struct restore_late **old = late_find(file, name);

	if (!l)
		return -ENOMEM;
	l->len = len;
	l->name = l->value + len;
	memcpy(l->value, value, len);
	strcpy(l->name, name);
	if (*old)
		late_drop(old);
	l->next = file->late;
	file->late = l;
	return 0;
}

/* An ACL is a mode too. */
static void mode_look(struct restore_file *file)
{
	struct stat st;

	file->owner.known = !fstat(file->fd, &st);
	if (file->owner.known)
		file->owner.mode = st.st_mode & 07777;
}

int restore_file_xattr(struct restore_file *file, const char *name, const void *value, size_t len)
{
	bool acl = is_acl(name);
	int err;

	if (acl)
		file->acl_set = true;
	if ((acl && !file->r->opt.closed) || !strcmp(name, CAPABILITY))
		return late_keep(file, name, value, len);
	err = xattr_set(file->fd, name, value, len);
	if (acl)
		mode_look(file);
	return err;
}

int restore_file_xattr_remove(struct restore_file *file, const char *name)
{
	struct restore_late **late = late_find(file, name);
	bool kept = *late;

	if (kept)
		late_drop(late);
	if (fremovexattr(file->fd, name) < 0 && !(kept && errno == ENODATA))
		return -errno;
	if (is_acl(name))
		mode_look(file);
	return 0;
}

/* No call takes a directory and a name before Linux 6.13, and /proc may not be there. */
int restore_name_xattr(struct restore_dir *dir, const char *name, const char *attribute,
		       const void *value, size_t len)
{
	int up = restore_dir_fd(dir), err = dir_name_check(name);

	if (up < 0 || err < 0)
		return up < 0 ? up : err;
	err = inode_name_wait(dir, name);
	if (err < 0)
		return err;
	if (fchdir(up) < 0)
		return -errno;
	if ((value ? lsetxattr(name, attribute, value, len, 0) : lremovexattr(name, attribute)) < 0)
		err = -errno;
	if (fchdir(dir->r->cwd) < 0 && !err)
		err = -errno;
	return err;
}

void attr_late(struct restore_file *file)
{
	for (const struct restore_late *l = file->late; l; l = l->next) {
		int err = xattr_set(file->fd, l->name, l->value, l->len);

		if (err == -EOPNOTSUPP || err == -EPERM) {
			file->r->stats.xattrs_dropped++;
			job_lacking(file->r, RESTORE_XATTR, file->dir, file->name, err);
		} else if (err < 0) {
			job_failed(file->r, RESTORE_XATTR, file->dir, file->name, 0, 0, -err,
				   is_acl(l->name) ? "the ACL could not be set"
						   : "security.capability could not be set");
		}
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
