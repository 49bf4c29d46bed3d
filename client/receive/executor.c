// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands to system calls.
 *
 * One file is current: the last one made or written to, with its descriptor open and what is known
 * of its mode and owner. Whatever is said about the current file's path is done on the descriptor,
 * which is sure and fast; it ends being current when another file is wanted or a name changes. Its
 * attributes may have to wait for its writes: they are kept in the file, and applied by the
 * completion that finds no more in flight.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/dirs.h"
#include "receive/file.h"
#include "receive/executor.h"

struct executor {
	struct executor_options o;
	int root;
	struct action root_last; /* owner and mode that it shall have in the end */
	struct dirs *dirs;
	struct file *current;
	struct executor_stats stats;
	int failed; /* by a file after it was current */
	uid_t uid;  /* what new inodes get */
	gid_t gid;
};

static int call(int r)
{
	return r < 0 ? -errno : 0;
}

/* Lack of privilege is passed over, once it was told; everything else is an error. */
static int passed_over(struct executor *t, const struct action *a, const char *what, int r)
{
	if (!r || t->o.strict || (r != -EPERM && r != -EOPNOTSUPP))
		return r;
	t->stats.not_set++;
	t->o.warn(t->o.userdata, a, what, -r);
	return 0;
}

static int root_look(struct executor *t)
{
	struct stat st;

	if (fstat(t->root, &st))
		return -errno;
	/* Closed, it has lost setgid and the like; those were noted when it was open. */
	t->root_last.mode = (t->root_last.mode & 07000) | (st.st_mode & 07777);
	return 0;
}

static int root_close(struct executor *t)
{
	if (!t->o.closed)
		return 0;
	t->root_last.set |= ACTION_MODE;
	return call(fchmod(t->root, 0700));
}

/* setgid matters to what is made from here on, and a stream may well go on. */
static int root_open(struct executor *t)
{
	struct action *a = &t->root_last;
	int r = 0;

	if (a->set & ACTION_OWNER)
		r = passed_over(t, a, "owner", call(fchown(t->root, a->uid, a->gid)));
	if (!r && a->set & ACTION_MODE)
		r = call(fchmod(t->root, a->mode));
	a->set = 0;
	dirs_changed(t->dirs, (struct stream_string){ "", 0 });
	return r;
}

int executor_new(int root, const struct executor_options *options, struct executor **out)
{
	struct executor *t = calloc(1, sizeof(*t));
	int r;

	if (!t) {
		close(root);
		return -ENOMEM;
	}
	t->o = *options;
	t->root = root;
	t->uid = geteuid();
	t->gid = getegid();
	r = dirs_new(root, EXECUTOR_DIRS, &t->dirs);
	if (!r)
		r = root_look(t);
	if (!r)
		r = root_close(t);
	if (r) {
		executor_free(t);
		return r;
	}
	*out = t;
	return 0;
}

static int current_done(struct executor *t)
{
	struct file *f = t->current;

	if (!f)
		return 0;
	t->current = NULL;
	if (f->sink.sink)
		t->o.sink->close(t->o.sink, &f->sink);
	return file_release(f);
}

void executor_free(struct executor *t)
{
	if (!t)
		return;
	current_done(t);
	t->o.sink->settle(t->o.sink, NULL);
	dirs_free(t->dirs);
	close(t->root);
	free(t);
}

int executor_root(const struct executor *t)
{
	return t->root;
}

const struct executor_stats *executor_stats(const struct executor *t)
{
	return &t->stats;
}

static bool is_current(const struct executor *t, struct stream_string path)
{
	return t->current && t->current->size == path.size &&
	       !memcmp(t->current->path, path.data, path.size);
}

/* Makes the file at path current. */
static int current_open(struct executor *t, struct stream_string path)
{
	char name[STREAM_NAME_MAX + 1];
	struct dir *dir;
	struct stat st;
	int r, fd;

	if (is_current(t, path))
		return 0;
	r = current_done(t);
	if (!r)
		r = dirs_parent(t->dirs, path, &dir, name);
	if (r)
		return r;
	fd = openat(dir->fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st)) {
		closep(&fd);
		return -errno;
	}
	r = file_new(fd, -1, path, &t->failed, &t->stats.calls_saved, &t->current);
	if (!r)
		t->current->mode = st.st_mode & 07777;
	return r;
}

