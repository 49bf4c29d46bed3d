// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The walk. Directories are made before what is in them and get their owner, mode and times
 * after it; one that exists is gone into.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "copy/tree.h"

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

void tree_error(struct tree *t, const char *path, int error, const char *format, ...)
{
	char what[1024], text[6144];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(text, sizeof(text), "%s: %s%s%s", path, what, error ? ": " : "",
		 error ? strerror(error) : "");
	t->opt->stats->errors++;
	if (restore_is_full(-error))
		t->full = error;
	if (t->opt->error)
		t->opt->error(t->opt->userdata, text);
}

/* The content of the open directory d; path is a buffer of 4096 bytes that ends in its path. */
static int copy_content(struct tree *t, DIR *d, char *path, struct restore_dir *to)
{
	size_t len = strlen(path);
	struct dirent *e;
	int err = 0;

	while (!t->full) {
		errno = 0;
		e = readdir(d);
		if (!e)
			break;
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(path + len, 4096 - len, "%s%s", len && path[len - 1] == '/' ? "" : "/",
			 e->d_name);
		if (e->d_type == DT_REG)
			err = entry_file(t, dirfd(d), e->d_name, path, to, e->d_name);
		else
			err = tree_copy(t, dirfd(d), e->d_name, path, to, e->d_name);
		path[len] = '\0';
		if (err < 0)
			return err;
	}
	if (!t->full && errno)
		tree_error(t, path, errno, "cannot be listed to the end");
	return 0;
}

static int enter(struct tree *t, const char *path, const struct stat *st, struct restore_dir *to,
		 const char *name, struct restore_dir **out)
{
	int err;

	if (!name) {
		*out = restore_dir_get(to);
		return 0;
	}
	err = restore_dir_make(to, name, st->st_mode & 0777, out);
	if (err == -EEXIST)
		err = restore_dir_open(to, name, out);
	if (err == -ENOTDIR || err == -ELOOP)
		tree_error(t, path, 0, "what is no directory stands in its place");
	else if (err < 0)
		tree_error(t, path, -err, "cannot be created in the destination");
	return err;
}

/* Is the directory of the destination the source, or below it? Then the copy would copy itself. */
static bool is_inside(struct restore_dir *to, const struct stat *source)
{
	_cleanup_(closep) int fd = fcntl(restore_dir_fd(to), F_DUPFD_CLOEXEC, 0);
	struct stat st, above;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	for (;;) {
		int up;

		if (st.st_dev == source->st_dev && st.st_ino == source->st_ino)
			return true;
		up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = up;
		if (fd < 0 || fstat(fd, &above) < 0 ||
		    (above.st_dev == st.st_dev && above.st_ino == st.st_ino))
			return false;
		st = above;
	}
}

static int copy_directory(struct tree *t, int from_fd, const char *from, const char *path,
			  struct restore_dir *to, const char *name)
{
	_cleanup_(closedirp) DIR *d = NULL;
	_cleanup_(freep) char *below = malloc(4096);
	struct restore_dir *made;
	struct restore_attr attr;
	struct stat st;
	int fd, err;

	if (!below)
		return -ENOMEM;
	if (t->depth >= TREE_DEPTH_MAX || strlen(path) >= 4096 - 256 - 2) {
		tree_error(t, path, ENAMETOOLONG, "is too deep in the tree");
		return 0;
	}
	fd = entry_open(from_fd, from, O_DIRECTORY);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d || fstat(fd, &st) < 0) {
		tree_error(t, path, fd < 0 ? -fd : errno, "cannot be opened");
		if (!d && fd >= 0)
			close(fd);
		return 0;
	}
	if (!t->depth && is_inside(to, &st)) {
		tree_error(t, path, 0, "is not copied into itself");
		return 0;
	}
	if (enter(t, path, &st, to, name, &made) < 0)
		return 0;
	t->opt->stats->directories++;
	t->depth++;
	strcpy(below, path);
	err = copy_content(t, d, below, made);
	t->depth--;
	if (!err) {
		attr = entry_attr(&st);
		xattrs_copy_dir(t, fd, path, made);
		restore_dir_set(made, &attr);
	}
	restore_dir_put(made);
	return err;
}

int tree_copy(struct tree *t, int from_fd, const char *name, const char *path,
	      struct restore_dir *to, const char *to_name)
{
	struct stat st;

	if (fstatat(from_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		tree_error(t, path, errno, "cannot be looked at");
		return 0;
	}
	if (t->update && !S_ISREG(st.st_mode) &&
	    update_other(t->update, path, st.st_mode & S_IFMT) < 0)
		return -ENOMEM;
	if (S_ISDIR(st.st_mode))
		return copy_directory(t, from_fd, name, path, to, to_name);
	if (S_ISREG(st.st_mode))
		return entry_file(t, from_fd, name, path, to, to_name);
	entry_other(t, from_fd, name, path, &st, to, to_name);
	return 0;
}
