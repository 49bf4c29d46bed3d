// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The snapshot stands in its subvolume's root under a name of ours. One whose reader was killed is
 * known by its lock, which nobody holds, and goes with the next.
 */
#include <btrfsutil.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "copy/moment.h"

#define PREFIX	   ".extentd-copy."
#define ROOT_INODE 256 /* of each subvolume's root */

/* Cuts path down to the root of the subvolume that it lies in. A descriptor or -1. */
static int subvolume_root(char *path)
{
	struct stat st, at;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return -1;
	for (at = st; at.st_ino != ROOT_INODE;) {
		char *slash = strrchr(path, '/');

		if (!slash || !path[1])
			return -1;
		slash[slash == path] = '\0';
		if (stat(path, &at) < 0 || at.st_dev != st.st_dev)
			return -1;
	}
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Is path the directory, or below it? Both are in their shortest form. */
static bool is_below(const char *path, const char *directory)
{
	size_t n = directory[1] ? strlen(directory) : 0;

	return !strncmp(path, directory, n) && (!path[n] || path[n] == '/');
}

static bool mount_below(const char *source)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	bool found = !mounts;

	while (!found && (m = getmntent(mounts)))
		found = is_below(m->mnt_dir, source) && strcmp(m->mnt_dir, source);
	if (mounts)
		endmntent(mounts);
	return found;
}

/* Also where it cannot be told: that needs CAP_SYS_ADMIN. */
static bool subvolume_below(int root, const char *rest)
{
	struct btrfs_util_subvolume_iterator *i;
	enum btrfs_util_error e;
	bool found = false;
	char *path;

	if (btrfs_util_create_subvolume_iterator_fd(root, 0, 0, &i))
		return true;
	while (!found && !(e = btrfs_util_subvolume_iterator_next(i, &path, NULL))) {
		found = strncmp(path, PREFIX, strlen(PREFIX)) &&
			(!*rest || (is_below(path, rest) && strcmp(path, rest)));
		free(path);
	}
	btrfs_util_destroy_subvolume_iterator(i);
	return found || e != BTRFS_UTIL_ERROR_STOP_ITERATION;
}

static bool destination_below(const char *destination, const char *source)
{
	_cleanup_(freep) char *real = realpath(destination, NULL), *parent = NULL;
	const char *slash;

	if (!real) { /* it is not there yet */
		slash = strrchr(destination, '/');
		parent = slash == destination ? strdup("/")
			 : slash	      ? strndup(destination, (size_t)(slash - destination))
					      : strdup(".");
		real = parent ? realpath(parent, NULL) : NULL;
	}
	return !real || is_below(real, source);
}

static void sweep(int root)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		_cleanup_(closep) int old = -1;

		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)))
			continue;
		old = openat(root, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (old >= 0 && !btrfs_util_is_subvolume_fd(old) && !flock(old, LOCK_EX | LOCK_NB))
			btrfs_util_delete_subvolume_fd(root, e->d_name, 0);
	}
	if (d)
		closedir(d);
	else
		closep(&fd);
}

/* The snapshot, locked, as m->lock. */
static bool snapshot(struct moment *m)
{
	snprintf(m->name, sizeof(m->name), PREFIX "%d", getpid());
	if (btrfs_util_create_snapshot_fd2(m->root, m->root, m->name,
					   BTRFS_UTIL_CREATE_SNAPSHOT_READ_ONLY, NULL, NULL))
		return false;
	m->lock = openat(m->root, m->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (m->lock >= 0 && !flock(m->lock, LOCK_EX | LOCK_NB) && !fstat(m->root, &m->after))
		return true;
	btrfs_util_delete_subvolume_fd(m->root, m->name, 0);
	return false;
}

void moment_take(const char *source, const char *destination, struct moment *out)
{
	_cleanup_(freep) char *real = realpath(source, NULL), *path = real ? strdup(real) : NULL;
	_cleanup_(closep) int root = -1;
	const char *rest;
	struct statfs fs;
	bool read_only;

	*out = (struct moment){ .root = -1, .lock = -1 };
	if (!path || statfs(path, &fs) < 0 || fs.f_type != BTRFS_SUPER_MAGIC)
		return;
	root = subvolume_root(path);
	for (rest = real + strlen(path); *rest == '/';)
		rest++;
	if (root < 0 || btrfs_util_get_subvolume_read_only_fd(root, &read_only) ||
	    mount_below(real) || subvolume_below(root, rest) ||
	    destination_below(destination, real))
		return;
	if (read_only) {
		out->taken = true;
		return;
	}
	out->root = steal_fd(&root);
	if (fstat(out->root, &out->before) == 0) {
		sweep(out->root);
		out->taken = snapshot(out);
	}
	if (out->taken &&
	    asprintf(&out->source, "%s/%s%s%s", path, out->name, *rest ? "/" : "", rest) < 0) {
		out->source = NULL;
		out->taken = false;
		moment_release(out);
	}
}

/* The root's times as if nothing had been; unless somebody else has changed it, too. */
static void times_put_back(const struct moment *m)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, m->before.st_mtim };

	futimens(m->root, times);
}

int moment_release(struct moment *m)
{
	struct stat now;
	bool ours;
	int r = 0;

	closep(&m->lock);
	if (m->lock >= 0) {
		ours = !fstat(m->root, &now) && now.st_mtim.tv_sec == m->after.st_mtim.tv_sec &&
		       now.st_mtim.tv_nsec == m->after.st_mtim.tv_nsec;
		if (btrfs_util_delete_subvolume_fd(m->root, m->name, 0))
			r = -(errno ?: EIO);
		else if (ours)
			times_put_back(m);
	}
	closep(&m->root);
	free(steal_ptr(&m->source));
	m->root = m->lock = -1;
	return r;
}