/* The new inode at dir/name; for a file its descriptor. */
static int make_at(const struct stream_command *c, int dir, const char *name, mode_t mode, int *fd)
{
	char target[STREAM_PATH_MAX + 1];

	switch (c->op) {
	case STREAM_C_MKFILE:
		*fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		return *fd < 0 ? -errno : 0;
	case STREAM_C_MKDIR:
		return call(mkdirat(dir, name, mode));
	case STREAM_C_MKNOD:
		return call(mknodat(dir, name, (c->mode & S_IFMT) | mode, c->rdev));
	case STREAM_C_MKFIFO:
		return call(mkfifoat(dir, name, mode));
	case STREAM_C_MKSOCK:
		return call(mknodat(dir, name, S_IFSOCK | mode, 0));
	case STREAM_C_SYMLINK:
		memcpy(target, c->path_link.data, c->path_link.size);
		target[c->path_link.size] = 0;
		return call(symlinkat(target, dir, name));
	default:
		return -EINVAL;
	}
}

static mode_t make_mode(const struct action *a)
{
	enum stream_op op = a->command->op;

	if (op == STREAM_C_SYMLINK)
		return 0777;
	/* Never with setuid: the owner may still be another. */
	if (a->set & ACTION_MODE && (op != STREAM_C_MKFILE || !file_mode_hinders(a->mode & 0777)))
		return (a->mode & 0777) | (op == STREAM_C_MKDIR ? 0700 : 0);
	return op == STREAM_C_MKDIR ? 0700 : op == STREAM_C_MKNOD ? 0 : 0600;
}

static int make(struct executor *t, const struct action *a)
{
	const struct stream_command *c = a->command;
	char name[STREAM_NAME_MAX + 1], first[STREAM_NAME_MAX + 1];
	bool temporary =
		c->path.size != a->path.size || memcmp(c->path.data, a->path.data, c->path.size);
	struct dir *root, *dir, *from;
	mode_t mode = make_mode(a);
	int r, fd = -1;

	r = current_done(t);
	if (!r)
		r = dirs_get(t->dirs, (struct stream_string){ "", 0 }, &root);
	if (!r)
		r = dirs_parent(t->dirs, a->path, &dir, name);
	if (r)
		return r;
	from = dir;
	if (!temporary || (dir->plain && root->plain))
		r = make_at(c, dir->fd, name, mode, &fd);
	else
		r = -EEXIST;
	if (r == -EEXIST && temporary) {
		r = dirs_parent(t->dirs, c->path, &from, first);
		if (!r)
			r = make_at(c, from->fd, first, mode, &fd);
		if (!r)
			r = call(renameat(from->fd, first, dir->fd, name));
		if (!r)
			dirs_forget(t->dirs, a->path);
		t->stats.literal++;
	} else {
		t->stats.elided += temporary;
	}
	if (r) {
		closep(&fd);
		return r;
	}
	t->stats.inodes++;
	if (c->op == STREAM_C_MKDIR && from->plain)
		dirs_made(t->dirs, a->path);
	r = file_new(fd, dir->fd, a->path, &t->failed, &t->stats.calls_saved, &t->current);
	if (r)
		return r;
	t->current->known = from->plain;
	t->current->mode = mode;
	t->current->uid = t->uid;
	t->current->gid = t->gid;
	/* Before the data, so that what is written is charged to whom it belongs. */
	if (fd >= 0 && a->set & ACTION_OWNER)
		r = passed_over(t, a, "owner", file_set(t->current, ACTION_OWNER, a));
	return r;
}

