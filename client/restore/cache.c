// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which directories are known, which are kept, and what they hand down to what is made in them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sync.h"
#include "restore/job.h"

static uint32_t name_hash(const struct restore_dir *parent, const char *name)
{
	uint64_t h = (uintptr_t)parent * 0x9e3779b97f4a7c15ull;

	while (*name)
		h = (h ^ (unsigned char)*name++) * 0x100000001b3ull;
	return (uint32_t)(h ^ h >> 29);
}

struct restore_dir *dir_child(struct restore_dir *parent, const char *name)
{
	uint32_t hash = name_hash(parent, name);
	struct restore_dir *dir;

	LIST_FOREACH(dir, &parent->r->dir_buckets[hash % RESTORE_DIR_BUCKETS], bucket)
		if (dir->hash == hash && dir->parent == parent && !strcmp(dir->name, name))
			return dir;
	return NULL;
}

/* Two of one name there may be only when one of them is not there any more. */
void dir_link(struct restore_dir *dir)
{
	struct restore_dir *old = dir_child(dir->parent, dir->name);

	if (old)
		dir_gone(old);
	dir->hash = name_hash(dir->parent, dir->name);
	LIST_INSERT_HEAD(&dir->r->dir_buckets[dir->hash % RESTORE_DIR_BUCKETS], dir, bucket);
}

static void dir_uncache(struct restore_dir *dir)
{
	if (!dir->cached)
		return;
	TAILQ_REMOVE(&dir->r->dirs, dir, lru);
	dir->cached = false;
	dir->r->dirs_cached--;
	closep(&dir->fd);
	dir->fd = -1;
	restore_dir_put(dir);
}

void dir_cache(struct restore_dir *dir)
{
	struct restore *r = dir->r;

	if (!dir->parent)
		return;
	if (dir->cached) {
		TAILQ_REMOVE(&r->dirs, dir, lru);
	} else {
		while (r->dirs_cached >= RESTORE_DIR_DESCRIPTORS)
			dir_uncache(TAILQ_FIRST(&r->dirs));
		dir->cached = true;
		r->dirs_cached++;
		restore_dir_get(dir);
	}
	TAILQ_INSERT_TAIL(&r->dirs, dir, lru);
}

void dir_cache_empty(struct restore *r)
{
	while (!TAILQ_EMPTY(&r->dirs))
		dir_uncache(TAILQ_FIRST(&r->dirs));
}

/* Whoever still holds it holds what has no name. */
void dir_gone(struct restore_dir *dir)
{
	if (!dir || dir->gone || !dir->parent)
		return;
	LIST_REMOVE(dir, bucket);
	dir->gone = true;
	dir_uncache(dir);
}

int restore_dir_moved(struct restore_dir *dir, struct restore_dir *parent, const char *name)
{
	int err = dir_name_check(name);
	struct restore_dir *was = dir->parent;
	char *copy;

	if (err < 0)
		return err;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	if (!dir->gone)
		LIST_REMOVE(dir, bucket);
	dir->gone = false;
	free(dir->name);
	dir->name = copy;
	dir->parent = restore_dir_get(parent);
	dir_link(dir);
	restore_dir_put(was);
	return 0;
}

/* Flags that btrfs_inherit_iflags() and the properties copy to new inodes, ACLs, the group. */
int dir_look(struct restore_dir *dir)
{
	int fd = restore_dir_fd(dir), flags = 0;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	dir->looked = true;
	dir->uid = st.st_uid;
	dir->gid = st.st_gid;
	dir->mode = st.st_mode & 07777;
	dir->default_acl = fgetxattr(fd, "system.posix_acl_default", NULL, 0) > 0;
	dir->plain = !dir->default_acl && !(st.st_mode & S_ISGID) &&
		     !ioctl(fd, FS_IOC_GETFLAGS, &flags) &&
		     !(flags & (FS_COMPR_FL | FS_NOCOMP_FL | FS_NOCOW_FL)) &&
		     fgetxattr(fd, "btrfs.compression", NULL, 0) < 0;
	return 0;
}

bool restore_dir_is_plain(struct restore_dir *dir)
{
	if (!dir->looked && dir_look(dir) < 0)
		return false;
	return dir->plain;
}

void restore_dir_changed(struct restore_dir *dir)
{
	dir->looked = false;
}

/* Each filesystem that names are made on needs its own commit in the end. */
int dir_filesystem(struct restore *r, dev_t dev, int fd)
{
	struct restore_filesystem *fs;
	int copy, err;

	for (unsigned int i = r->filesystem_count; i-- > 0;)
		if (r->filesystems[i].dev == dev)
			return 0;

	if (r->filesystem_count == RESTORE_FILESYSTEMS) {
		/* Full: the oldest is committed now, and listed again if more is made on it. */
		fs = &r->filesystems[0];
		err = -filesystem_sync(fs->fd);
		if (err)
			job_failed(r, RESTORE_SYNC, NULL, NULL, 0, 0, err,
				   "the commit of a filesystem failed");
		close(fs->fd);
		memmove(fs, fs + 1, sizeof(*fs) * --r->filesystem_count);
	}

	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	r->filesystems[r->filesystem_count++] = (struct restore_filesystem){ dev, copy };
	return 0;
}
