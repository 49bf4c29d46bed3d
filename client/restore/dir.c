// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Directories: one struct for each that is in use, found by parent and name. The descriptor is
 * opened when somebody needs it, and again after the cache has closed it, by walking down from the
 * nearest one that still is open. The identity is remembered: if somebody put another directory in
 * the place of one that we closed, we say so, and do not write into theirs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "restore/job.h"

int dir_name_check(const char *name)
{
	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	return strlen(name) > 255 ? -ENAMETOOLONG : 0;
}

int dir_open(int parent, const char *name)
{
	int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, O_RDONLY | flags);

	/* Without read permission it can still be walked through and written into. */
	if (fd < 0 && errno == EACCES)
		fd = openat(parent, name, O_PATH | flags);
	return fd < 0 ? -errno : fd;
}

static int dir_new(struct restore *r, struct restore_dir *parent, const char *name,
		   struct restore_dir **out)
{
	struct restore_dir *dir = calloc(1, sizeof(*dir));

	if (!dir || !(dir->name = strdup(name))) {
		free(dir);
		return -ENOMEM;
	}
	dir->r = r;
	dir->refs = 1;
	dir->fd = -1;
	if (parent) {
		dir->parent = restore_dir_get(parent);
		dir_link(dir);
		dir_cache(dir);
	}
	r->stats.directories++;
	*out = dir;
	return 0;
}

/* Its identity, from the first descriptor that it has. */
static int dir_identify(struct restore_dir *dir, int fd)
{
	const struct restore_dir *parent = dir->parent;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (dir->ino)
		return st.st_dev == dir->dev && st.st_ino == dir->ino ? 0 : -ESTALE;
	if (parent && parent->dev != st.st_dev && dir->r->opt.one_filesystem)
		return -EXDEV;
	if (!parent || parent->dev != st.st_dev) {
		int err = dir_filesystem(dir->r, st.st_dev, fd);

		if (err < 0)
			return err;
	}
	dir->dev = st.st_dev;
	dir->ino = st.st_ino;
	return 0;
}

int restore_root(struct restore *r, int fd, const char *label, struct restore_dir **out)
{
	_cleanup_(closep) int owned = fd;
	int err = dir_new(r, NULL, label, out);

	if (err < 0)
		return err;
	(*out)->fd = steal_fd(&owned); /* a root cannot be found again: not in the cache */
	err = dir_identify(*out, fd);
	if (!err)
		err = dir_look(*out);
	if (err < 0)
		*out = restore_dir_put(*out);
	return err;
}

int restore_dir_open(struct restore_dir *parent, const char *name, struct restore_dir **out)
{
	int err = dir_name_check(name);
	struct restore_dir *dir;

	if (err < 0)
		return err;
	dir = dir_child(parent, name);
	if (dir) {
		*out = restore_dir_get(dir);
		return 0;
	}
	err = dir_new(parent->r, parent, name, &dir);
	if (err < 0)
		return err;
	err = restore_dir_fd(dir);
	if (err >= 0)
		err = dir_look(dir);
	if (err < 0) {
		dir_gone(dir);
		restore_dir_put(dir);
		return err;
	}
	*out = dir;
	return 0;
}

int restore_dir_make(struct restore_dir *parent, const char *name, mode_t mode,
		     struct restore_dir **out)
{
	struct restore *r = parent->r;
	int err = dir_name_check(name);
	struct restore_dir *dir;
	int up;

	if (err < 0)
		return err;
	up = restore_dir_fd(parent);
	if (up < 0)
		return up;
	/* Its own mode comes last: until then we must be able to work in it. */
	mode = (mode & 0777) | 0700;
	if (mkdirat(up, name, mode) < 0)
		return -errno;
	err = dir_new(r, parent, name, &dir);
	if (err < 0)
		return err;
	dir->made = true;
	/* What is new in a plain directory is known without a look. */
	if (restore_dir_is_plain(parent)) {
		dir->looked = dir->plain = true;
		dir->uid = r->uid;
		dir->gid = r->gid;
		dir->mode = mode & ~r->umask;
	}
	*out = dir;
	return 0;
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

		if (parent && !dir->gone)
			LIST_REMOVE(dir, bucket);
		closep(&dir->fd);
		free(dir->name);
		free(dir);
		dir = parent;
	}
	return NULL;
}

static int descriptor_again(struct restore_dir *dir)
{
	_cleanup_(closep) int fd = -1;
	int err;

	if (dir->gone)
		return -ENOENT;
	fd = dir_open(dir->parent->fd, dir->name);
	err = fd < 0 ? fd : dir_identify(dir, fd);
	if (err < 0)
		return err;
	dir->fd = steal_fd(&fd);
	return 0;
}

int restore_dir_fd(struct restore_dir *dir)
{
	if (dir->parent)
		dir_cache(dir);
	while (dir->fd < 0) {
		struct restore_dir *missing = dir;
		int err;

		while (missing->parent->fd < 0)
			missing = missing->parent;
		dir_cache(missing);
		err = descriptor_again(missing);
		if (err < 0)
			return err;
	}
	return dir->fd;
}

struct restore_owner restore_dir_owner(struct restore_dir *dir)
{
	return (struct restore_owner){ dir->uid, dir->gid, dir->mode, dir->looked };
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
