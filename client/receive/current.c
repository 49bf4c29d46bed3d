// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The inode that commands are about right now, and how it is made: under its final name where
 * nobody could tell the difference.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "receive/target.h"

bool current_is(const struct executor *t, struct stream_string path)
{
	const struct current *c = &t->current;

	return c->dir && c->size == path.size && !memcmp(c->path, path.data, path.size);
}

int current_done(struct executor *t)
{
	struct current *c = &t->current;

	if (c->file)
		restore_file_finish(c->file, &(struct restore_attr){ 0 });
	c->file = NULL;
	c->dir = restore_dir_put(c->dir);
	return 0;
}

static void current_set(struct executor *t, struct stream_string path, struct restore_dir *dir,
			const char *name, struct restore_file *file)
{
	struct current *c = &t->current;

	c->dir = restore_dir_get(dir);
	c->file = file;
	strcpy(c->name, name);
	c->size = path.size;
	memcpy(c->path, path.data, path.size);
}

int current_open(struct executor *t, struct stream_string path)
{
	_cleanup_(restore_dir_putp) struct restore_dir *dir = NULL;
	char name[STREAM_NAME_MAX + 1];
	struct restore_file *file;
	int r;

	if (current_is(t, path) && t->current.file)
		return 0;
	r = current_done(t);
	if (!r)
		r = paths_parent(t->paths, path, &dir, name);
	if (!r)
		r = restore_file_open(dir, name, false, &file);
	if (!r)
		current_set(t, path, dir, name, file);
	return r;
}

/* The new inode at dir/name; for a file its descriptor. */
static int make_at(struct executor *t, const struct action *a, struct restore_dir *dir,
		   const char *name, struct restore_file **file)
{
	const struct stream_command *c = a->command;
	struct restore_attr wanted = attribute_of(a);
	mode_t mode = a->set & ACTION_MODE ? a->mode & 0777 : 0;
	struct restore_owner *now = &t->current.owner;
	char target[STREAM_PATH_MAX + 1];
	struct restore_dir *made;
	int r;

	switch (c->op) {
	case STREAM_C_MKFILE:
		return restore_file_create(dir, name, &wanted, file);
	case STREAM_C_MKDIR:
		r = restore_dir_make(dir, name, mode, &made);
		if (r)
			return r;
		*now = restore_dir_owner(made);
		restore_dir_put(made);
		return 0;
	case STREAM_C_MKNOD:
		return restore_name_make(dir, name, (c->mode & S_IFMT) | mode, c->rdev, NULL, now);
	case STREAM_C_MKFIFO:
		return restore_name_make(dir, name, S_IFIFO | mode, 0, NULL, now);
	case STREAM_C_MKSOCK:
		return restore_name_make(dir, name, S_IFSOCK | mode, 0, NULL, now);
	case STREAM_C_SYMLINK:
		memcpy(target, c->path_link.data, c->path_link.size);
		target[c->path_link.size] = 0;
		return restore_name_make(dir, name, S_IFLNK, 0, target, now);
	default:
		return -EINVAL;
	}
}

/* In two steps, as the stream says it. */
static int make_renamed(struct executor *t, const struct action *a, struct restore_dir *to,
			const char *to_name, struct restore_file **file)
{
	_cleanup_(restore_dir_putp) struct restore_dir *dir = NULL;
	char name[STREAM_NAME_MAX + 1];
	int r = paths_parent(t->paths, a->command->path, &dir, name);

	if (!r)
		r = make_at(t, a, dir, name, file);
	if (!r)
		r = restore_name_rename(dir, name, to, to_name);
	if (!r && *file)
		r = restore_file_moved(*file, to, to_name);
	paths_changed(t->paths);
	t->stats.literal++;
	return r;
}

int current_make(struct executor *t, const struct action *a)
{
	struct stream_string path = a->command->path;
	bool temporary = path.size != a->path.size || memcmp(path.data, a->path.data, path.size);
	_cleanup_(restore_dir_putp) struct restore_dir *dir = NULL;
	struct restore_file *file = NULL;
	char name[STREAM_NAME_MAX + 1];
	int r = current_done(t);

	if (!r)
		r = paths_parent(t->paths, a->path, &dir, name);
	if (r)
		return r;
	if (!temporary || (restore_dir_is_plain(dir) && restore_dir_is_plain(t->root)))
		r = make_at(t, a, dir, name, &file);
	else
		r = -EEXIST;
	if (r == -EEXIST && temporary)
		r = make_renamed(t, a, dir, name, &file);
	else
		t->stats.elided += temporary;
	if (r) {
		if (file)
			restore_file_finish(file, &(struct restore_attr){ 0 });
		return r;
	}
	t->stats.inodes++;
	current_set(t, a->path, dir, name, file);
	return 0;
}

int current_finish(struct executor *t, const struct action *a)
{
	struct restore_attr attr = attribute_of(a);
	struct current *c = &t->current;

	if (!current_is(t, a->path))
		return -EINVAL;
	if (!c->file) {
		restore_name_set(c->dir, c->name, &c->owner, &attr);
	} else {
		restore_file_finish(c->file, &attr);
		c->file = NULL;
	}
	return current_done(t);
}