static int finish(struct executor *t, const struct action *a)
{
	struct file *f = t->current;

	if (!f || !is_current(t, a->path)) /* a hard link made in between has closed it */
		return -EINVAL;
	f->set = a->set;
	f->last = *a;
	f->last.command = NULL;
	if (a->set & ACTION_MODE && a->mode & S_ISGID)
		dirs_changed(t->dirs, a->path);
	/* cp's rule: an owner that may not be set is no error, but setuid goes with it. */
	if (a->set & ACTION_OWNER && !f->sink.inflight) {
		int r = file_set(f, ACTION_OWNER, a);

		if (r == -EPERM)
			f->last.mode &= ~(S_ISUID | S_ISGID);
		r = passed_over(t, a, "owner", r);
		if (r)
			return r;
		f->set &= ~ACTION_OWNER;
	}
	if (a->set & ACTION_MODE && !f->sink.inflight) {
		struct action kept = f->last;
		int r = passed_over(t, a, "mode", file_set(f, ACTION_MODE, &kept));

		if (r)
			return r;
		f->set &= ~ACTION_MODE;
	}
	return current_done(t);
}

/* Attributes of a path, which may be the current file's and may be the root. */
static int set_path(struct executor *t, const struct action *a)
{
	struct timespec times[2] = { a->atime, a->mtime };
	char name[STREAM_NAME_MAX + 1];
	struct dir *dir;
	int r;

	if (!a->path.size && a->set & ACTION_SET_TIMES)
		return call(futimens(t->root, times));
	if (!a->path.size) { /* owner and mode open it: in the end */
		t->root_last.set |= a->set;
		if (a->set & ACTION_OWNER) {
			t->root_last.uid = a->uid;
			t->root_last.gid = a->gid;
		}
		if (a->set & ACTION_MODE)
			t->root_last.mode = a->mode;
		return t->o.closed ? 0 : root_open(t);
	}
	if (is_current(t, a->path)) {
		if (a->set & ACTION_MODE && a->mode & S_ISGID)
			dirs_changed(t->dirs, a->path);
		r = t->o.sink->settle(t->o.sink, &t->current->sink);
		if (r)
			return r;
		if (t->current->set & ACTION_MODE) { /* taken away before data */
			struct action kept = t->current->last;

			t->current->set &= ~ACTION_MODE;
			r = file_set(t->current, ACTION_MODE, &kept);
		}
		return r ?: file_set(t->current, a->set, a);
	}
	r = dirs_parent(t->dirs, a->path, &dir, name);
	if (r)
		return r;
	if (a->set & ACTION_OWNER)
		r = call(fchownat(dir->fd, name, a->uid, a->gid, AT_SYMLINK_NOFOLLOW));
	if (!r && a->set & ACTION_MODE) {
		r = call(file_chmod_at(dir->fd, name, a->mode));
		dirs_changed(t->dirs, a->path); /* setgid, perhaps */
	}
	if (!r && a->set & ACTION_SET_TIMES)
		r = call(utimensat(dir->fd, name, times, AT_SYMLINK_NOFOLLOW));
	return r;
}

