// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is said of inodes but their content: owners, modes, times, extended attributes, flags. The
 * root's owner and mode wait for the end: until then nobody else may enter it.
 */
#include <errno.h>
#include <linux/fs.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/target.h"

struct restore_attr attribute_of(const struct action *a)
{
	struct restore_attr attr = {
		.uid = (uid_t)a->uid,
		.gid = (gid_t)a->gid,
		.mode = a->mode & 07777,
		.atime = a->atime,
		.mtime = a->mtime,
	};

	attr.set |= a->set & ACTION_OWNER ? RESTORE_SET_OWNER : 0;
	attr.set |= a->set & ACTION_MODE ? RESTORE_SET_MODE : 0;
	attr.set |= a->set & ACTION_SET_TIMES ? RESTORE_SET_TIMES : 0;
	return attr;
}

int root_look(struct executor *t)
{
	struct stat st;

	if (fstat(restore_dir_fd(t->root), &st))
		return -errno;
	/* Closed, it has lost setgid and the like; those were noted when it was open. */
	t->root_last.mode = (t->root_last.mode & 07000) | (st.st_mode & 07777);
	return 0;
}

int root_close(struct executor *t)
{
	if (!t->o.closed)
		return 0;
	t->root_last.set |= RESTORE_SET_MODE;
	restore_dir_changed(t->root);
	return call(fchmod(restore_dir_fd(t->root), 0700), errno);
}

/* setgid matters to what is made from here on, and a stream may well go on. */
int root_open(struct executor *t)
{
	restore_dir_changed(t->root);
	restore_dir_set(t->root, &t->root_last);
	t->root_last.set = 0;
	restore_dir_changed(t->root);
	return 0;
}

static int root_set(struct executor *t, const struct restore_attr *attr)
{
	struct restore_attr times = *attr, *last = &t->root_last;

	if (attr->set & RESTORE_SET_TIMES) {
		times.set = RESTORE_SET_TIMES;
		restore_dir_set(t->root, &times);
	}
	last->set |= attr->set & (RESTORE_SET_OWNER | RESTORE_SET_MODE);
	if (attr->set & RESTORE_SET_OWNER) {
		last->uid = attr->uid;
		last->gid = attr->gid;
	}
	if (attr->set & RESTORE_SET_MODE)
		last->mode = attr->mode;
	return t->o.closed ? 0 : root_open(t);
}

int attribute_set(struct executor *t, const struct action *a)
{
	_cleanup_(restore_dir_putp) struct restore_dir *dir = NULL;
	struct restore_attr attr = attribute_of(a);
	char name[STREAM_NAME_MAX + 1];
	struct current *c = &t->current;
	int r;

	if (!a->path.size)
		return root_set(t, &attr);
	if (current_is(t, a->path)) {
		if (c->file)
			restore_file_set(c->file, &attr);
		else
			restore_name_set(c->dir, c->name, &c->owner, &attr);
		return 0;
	}
	r = paths_parent(t->paths, a->path, &dir, name);
	if (!r)
		restore_name_set(dir, name, NULL, &attr);
	return r;
}

int attribute_command(struct executor *t, const struct stream_command *c)
{
	struct action set = {
		.path = c->path,
		.mode = c->mode & 07777,
		.uid = c->uid,
		.gid = c->gid,
		.atime = c->atime,
		.mtime = c->mtime,
		.set = c->op == STREAM_C_CHOWN	 ? ACTION_OWNER
		       : c->op == STREAM_C_CHMOD ? ACTION_MODE
						 : ACTION_SET_TIMES,
	};

	return attribute_set(t, &set);
}

static int xattr_dir(struct restore_dir *dir, const struct stream_command *c, const char *attribute)
{
	if (c->op == STREAM_C_SET_XATTR)
		return restore_dir_xattr(dir, attribute, c->xattr_data.data, c->xattr_data.size);
	return restore_dir_xattr_remove(dir, attribute);
}

