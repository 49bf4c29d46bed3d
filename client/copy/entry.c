// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a directory can hold but directories. What is in the way is treated as cp does: a file's
 * content is replaced, anything else is replaced as a whole. In one point we differ: a symbolic
 * link in the place of a file is replaced and never written through.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "copy/tree.h"

struct restore_attr entry_attr(const struct stat *st)
{
	return (struct restore_attr){
		.set = RESTORE_SET_OWNER | RESTORE_SET_MODE | RESTORE_SET_TIMES,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mode = st->st_mode & 07777,
		.atime = st->st_atim,
		.mtime = st->st_mtim,
	};
}

int entry_open(int dir, const char *name, int flags)
{
	int fd;

	flags |= O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	/* Reading for a copy is no use of the file; only its owner may say so. */
	fd = openat(dir, name, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = openat(dir, name, flags);
	return fd < 0 ? -errno : fd;
}

/* Removes what is in the way of something that is no directory. */
static int make_way(struct tree *t, struct restore_dir *to, const char *name, const char *path,
		    const struct stat *source)
{
	int fd = restore_dir_fd(to);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode)) {
		tree_error(t, path, 0, "a directory stands in its place in the destination");
		return -EISDIR;
	}
	if (st.st_dev == source->st_dev && st.st_ino == source->st_ino) {
		tree_error(t, path, 0, "source and destination are the same file");
		return -EEXIST;
	}
	return unlinkat(fd, name, 0) < 0 ? -errno : 0;
}

/* 1: linked, nothing else to do. */
static int link_seen(struct tree *t, const struct stat *st, const char *path,
		     struct restore_dir *to, const char *name)
{
	const struct link *seen;
	int from_fd, to_fd;

	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return 0;
	seen = links_find(t->links, st->st_dev, st->st_ino);
	if (!seen)
		return 0;
	from_fd = restore_dir_fd(seen->dir);
	to_fd = restore_dir_fd(to);
	if (from_fd >= 0 && to_fd >= 0 && linkat(from_fd, seen->name, to_fd, name, 0) < 0) {
		if (errno != EEXIST || make_way(t, to, name, path, st) < 0 ||
		    linkat(from_fd, seen->name, to_fd, name, 0) < 0) {
			tree_error(t, path, errno, "the hard link cannot be made");
			return 1;
		}
	}
	t->opt->stats->links++;
	return 1;
}

static int link_remember(struct tree *t, const struct stat *st, struct restore_dir *to,
			 const char *name)
{
	return st->st_nlink < 2 ? 0 : links_add(t->links, st->st_dev, st->st_ino, to, name);
}

static int create_file(struct tree *t, const struct stat *st, const char *path,
		       struct restore_dir *to, const char *name, const struct restore_attr *attr,
		       struct restore_file **out)
{
	int err = restore_file_create(to, name, attr, out);
	struct stat old;
	int fd;

	if (err != -EEXIST)
		return err;
	/* Of several sources, an earlier one may have made it, and still be writing to it. */
	if (t->several) {
		err = data_drain(t->data);
		if (!err)
			err = restore_barrier(t->restore);
		if (err < 0)
			return err;
	}
	fd = restore_dir_fd(to);
	if (fd < 0)
		return fd;
	if (fstatat(fd, name, &old, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(old.st_mode) && (old.st_dev != st->st_dev || old.st_ino != st->st_ino))
		return restore_file_open(to, name, true, out);
	err = make_way(t, to, name, path, st);
	return err < 0 ? err : restore_file_create(to, name, attr, out);
}

static void count_unchanged(struct tree *t, const struct stat *st, const struct identities *ranges)
{
	uint64_t changed = 0;

	for (size_t i = 0; i < ranges->n; i++)
		changed += ranges->list[i].len;
	if (changed < (uint64_t)st->st_size)
		t->opt->stats->unchanged += (uint64_t)st->st_size - changed;
}

int entry_file(struct tree *t, int from_fd, const char *from, const char *path,
	       struct restore_dir *to, const char *name)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_(identities_free) struct identities ranges = { NULL };
	struct restore_file *file;
	struct restore_attr attr;
	struct stat st;
	int known = 0; /* the copy holds all but the ranges */
	int err = data_room(t->data);

