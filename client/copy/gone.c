// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * What was copied once and is not in the source any more goes from the copy, before anything else
 * is done, so that it is not in the way. The copy may belong to somebody who puts links where
 * directories were: no path is followed through one.
 */

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/openat2.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "copy/known.h"

/* The directory that holds the path's last component, *name. A negative errno. */
static int copy_parent(const struct update *u, const char *path, const char **name)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_(closep) int root = open(u->copy, O_PATH | O_CLOEXEC);
	const char *slash = strrchr(path, '/');
	_cleanup_(freep) char *parent = NULL;
	long fd;

	if (root < 0)
		return -errno;
	*name = slash ? slash + 1 : path;
	if (!slash)
		return steal_fd(&root);
	parent = strndup(path, (size_t)(slash - path));
	if (!parent)
		return -ENOMEM;
	fd = syscall(SYS_openat2, root, parent, &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

int copy_stat(const struct update *u, const char *path, struct stat *out)
{
	const char *name;
	_cleanup_(closep) int fd = copy_parent(u, path, &name);

	if (fd < 0)
		return fd;
	return fstatat(fd, name, out, AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH)) < 0
		       ? -errno
		       : 0;
}

static int copy_unlink(const struct update *u, const struct known *k)
{
	const char *name;
	_cleanup_(closep) int fd = copy_parent(u, k->path, &name);

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? 0 : fd;
	if (unlinkat(fd, name, k->type == S_IFDIR ? AT_REMOVEDIR : 0) < 0 && errno != ENOENT &&
	    errno != ENOTEMPTY && errno != ENOTDIR)
		return -errno;
	return 0;
}

/* Marks the old entries that are in the source as what they were. */
static int look_at_source(struct update *u)
{
	char *roots[] = { u->read, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, NULL);
	FTSENT *f;

	if (!fts)
		return -errno;
	while ((f = fts_read(fts))) {
		struct known *e;

		if (f->fts_info == FTS_DNR || f->fts_info == FTS_ERR || f->fts_info == FTS_NS) {
			int err = f->fts_errno;

			fts_close(fts); /* what cannot be seen is not gone */
			return -err;
		}
		e = known_find(&u->old, path_below(u->read, f->fts_path));
		if (e)
			e->seen = e->type == (f->fts_statp->st_mode & S_IFMT);
	}
	fts_close(fts);
	return 0;
}

/* In the order of names, what is below a directory comes behind it. */
struct list {
	struct known **entries;
	size_t n, room;
	int error;
};

static _Thread_local struct list list; /* twalk() has no argument to pass on */

static void collect(const void *node, VISIT visit, int depth)
{
	if (visit != postorder && visit != leaf)
		return;
	if (list.n == list.room) {
		size_t room = list.room ? 2 * list.room : 256;
		void *more = reallocarray(list.entries, room, sizeof(struct known *));

		if (!more) {
			list.error = -ENOMEM;
			return;
		}
		list.entries = more;
		list.room = room;
	}
	list.entries[list.n++] = *(struct known *const *)node;
}

static int collect_old(const struct update *u)
{
	list = (struct list){ NULL, 0, 0, 0 };
	twalk(u->old, collect);
	return list.error;
}

int update_remove(struct update *u)
{
	int err = u->old ? look_at_source(u) : 0;

	if (err || !u->old)
		return err;
	err = collect_old(u);
	while (!err && list.n) {
		const struct known *k = list.entries[--list.n];
		struct stat st;

		if (k->seen || !*k->path || copy_stat(u, k->path, &st) < 0 ||
		    (st.st_mode & S_IFMT) != k->type)
			continue;
		err = copy_unlink(u, k);
	}
	free(list.entries);
	return err;
}

int gone_keep(struct update *u)
{
	int err = collect_old(u);

	for (size_t i = 0; !err && i < list.n; i++) {
		const struct known *k = list.entries[i];
		struct stat st;

		if (!known_find(&u->new, k->path) && copy_stat(u, k->path, &st) == 0)
			err = update_other(u, k->path, k->type);
	}
	free(list.entries);
	return err;
}
