// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "restore/job.h"

/* RENAME_NOREPLACE of linux/fs.h, which does not go together with stdio.h everywhere. */
#define NOREPLACE 1

static int name_dir(struct restore_dir *dir, const char *name)
{
	int err = dir_name_check(name);

	return err < 0 ? err : restore_dir_fd(dir);
}

int restore_name_make(struct restore_dir *dir, const char *name, mode_t mode, dev_t rdev,
		      const char *target, struct restore_owner *now)
{
	struct restore *r = dir->r;
	int up = name_dir(dir, name);

	if (up < 0)
		return up;
	if ((target ? symlinkat(target, up, name) : mknodat(up, name, mode, rdev)) < 0)
		return -errno;
	r->stats.others++;
	if (now)
		*now = (struct restore_owner){
			.uid = r->uid,
			.gid = r->gid,
			.mode = target ? 0777 : mode & 07777 & ~r->umask,
			.known = restore_dir_is_plain(dir),
		};
	return 0;
}

void restore_name_set(struct restore_dir *dir, const char *name, struct restore_owner *now,
		      const struct restore_attr *attr)
{
	struct restore_owner unknown = { .known = false };
	struct restore_dir *child;

	if (inode_name_wait(dir, name) < 0)
		return; /* the job is over, which is told elsewhere */
	attr_access(dir, name, -1, now ? now : &unknown, attr);
	attr_times(dir, name, -1, attr);
	child = attr->set & (RESTORE_SET_OWNER | RESTORE_SET_MODE) ? dir_child(dir, name) : NULL;
	if (child)
		restore_dir_changed(child); /* setgid, perhaps */
}

int restore_name_rename(struct restore_dir *from, const char *name, struct restore_dir *to,
			const char *to_name)
{
	int from_fd = name_dir(from, name), to_fd = name_dir(to, to_name);
	struct restore_dir *moved;
	struct inode_name last;
	bool going = false;

	if (from_fd < 0 || to_fd < 0)
		return from_fd < 0 ? from_fd : to_fd;
	if (renameat2(from_fd, name, to_fd, to_name, NOREPLACE) < 0) {
		if (errno != EEXIST && errno != EINVAL)
			return -errno;
		going = inode_last_name(to, to_name, &last);
		if (renameat(from_fd, name, to_fd, to_name) < 0)
			return -errno;
		if (going)
			inode_removed(from->r, &last);
		dir_gone(dir_child(to, to_name));
	}
	moved = dir_child(from, name);
	return moved ? restore_dir_moved(moved, to, to_name) : 0;
}

int restore_name_link(struct restore_dir *from, const char *name, struct restore_dir *to,
		      const char *to_name)
{
	int from_fd = name_dir(from, name), to_fd = name_dir(to, to_name);

	if (from_fd < 0 || to_fd < 0)
		return from_fd < 0 ? from_fd : to_fd;
	return linkat(from_fd, name, to_fd, to_name, 0) < 0 ? -errno : 0;
}

int restore_name_remove(struct restore_dir *dir, const char *name, bool directory)
{
	int up = name_dir(dir, name);
	struct inode_name last;
	bool going;

	if (up < 0)
		return up;
	going = !directory && inode_last_name(dir, name, &last);
	if (unlinkat(up, name, directory ? AT_REMOVEDIR : 0) < 0)
		return -errno;
	if (directory)
		dir_gone(dir_child(dir, name));
	if (going)
		inode_removed(dir->r, &last);
	return 0;
}