/*
 * Setting an access ACL sets the mode. Taking one away does not, nor does one without entries
 * (which is how the kernel spells taking away) or a default ACL.
 */
static bool acl_says_mode(const struct stream_command *c, const char *attribute)
{
	return c->op == STREAM_C_SET_XATTR && !strcmp(attribute, XATTR_NAME_POSIX_ACL_ACCESS) &&
	       c->xattr_data.size > sizeof(struct posix_acl_xattr_header);
}

static int xattr_root(struct executor *t, const struct stream_command *c, const char *attribute)
{
	int r = xattr_dir(t->root, c, attribute);

	restore_dir_changed(t->root);
	if (!r && t->o.closed && acl_says_mode(c, attribute))
		r = root_look(t) ?: root_close(t);
	return r;
}

static int xattr_name(struct executor *t, const struct stream_command *c, const char *attribute)
{
	_cleanup_(restore_dir_putp) struct restore_dir *dir = NULL, *below = NULL;
	char name[STREAM_NAME_MAX + 1];
	int r = paths_parent(t->paths, c->path, &dir, name);

	if (r)
		return r;
	r = restore_dir_open(dir, name, &below);
	if (!r)
		return xattr_dir(below, c, attribute);
	if (r != -ENOTDIR && r != -ELOOP)
		return r;
	return restore_name_xattr(
		dir, name, attribute,
		c->op == STREAM_C_SET_XATTR ? (c->xattr_data.data ?: (const uint8_t *)"") : NULL,
		c->xattr_data.size);
}

int attribute_xattr(struct executor *t, const struct stream_command *c)
{
	char attribute[STREAM_NAME_MAX + 1];

	if (!c->xattr_name.size || c->xattr_name.size > STREAM_NAME_MAX)
		return -ERANGE;
	memcpy(attribute, c->xattr_name.data, c->xattr_name.size);
	attribute[c->xattr_name.size] = 0;
	if (!c->path.size)
		return xattr_root(t, c, attribute);
	if (!current_is(t, c->path))
		return xattr_name(t, c, attribute);
	if (!t->current.file) {
		t->current.owner.known = false; /* an ACL is a mode too */
		return xattr_name(t, c, attribute);
	}
	if (c->op == STREAM_C_SET_XATTR)
		return restore_file_xattr(t->current.file, attribute, c->xattr_data.data,
					  c->xattr_data.size);
	return restore_file_xattr_remove(t->current.file, attribute);
}

/*
 * FILEATTR carries the flags as they are on disk. What concerns compression comes with the property
 * too, or was the kernel's own guess. An immutable file could not be worked on any more by the
 * incremental streams to come: like btrfs receive we leave it as it is, but say so.
 */
int attribute_flags(struct executor *t, const struct stream_command *c)
{
	static const struct {
		uint64_t stored;
		unsigned int flag;
	} map[] = {
		{ 1 << 1, FS_NOCOW_FL },    { 1 << 5, FS_SYNC_FL },   { 1 << 6, FS_IMMUTABLE_FL },
		{ 1 << 7, FS_APPEND_FL },   { 1 << 8, FS_NODUMP_FL }, { 1 << 9, FS_NOATIME_FL },
		{ 1 << 10, FS_DIRSYNC_FL },
	};
	const unsigned int never = FS_IMMUTABLE_FL | FS_APPEND_FL;
	_cleanup_(restore_dir_putp) struct restore_dir *dir = NULL;
	char name[STREAM_NAME_MAX + 1];
	unsigned int flags = 0, mask = 0;
	int r = current_done(t);

	for (size_t i = 0; i < ARRAY_SIZE(map); i++) {
		mask |= map[i].flag & ~never;
		if (c->fileattr & map[i].stored)
			flags |= map[i].flag;
	}
	if (!r && c->path.size)
		r = paths_parent(t->paths, c->path, &dir, name);
	if (!r)
		r = restore_name_flags(dir ?: t->root, dir ? name : NULL, flags & ~never, mask);
	return r ?: flags & never ? -EOPNOTSUPP : 0;
}
