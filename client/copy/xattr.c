// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "copy/tree.h"
#include "copy/xattrs.h"

struct xattr_target {
	struct tree *t;
	const char *source; /* for messages */
	struct restore_file *file;
	struct restore_dir *dir;
	const char *path; /* of a symlink or special file, below /proc/self/fd */
};

static int xattr_set(const struct xattr_target *to, const char *name, const void *value, size_t len)
{
	if (to->file)
		return restore_file_xattr(to->file, name, value, len);
	if (to->dir)
		return restore_dir_xattr(to->dir, name, value, len);
	return lsetxattr(to->path, name, value, len, 0) < 0 ? -errno : 0;
}

static void xattr_copy(void *userdata, const char *name, const void *value, ssize_t len)
{
	const struct xattr_target *to = userdata;
	int err = len < 0 ? (int)len : xattr_set(to, name, value, (size_t)len);

	/* trusted.* and security.* need the privilege, and not all filesystems have all kinds. */
	if (err == -EOPNOTSUPP || err == -EPERM)
		to->t->xattrs_skipped++;
	else if (err < 0 && err != -ENODATA)
		tree_error(to->t, to->source, -err, "the attribute %s cannot be copied", name);
}

/* Put there by the system, or by who decides how the copy is stored: not the source's business. */
static bool of_the_copy(const char *name)
{
	return !strncmp(name, "btrfs.", 6) ||
	       (!strncmp(name, "security.", 9) && strcmp(name, "security.capability"));
}

/* Removes from the copy what the source has not (any more). */
static void xattrs_prune(const struct xattr_target *to, const struct xattr_names *wanted)
{
	_cleanup_(xattr_names_free) struct xattr_names have = { NULL };
	int fd = to->file ? restore_file_fd(to->file) : restore_dir_fd(to->dir);

	if (fd < 0 || xattr_names_read(fd, NULL, &have) < 0)
		return;
	for (const char *name = NULL; (name = xattr_names_next(&have, name));) {
		int err = 0;

		if (of_the_copy(name) || xattr_names_have(wanted, name))
			continue;
		err = to->file ? restore_file_xattr_remove(to->file, name)
			       : restore_dir_xattr_remove(to->dir, name);
		if (err < 0 && err != -ENODATA)
			tree_error(to->t, to->source, -err, "the attribute %s stays in the copy",
				   name);
	}
}

static void xattrs_copy(int fd, const char *path, struct xattr_target *to)
{
	_cleanup_(xattr_names_free) struct xattr_names names = { NULL };
	int err = xattr_names_read(fd, path, &names);

	if (!err)
		err = xattrs_each(fd, path, &names, xattr_copy, to);
	if (err < 0)
		tree_error(to->t, to->source, -err, "its attributes cannot be listed");
	else if (to->t->update && !to->path)
		xattrs_prune(to, &names);
}

void xattrs_copy_file(struct tree *t, int fd, const char *path, struct restore_file *file)
{
	struct xattr_target to = { .t = t, .source = path, .file = file };

	xattrs_copy(fd, NULL, &to);
}

void xattrs_copy_dir(struct tree *t, int fd, const char *path, struct restore_dir *dir)
{
	struct xattr_target to = { .t = t, .source = path, .dir = dir };

	xattrs_copy(fd, NULL, &to);
}

void xattrs_copy_name(struct tree *t, int from_fd, const char *name, const char *path,
		      struct restore_dir *dir, const char *to_name)
{
	char from[64 + 256], target[64 + 256];
	struct xattr_target to = { .t = t, .source = path, .path = target };
	int to_fd = restore_dir_fd(dir);

	/* There is no lsetxattr relative to a directory before Linux 6.13. */
	if (to_fd < 0 || snprintf(target, sizeof(target), "/proc/self/fd/%d/%s", to_fd, to_name) >=
				 (int)sizeof(target))
		return;
	if (from_fd == AT_FDCWD) /* a source as it was given */
		xattrs_copy(-1, name, &to);
	else if (snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", from_fd, name) <
		 (int)sizeof(from))
		xattrs_copy(-1, from, &to);
}
