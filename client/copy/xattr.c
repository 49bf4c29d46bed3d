// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extended attributes, ACLs among them: an ACL is copied as the attribute that it is stored in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "copy/tree.h"

#define XATTR_LIST_BYTES 65536 /* XATTR_LIST_MAX of linux/limits.h, and of the value's size */

struct xattr_target {
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

static void xattr_failed(struct tree *t, const char *path, const char *name, int error)
{
	/* trusted.* and security.* need the privilege, and not all filesystems have all kinds. */
	if (error == EOPNOTSUPP || error == EPERM)
		t->xattrs_skipped++;
	else if (error != ENODATA)
		tree_error(t, path, error, "the attribute %s cannot be copied", name);
}

/* fd >= 0, or the path from_path, not followed. */
static void xattrs_copy(struct tree *t, int fd, const char *from_path, const char *path,
			const struct xattr_target *to, const char *list, size_t list_len)
{
	_cleanup_(freep) char *value = malloc(XATTR_LIST_BYTES);

	if (!value) {
		tree_error(t, path, ENOMEM, "its attributes cannot be copied");
		return;
	}
	for (const char *name = list; name < list + list_len; name += strlen(name) + 1) {
		ssize_t len = fd >= 0 ? fgetxattr(fd, name, value, XATTR_LIST_BYTES)
				      : lgetxattr(from_path, name, value, XATTR_LIST_BYTES);
		int err = len < 0 ? -errno : xattr_set(to, name, value, (size_t)len);

		if (err < 0)
			xattr_failed(t, path, name, -err);
	}
}

static bool names_have(const char *list, size_t len, const char *name)
{
	for (const char *n = list; n < list + len; n += strlen(n) + 1)
		if (!strcmp(n, name))
			return true;
	return false;
}

/* Put there by the system, or by who decides how the copy is stored: not the source's business. */
static bool of_the_copy(const char *name)
{
	return !strncmp(name, "btrfs.", 6) ||
	       (!strncmp(name, "security.", 9) && strcmp(name, "security.capability"));
}

/* Removes from the copy what the source has not (any more). */
static void xattrs_prune(struct tree *t, const char *path, const struct xattr_target *to,
			 const char *list, size_t len)
{
	_cleanup_(freep) char *names = malloc(XATTR_LIST_BYTES);
	int fd = to->file ? restore_file_fd(to->file) : restore_dir_fd(to->dir);
	ssize_t have = names && fd >= 0 ? flistxattr(fd, names, XATTR_LIST_BYTES) : -1;

	for (const char *name = names; have > 0 && name < names + have; name += strlen(name) + 1) {
		int err = 0;

		if (of_the_copy(name) || names_have(list, len, name))
			continue;
		err = to->file ? restore_file_xattr_remove(to->file, name)
			       : restore_dir_xattr_remove(to->dir, name);
		if (err < 0 && err != -ENODATA)
			tree_error(t, path, -err, "the attribute %s stays in the copy", name);
	}
}

static void xattrs_copy_fd(struct tree *t, int fd, const char *path, const struct xattr_target *to)
{
	char list[4096], *names = list;
	_cleanup_(freep) char *larger = NULL;
	ssize_t len = flistxattr(fd, list, sizeof(list));

	if (len < 0 && errno == ERANGE) {
		larger = names = malloc(XATTR_LIST_BYTES);
		len = larger ? flistxattr(fd, larger, XATTR_LIST_BYTES) : -1;
	}
	if (len > 0)
		xattrs_copy(t, fd, NULL, path, to, names, (size_t)len);
	else if (len < 0 && errno != EOPNOTSUPP)
		tree_error(t, path, errno, "its attributes cannot be listed");
	if (len >= 0 && t->update)
		xattrs_prune(t, path, to, names, (size_t)len);
}

void xattrs_copy_file(struct tree *t, int fd, const char *path, struct restore_file *file)
{
	struct xattr_target to = { .file = file };

	xattrs_copy_fd(t, fd, path, &to);
}

void xattrs_copy_dir(struct tree *t, int fd, const char *path, struct restore_dir *dir)
{
	struct xattr_target to = { .dir = dir };

	xattrs_copy_fd(t, fd, path, &to);
}

void xattrs_copy_name(struct tree *t, int from_fd, const char *name, const char *path,
		      struct restore_dir *dir, const char *to_name)
{
	char from[64 + 256], target[64 + 256], list[4096];
	struct xattr_target to = { .path = target };
	int to_fd = restore_dir_fd(dir);
	ssize_t len;

	/* There is no lsetxattr relative to a directory before Linux 6.13. */
	if (to_fd < 0 ||
	    snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", from_fd, name) >=
		    (int)sizeof(from) ||
	    snprintf(target, sizeof(target), "/proc/self/fd/%d/%s", to_fd, to_name) >=
		    (int)sizeof(target))
		return;
	len = llistxattr(from, list, sizeof(list));
	if (len > 0)
		xattrs_copy(t, -1, from, path, &to, list, (size_t)len);
}
