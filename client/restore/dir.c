// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Directories and their descriptors. A directory is known by its parent and its name; the
 * descriptor is only a cache over that, dropped when too many are open and found again by walking
 * down from the nearest one that still is. The identity is remembered: if somebody put another
 * directory in the place of one that we closed, we say so, and do not write into theirs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sync.h"
#include "restore/job.h"

int dir_name_check(const char *name)
{
	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	return strlen(name) > 255 ? -ENAMETOOLONG : 0;
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

static void descriptor_drop(struct restore_dir *dir)
{
	struct restore *r = dir->r;

	TAILQ_REMOVE(&r->dirs, dir, lru);
	r->dir_descriptors--;
	close(dir->fd);
	dir->fd = -1;
}

static void descriptor_keep(struct restore_dir *dir, int fd)
{
	struct restore *r = dir->r;

	while (r->dir_descriptors >= RESTORE_DIR_DESCRIPTORS)
		descriptor_drop(TAILQ_FIRST(&r->dirs));
	dir->fd = fd;
	TAILQ_INSERT_TAIL(&r->dirs, dir, lru);
	r->dir_descriptors++;
}

static int descriptor_open(int parent, const char *name)
{
	int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, O_RDONLY | flags);

	/* Without read permission it can still be walked through and written into. */
	if (fd < 0 && errno == EACCES)
		fd = openat(parent, name, O_PATH | flags);
	return fd < 0 ? -errno : fd;
}

static int dir_new(struct restore *r, struct restore_dir *parent, const char *name, int fd,
		   bool made, struct restore_dir **out)
{
	_cleanup_(closep) int owned = fd;
	struct restore_dir *dir;
	struct stat st;
	int err;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (!parent || parent->dev != st.st_dev) {
		err = dir_filesystem(r, st.st_dev, fd);
		if (err < 0)
			return err;
	}

	dir = calloc(1, sizeof(*dir));
	if (!dir || !(dir->name = strdup(name))) {
		free(dir);
		return -ENOMEM;
	}
	dir->r = r;
	dir->refs = 1;
	dir->made = made;
	dir->dev = st.st_dev;
	dir->ino = st.st_ino;
	dir->uid = st.st_uid;
	dir->gid = st.st_gid;
	dir->mode = st.st_mode & 07777;
	dir->parent = parent ? restore_dir_get(parent) : NULL;
	if (made)
		dir->default_acl = parent && parent->default_acl;
	else
		dir->default_acl = fgetxattr(fd, "system.posix_acl_default", NULL, 0) > 0;

	if (parent)
		descriptor_keep(dir, steal_fd(&owned));
	else
		dir->fd = steal_fd(&owned); /* a root cannot be found again: not in the cache */
	r->stats.directories++;
	*out = dir;
	return 0;
}

int restore_root(struct restore *r, int fd, const char *label, struct restore_dir **out)
{
	return dir_new(r, NULL, label, fd, false, out);
}

int restore_dir_open(struct restore_dir *parent, const char *name, struct restore_dir **out)
{
	int err = dir_name_check(name);
	int up, fd;

	if (err < 0)
		return err;
	up = restore_dir_fd(parent);
	if (up < 0)
		return up;
	fd = descriptor_open(up, name);
	if (fd < 0)
		return fd;
	return dir_new(parent->r, parent, name, fd, false, out);
}

int restore_dir_make(struct restore_dir *parent, const char *name, mode_t mode,
		     struct restore_dir **out)
{
	int err = dir_name_check(name);
	int up, fd;

	if (err < 0)
		return err;
	up = restore_dir_fd(parent);
	if (up < 0)
		return up;
	/* Its own mode comes last: until then we must be able to work in it. */
	if (mkdirat(up, name, (mode & 0777) | 0700) < 0)
		return -errno;
	fd = descriptor_open(up, name);
	if (fd < 0)
		return fd;
	return dir_new(parent->r, parent, name, fd, true, out);
}

struct restore_dir *restore_dir_get(struct restore_dir *dir)
{
	dir->refs++;
	return dir;
}

struct restore_dir *restore_dir_put(struct restore_dir *dir)
{
	while (dir && !--dir->refs) {
		struct restore_dir *parent = dir->parent;

		if (dir->fd >= 0 && parent)
			descriptor_drop(dir);
		else if (dir->fd >= 0)
			close(dir->fd);
		free(dir->name);
		free(dir);
		dir = parent;
	}
	return NULL;
}

static int descriptor_again(struct restore_dir *dir)
{
	_cleanup_(closep) int fd = descriptor_open(dir->parent->fd, dir->name);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != dir->dev || st.st_ino != dir->ino)
		return -ESTALE;
	descriptor_keep(dir, steal_fd(&fd));
	return 0;
}

int restore_dir_fd(struct restore_dir *dir)
{
	struct restore *r = dir->r;

	while (dir->fd < 0) {
		struct restore_dir *missing = dir;
		int err;

		while (missing->parent->fd < 0)
			missing = missing->parent;
		err = descriptor_again(missing);
		if (err < 0)
			return err;
	}
	if (dir->parent) {
		TAILQ_REMOVE(&r->dirs, dir, lru);
		TAILQ_INSERT_TAIL(&r->dirs, dir, lru);
	}
	return dir->fd;
}

int restore_dir_moved(struct restore_dir *dir, struct restore_dir *parent, const char *name)
{
	int err = dir_name_check(name);
	char *copy;

	if (err < 0)
		return err;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	free(dir->name);
	dir->name = copy;
	restore_dir_get(parent);
	restore_dir_put(dir->parent);
	dir->parent = parent;
	return 0;
}

/* Puts part and a slash in front of what is at *at; false if there is no room for it. */
static bool path_prepend(char *out, size_t *at, const char *part)
{
	size_t len = strlen(part);
	bool slash = out[*at] && len && part[len - 1] != '/';

	if (len + slash > *at)
		return false;
	if (slash)
		out[--*at] = '/';
	*at -= len;
	memcpy(out + *at, part, len);
	return true;
}

int restore_path(struct restore_dir *dir, const char *name, char *out, size_t size)
{
	size_t at = size - 1;
	bool fits;

	out[at] = '\0';
	fits = !name || path_prepend(out, &at, name);
	for (; fits && dir; dir = dir->parent)
		fits = path_prepend(out, &at, dir->name);
	memmove(out, out + at, size - at);
	return fits ? 0 : -ENAMETOOLONG;
}
