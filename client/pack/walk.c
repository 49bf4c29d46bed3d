// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The walk. A directory's names are listed before anything is done with them: one that it showed
 * twice would be made twice, which no receiver takes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "copy/tree.h"
#include "pack/inode.h"
#include "pack/listing.h"
#include "pack/queue.h"

static int walk_content(struct pack *p, int fd)
{
	_cleanup_(listing_free) struct listing names = { NULL };
	size_t len = strlen(p->path);
	int r = listing_read(fd, &names);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		pack_error(p, p->path, -r, "cannot be listed to the end");
		r = 0;
	}
	for (size_t i = 0; !r && i < names.n; i++) {
		const char *name = names.list[i]->name;

		p->path[len] = '/';
		strcpy(p->path + len + 1, name);
		r = walk(p, fd, name);
		p->path[len] = '\0';
	}
	return r;
}

/* An open directory, which the stream has already. Its attributes come last: what is made in a
 * directory with a default ACL, a property or setgid would inherit that. */
static int directory(struct pack *p, int fd, const struct stat *st, const char *path)
{
	int r;

	p->opt->stats->directories++;
	r = walk_content(p, fd);
	if (!r)
		r = xattrs_put(p, fd, -1, NULL, path);
	return r ?: attributes_put(&p->out, path, st);
}

static int directory_open(struct pack *p, int dir, const char *name, struct stat *st)
{
	int fd;

	if (strlen(p->path) + 1 + NAME_MAX + 1 > PACK_PATH_ROOM) {
		pack_error(p, p->path, ENAMETOOLONG, "is too deep in the tree");
		return -1;
	}
	fd = entry_open(dir, name, O_DIRECTORY);
	if (fd >= 0 && !fstat(fd, st))
		return fd;
	pack_error(p, p->path, fd < 0 ? -fd : errno, "cannot be opened");
	closep(&fd);
	return -1;
}

static int walk_directory(struct pack *p, int dir, const char *name)
{
	_cleanup_(freep) char *path = strdup(p->path + p->skip);
	struct stream_command c = { .op = STREAM_C_MKDIR, .ino = ++p->ino };
	_cleanup_(closep) int fd = -1;
	struct stat st;
	int r;

	if (!path)
		return -ENOMEM;
	fd = directory_open(p, dir, name, &st);
	if (fd < 0)
		return 0;
	c.path = pack_string(path);
	r = pack_command(p, &c);
	return r ?: directory(p, fd, &st, path);
}

int walk_root(struct pack *p, const char *name)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;

	fd = directory_open(p, AT_FDCWD, name, &st);
	return fd < 0 ? -ENOENT : directory(p, fd, &st, "");
}

/* Symlinks, devices, fifos, sockets. */
static int walk_other(struct pack *p, int dir, const char *name, const struct stat *st)
{
	const char *path = p->path + p->skip;
	struct stream_command c = {
		.path = pack_string(path),
		.ino = ++p->ino,
		.mode = st->st_mode,
		.rdev = st->st_rdev,
		.present = STREAM_BIT(MODE) | STREAM_BIT(RDEV),
	};
	char target[PATH_MAX];
	ssize_t len;
	int r;

	if (link_put(p, st, path, &r))
		return r;
	if (S_ISLNK(st->st_mode)) {
		len = readlinkat(dir, name, target, sizeof(target));
		if (len <= 0 || len == sizeof(target)) {
			pack_error(p, p->path, len < 0 ? errno : ENAMETOOLONG,
				   "the link cannot be read");
			return 0;
		}
		c.op = STREAM_C_SYMLINK;
		c.path_link = (struct stream_string){ target, (uint32_t)len };
		p->opt->stats->symlinks++;
	} else {
		c.op = S_ISFIFO(st->st_mode)   ? STREAM_C_MKFIFO
		       : S_ISSOCK(st->st_mode) ? STREAM_C_MKSOCK
					       : STREAM_C_MKNOD;
		p->opt->stats->specials++;
	}
	r = pack_command(p, &c);
	if (!r)
		r = xattrs_put(p, -1, dir, name, path);
	if (!r)
		r = attributes_put(&p->out, path, st);
	link_remember(p, st, path);
	return r;
}

int walk(struct pack *p, int dir, const char *name)
{
	struct stat st;
	int r;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		pack_error(p, p->path, errno, "cannot be looked at");
		return 0;
	}
	if (S_ISREG(st.st_mode))
		return file_pack(p, dir, name);
	r = S_ISDIR(st.st_mode) ? walk_directory(p, dir, name) : walk_other(p, dir, name, &st);
	return r ?: queue_turn(p, false);
}