	if (err < 0)
		return err;
	fd = entry_open(from_fd, from, 0);
	if (fd < 0 || fstat(fd, &st) < 0) {
		tree_error(t, path, fd < 0 ? -fd : errno, "cannot be opened");
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		tree_error(t, path, 0, "became something else while it was looked at");
		return 0;
	}
	if (link_seen(t, &st, path, to, name))
		return t->update ? update_other(t->update, path, S_IFREG) : 0;

	attr = entry_attr(&st);
	if (t->update)
		known = update_file(t->update, path, fd, &st, restore_dir_fd(to), name, &ranges);
	if (known < 0) {
		tree_error(t, path, -known, "what changed in it cannot be found out");
		return 0;
	}
	err = known ? restore_file_open(to, name, false, &file)
		    : create_file(t, &st, path, to, name, &attr, &file);
	if (known && err < 0 && err != -ECONNRESET) {
		known = 0;
		unlinkat(restore_dir_fd(to), name, 0);
		err = create_file(t, &st, path, to, name, &attr, &file);
	}
	if (err == -ECONNRESET)
		return err;
	if (err < 0) {
		if (err != -EISDIR && err != -EEXIST)
			tree_error(t, path, -err, "cannot be created in the destination");
		return 0;
	}
	t->opt->stats->files++;
	xattrs_copy_file(t, fd, path, file);
	err = link_remember(t, &st, to, name);
	if (err < 0)
		tree_error(t, path, -err, "its other names will be copies");
	if (!known)
		return data_copy(t->data, steal_fd(&fd), &st, path, file, &attr);
	count_unchanged(t, &st, &ranges);
	return data_copy_ranges(t->data, steal_fd(&fd), &st, path, file, &attr, &ranges);
}

/* Symlinks, devices, fifos, sockets. */
void entry_other(struct tree *t, int from_fd, const char *from, const char *path,
		 const struct stat *st, struct restore_dir *to, const char *name)
{
	struct restore_attr attr = entry_attr(st);
	int to_fd = restore_dir_fd(to);
	char target[4096];
	ssize_t len = 0;
	int err = 0;

	if (to_fd < 0) {
		tree_error(t, path, -to_fd, "cannot be created in the destination");
		return;
	}
	if (link_seen(t, st, path, to, name))
		return;
	if (S_ISLNK(st->st_mode)) {
		len = readlinkat(from_fd, from, target, sizeof(target) - 1);
		if (len < 0) {
			tree_error(t, path, errno, "the link cannot be read");
			return;
		}
		target[len] = '\0';
		attr.set &= ~(unsigned int)RESTORE_SET_MODE;
	}
	for (int again = 0; again < 2; again++) {
		err = S_ISLNK(st->st_mode)
			      ? symlinkat(target, to_fd, name)
			      : mknodat(to_fd, name, st->st_mode & (S_IFMT | 0777), st->st_rdev);
		err = err < 0 ? -errno : 0;
		if (err != -EEXIST || again)
			break;
		err = make_way(t, to, name, path, st);
		if (err < 0)
			break;
	}
	if (err < 0) {
		if (err != -EISDIR && err != -EEXIST)
			tree_error(t, path, -err, "cannot be created in the destination");
		return;
	}
	if (S_ISLNK(st->st_mode))
		t->opt->stats->symlinks++;
	else
		t->opt->stats->specials++;
	xattrs_copy_name(t, from_fd, from, path, to, name);
	restore_name_set(to, name, NULL, &attr);
	err = link_remember(t, st, to, name);
	if (err < 0)
		tree_error(t, path, -err, "its other names will be copies");
}