static int set_command(struct executor *t, const struct action *a)
{
	const struct stream_command *c = a->command;
	struct action set = {
		.position = a->position,
		.command = c,
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

	return passed_over(t, a, stream_op_name(c->op), set_path(t, &set));
}

static int do_xattr(const struct stream_command *c, int fd, const char *path, const char *name)
{
	if (c->op == STREAM_C_SET_XATTR)
		return call(path ? lsetxattr(path, name, c->xattr_data.data, c->xattr_data.size, 0)
				 : fsetxattr(fd, name, c->xattr_data.data, c->xattr_data.size, 0));
	return call(path ? lremovexattr(path, name) : fremovexattr(fd, name));
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

static int xattr(struct executor *t, const struct stream_command *c)
{
	char attribute[STREAM_NAME_MAX + 1], name[STREAM_NAME_MAX + 1];
	struct dir *dir;
	struct stat st;
	int r;

	if (!c->xattr_name.size || c->xattr_name.size > STREAM_NAME_MAX)
		return -ERANGE;
	memcpy(attribute, c->xattr_name.data, c->xattr_name.size);
	attribute[c->xattr_name.size] = 0;
	if (!c->path.size) {
		r = do_xattr(c, t->root, NULL, attribute);
		if (!r && t->o.closed && acl_says_mode(c, attribute)) {
			r = root_look(t);
			if (!r)
				r = root_close(t);
		}
		dirs_changed(t->dirs, c->path);
		return r;
	}
	if (is_current(t, c->path) && t->current->sink.fd >= 0) {
		if (c->op == STREAM_C_SET_XATTR && !strcmp(attribute, "security.capability"))
			return file_keep_capability(t->current, c->xattr_data);
		if (!strncmp(attribute, "system.", 7))
			t->current->known = false; /* an ACL is a mode too */
		return do_xattr(c, t->current->sink.fd, NULL, attribute);
	}
	if (is_current(t, c->path))
		t->current->known = false;
	r = dirs_parent(t->dirs, c->path, &dir, name);
	if (!r)
		r = call(fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW));
	if (r)
		return r;
	if (S_ISDIR(st.st_mode)) {
		dirs_changed(t->dirs, c->path);
		r = dirs_get(t->dirs, c->path, &dir);
		if (!r)
			r = do_xattr(c, dir->fd, NULL, attribute);
		dirs_changed(t->dirs, c->path);
		return r;
	}
	/* No call takes a directory and a name before Linux 6.13; the working directory is ours. */
	return call(fchdir(dir->fd)) ?: do_xattr(c, -1, name, attribute);
}

static int rename_or_link(struct executor *t, const struct stream_command *c)
{
	struct stream_string old = c->op == STREAM_C_LINK ? c->path_link : c->path;
	struct stream_string new = c->op == STREAM_C_LINK ? c->path : c->path_to;
	char from[STREAM_NAME_MAX + 1], to[STREAM_NAME_MAX + 1];
	struct dir *from_dir, *to_dir;
	int r = 0;

	/* A link changes no name that there was; a rename may change the current file's. */
	if (c->op == STREAM_C_RENAME)
		r = current_done(t);
	if (!r)
		r = dirs_parent(t->dirs, old, &from_dir, from);
	if (!r)
		r = dirs_parent(t->dirs, new, &to_dir, to);
	if (r)
		return r;
	if (c->op == STREAM_C_LINK)
		return call(linkat(from_dir->fd, from, to_dir->fd, to, 0));
	r = call(renameat(from_dir->fd, from, to_dir->fd, to));
	dirs_forget(t->dirs, old);
	dirs_forget(t->dirs, new);
	return r;
}

static int remove_name(struct executor *t, const struct stream_command *c)
{
	char name[STREAM_NAME_MAX + 1];
	struct dir *dir;
	int r = current_done(t);

	if (!r)
		r = dirs_parent(t->dirs, c->path, &dir, name);
	if (!r)
		r = call(unlinkat(dir->fd, name, c->op == STREAM_C_RMDIR ? AT_REMOVEDIR : 0));
	if (c->op == STREAM_C_RMDIR)
		dirs_forget(t->dirs, c->path);
	return r;
}

static int write_data(struct executor *t, const struct stream_command *c)
{
	bool encoded = c->op == STREAM_C_ENCODED_WRITE && c->compression;
	struct sink_write w = {
		.offset = c->file_offset,
		.len = encoded ? c->unencoded_file_len : c->data.size,
		.unencoded_len = encoded ? c->unencoded_len : c->data.size,
		.unencoded_offset = encoded ? c->unencoded_offset : 0,
		.compression = encoded ? c->compression : 0,
		.encryption = c->op == STREAM_C_ENCODED_WRITE ? c->encryption : 0,
		.payload = c->data.data,
		.payload_len = c->data.size,
		.block = c->block,
		.position = c->position,
	};
	uint64_t end;
	int r;

	if (__builtin_add_overflow(w.offset, w.len, &end) || end > INT64_MAX)
		return -EFBIG;
	if (!encoded && w.encryption)
		return -EOPNOTSUPP;
	r = current_open(t, c->path);
	if (!r && encoded)
		r = file_set_aside_mode(t->current);
	return r ?: t->o.sink->write(t->o.sink, &t->current->sink, &w);
}

static int clone(struct executor *t, const struct stream_command *c)
{
	struct file_clone_range range = {
		.src_offset = c->clone_offset,
		.src_length = c->clone_len,
		.dest_offset = c->file_offset,
	};
	_cleanup_(closep) int source = -1;
	int root, r;

	if (!c->clone_len) /* to the ioctl this means "to the end" */
		return 0;
	r = current_open(t, c->path);
	if (!r)
		r = t->o.sink->prove(t->o.sink, &t->current->sink);
	if (!r)
		r = t->o.sink->settle(t->o.sink, NULL); /* the source may be any file */
	if (r)
		return r;
	root = t->o.clone_root(t->o.userdata, c->clone_uuid, c->clone_ctransid);
	if (root < 0)
		return root;
	source = dirs_open_file(root, c->clone_path);
	if (source < 0)
		return source;
	range.src_fd = source;
	return call(ioctl(t->current->sink.fd, FICLONERANGE, &range));
}

static int resize(struct executor *t, const struct stream_command *c)
{
	int r = current_open(t, c->path);

	if (!r)
		r = t->o.sink->prove(t->o.sink, &t->current->sink);
	if (r)
		return r;
	if (c->op == STREAM_C_TRUNCATE)
		return call(ftruncate(t->current->sink.fd, c->size));
	return call(fallocate(t->current->sink.fd, c->fallocate_mode, c->file_offset, c->size));
}

static int enable_verity(struct executor *t, const struct stream_command *c)
{
	struct fsverity_enable_arg arg = {
		.version = 1,
		.hash_algorithm = c->verity_algorithm,
		.block_size = c->verity_block_size,
		.salt_size = c->verity_salt.size,
		.salt_ptr = (uintptr_t)c->verity_salt.data,
		.sig_size = c->verity_sig.size,
		.sig_ptr = (uintptr_t)c->verity_sig.data,
	};
	_cleanup_(closep) int fd = -1;
	int r;

	/* No writer may be left, neither the current file nor one in flight. */
	r = current_done(t);
	if (!r)
		r = t->o.sink->settle(t->o.sink, NULL);
	if (r)
		return r;
	fd = dirs_open_file(t->root, c->path);
	if (fd < 0)
		return fd;
	return call(ioctl(fd, FS_IOC_ENABLE_VERITY, &arg));
}

static int command(struct executor *t, const struct action *a)
{
	const struct stream_command *c = a->command;
	struct action made = *a;
	int r;

	switch (c->op) {
	case STREAM_C_MKFILE:
	case STREAM_C_MKDIR:
	case STREAM_C_MKNOD:
	case STREAM_C_MKFIFO:
	case STREAM_C_MKSOCK:
	case STREAM_C_SYMLINK:
		made.set = 0;
		r = make(t, &made);
		return r ?: current_done(t);
	case STREAM_C_RENAME:
	case STREAM_C_LINK:
		return rename_or_link(t, c);
	case STREAM_C_UNLINK:
	case STREAM_C_RMDIR:
		return remove_name(t, c);
	case STREAM_C_SET_XATTR:
	case STREAM_C_REMOVE_XATTR:
		return passed_over(t, a, "extended attribute", xattr(t, c));
	case STREAM_C_WRITE:
	case STREAM_C_ENCODED_WRITE:
		return write_data(t, c);
	case STREAM_C_CLONE:
		return clone(t, c);
	case STREAM_C_TRUNCATE:
	case STREAM_C_FALLOCATE:
		return resize(t, c);
	case STREAM_C_CHMOD:
	case STREAM_C_CHOWN:
	case STREAM_C_UTIMES:
		return set_command(t, a);
	case STREAM_C_UPDATE_EXTENT: /* a stream without data */
		return 0;
	case STREAM_C_FILEATTR:
		return passed_over(t, a, "inode flags", -EOPNOTSUPP);
	case STREAM_C_ENABLE_VERITY:
		return enable_verity(t, c);
	default:
		return -EINVAL;
	}
}

int executor_execute(void *target, const struct action *a)
{
	struct executor *t = target;
	int r = -EINVAL;

	switch (a->type) {
	case ACTION_MAKE:
		r = make(t, a);
		break;
	case ACTION_FINISH:
		r = finish(t, a);
		break;
	case ACTION_TIMES:
		r = passed_over(t, a, "times", set_path(t, a));
		break;
	case ACTION_COMMAND:
		r = command(t, a);
		break;
	}
	return r ?: t->failed;
}

int executor_finish(struct executor *t)
{
	int r = current_done(t), settled = t->o.sink->settle(t->o.sink, NULL);

	r = r ?: settled ?: t->failed;
	return r ?: root_open(t);
}
