// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files: made with the owner and mode they are to have where that can be known beforehand, filled
 * through extentd, and completed when their last write is in the kernel.
 *
 * extentd learns of a file with its first extent and not before: empty files, and small ones that
 * came uncompressed, are nothing that it could do better. Those are written in place, and the
 * commit in the end reports their errors.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "restore/job.h"
#include "wire/codes.h"

unsigned int restore_window(const struct restore *r)
{
	return r->window;
}

unsigned int restore_files_open(const struct restore *r)
{
	return r->open_files;
}

static int window_wait(struct restore *r)
{
	int err = r->broken;

	/* Requests and answers travel in batches: a few files, one turn. */
	if (++r->opened % RESTORE_POLL_FILES == 0)
		err = restore_poll(r);
	/* What the caller still holds cannot be waited for: only the finished ones end. */
	while (err >= 0 && r->open_files >= r->window && r->sink->busy(r->sink))
		err = restore_wait(r, -1);
	return err < 0 ? err : 0;
}

static int file_new(struct restore_dir *dir, const char *name, int fd, struct restore_file **out)
{
	struct restore *r = dir->r;
	struct restore_file *file = calloc(1, sizeof(*file));

	if (!file || !(file->name = strdup(name))) {
		free(file);
		close(fd);
		return -ENOMEM;
	}
	file->r = r;
	file->dir = restore_dir_get(dir);
	file->fd = fd;
	file->handle = -1;
	file->refs = 1;
	TAILQ_INSERT_TAIL(&r->active, file, entry);
	r->open_files++;
	r->stats.files++;
	*out = file;
	return 0;
}

int restore_file_create(struct restore_dir *dir, const char *name,
			const struct restore_attr *wanted, struct restore_file **out)
{
	struct restore *r = dir->r;
	struct restore_owner now = { r->uid, r->gid, 0600, true };
	int err = dir_name_check(name);
	int up, fd;

	if (err < 0)
		return err;
	err = window_wait(r);
	if (err < 0)
		return err;
	up = restore_dir_fd(dir);
	if (up < 0)
		return up;
	if (!dir->looked && (err = dir_look(dir)) < 0)
		return err;

	/* The wanted mode at once, unless it would let others in before the owner is right. */
	if (dir->mode & S_ISGID)
		now.gid = dir->gid;
	if (wanted && wanted->set & RESTORE_SET_MODE &&
	    (r->opt.closed || !(wanted->set & RESTORE_SET_OWNER) ||
	     (wanted->uid == now.uid && wanted->gid == now.gid)))
		now.mode = (wanted->mode & 0777) | 0600; /* extentd may open it again, as we */

	fd = openat(up, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, now.mode);
	if (fd < 0)
		return -errno;
	err = file_new(dir, name, fd, out);
	if (err < 0)
		return err;
	(*out)->fresh = true;
	(*out)->acl_inherited = dir->default_acl;
	now.mode &= ~r->umask;
	now.known = !dir->default_acl;
	(*out)->owner = now;
	return 0;
}

int restore_file_open(struct restore_dir *dir, const char *name, bool truncate,
		      struct restore_file **out)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;
	int err = dir_name_check(name);
	int up;

	if (err < 0)
		return err;
	err = window_wait(dir->r);
	if (err < 0)
		return err;
	up = restore_dir_fd(dir);
	if (up < 0)
		return up;
	/* O_NONBLOCK: a fifo in its place must not stop us. */
	fd = openat(up, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (dir->r->opt.one_filesystem && st.st_dev != dir->dev)
		return -EXDEV;
	if (inode_find(dir->r, st.st_dev, st.st_ino)) {
		err = inode_wait(dir->r, st.st_dev, st.st_ino);
		if (!err && fstat(fd, &st) < 0) /* its attributes may have come just now */
			err = -errno;
		if (err < 0)
			return err;
	}
	err = file_new(dir, name, steal_fd(&fd), out);
	if (err < 0)
		return err;
	(*out)->dev = st.st_dev;
	(*out)->ino = st.st_ino;
	(*out)->end = (uint64_t)st.st_size;
	(*out)->owner = (struct restore_owner){ st.st_uid, st.st_gid, st.st_mode & 07777, true };
	if (inode_find(dir->r, st.st_dev, st.st_ino))
		(*out)->unproved = (struct restore_unproved){ true, true, 0, UINT64_MAX };
	if (!truncate)
		return 0;
	err = restore_file_truncate(*out, 0);
	if (err < 0)
		restore_file_finish(*out, &(struct restore_attr){ 0 });
	(*out)->end = 0;
	return err;
}

/*
 * Before extentd sees a file that existed: it takes no setuid file, and opens it again with our
 * user's rights but not with our capabilities. Both come back in file_complete().
 */
void file_claim(struct restore_file *file)
{
	struct restore_owner *now = &file->owner;
	mode_t mode = (now->mode & 0777) | 0600;

	if (!now->known || (now->uid == file->r->uid && now->mode == mode))
		return;
	if (!file->original.known)
		file->original = *now;
	if (now->uid != file->r->uid && !fchown(file->fd, file->r->uid, (gid_t)-1))
		now->uid = file->r->uid;
	if (!fchmod(file->fd, mode))
		now->mode = mode;
}

static void claim_undo(struct restore_file *file)
{
	const struct restore_owner *was = &file->original;
	struct restore_attr *attr = &file->attr;

	if (was->known && !(attr->set & RESTORE_SET_OWNER)) {
		attr->set |= RESTORE_SET_OWNER;
		attr->uid = was->uid;
		attr->gid = was->gid;
	}
	if (was->known && !(attr->set & RESTORE_SET_MODE)) {
		attr->set |= RESTORE_SET_MODE;
		attr->mode = was->mode;
	}
}

int restore_file_fd(struct restore_file *file)
{
	return file->fd;
}

uint64_t restore_file_end(const struct restore_file *file)
{
	return file->end;
}

int restore_file_moved(struct restore_file *file, struct restore_dir *dir, const char *name)
{
	int err = dir_name_check(name);
	char *copy;

	if (err < 0)
		return err;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	free(file->name);
	file->name = copy;
	restore_dir_get(dir);
	restore_dir_put(file->dir);
	file->dir = dir;
	return 0;
}

void restore_file_set(struct restore_file *file, const struct restore_attr *attr)
{
	struct restore_owner *was = &file->original;
	struct restore_attr now = *attr;

	if (restore_file_settle(file) < 0)
		return;					 /* told */
	if (was->known && now.set & RESTORE_SET_OWNER) { /* comes back in the end, with these */
		was->uid = now.uid;
		was->gid = now.gid;
		now.set &= ~(unsigned int)RESTORE_SET_OWNER;
	}
	if (was->known && now.set & RESTORE_SET_MODE) {
		was->mode = now.mode;
		now.set &= ~(unsigned int)RESTORE_SET_MODE;
	}
	attr_access(file->dir, file->name, file->fd, &file->owner, &now);
	attr_times(file->dir, file->name, file->fd, &now);
}

void restore_file_finish(struct restore_file *file, const struct restore_attr *attr)
{
	struct restore *r = file->r;

	file->attr = *attr;
	if (file->handle >= 0)
		r->sink->close(r->sink, file);
	file->finished = true;
	if (file->pending)
		r->finishing++;
	else
		file_complete(file);
}

static void size_apply(struct restore_file *file)
{
	if (!(file->attr.set & RESTORE_SET_SIZE) || file->attr.size == file->end)
		return;
	if (ftruncate(file->fd, (off_t)file->attr.size) < 0)
		job_failed(file->r, RESTORE_SIZE, file->dir, file->name, file->attr.size, 0, errno,
			   "the size could not be set");
}

static void file_closed(struct restore_file *file)
{
	struct restore *r = file->r;

	file->fd = -1;
	r->open_files--;
	TAILQ_REMOVE(&r->active, file, entry);
	if (file->first_id || file->small || file->refs > 1) {
		TAILQ_INSERT_TAIL(&r->unsettled, file, entry);
		r->unsettled_files++;
	} else {
		file_put(file);
	}
}

/* The sink has set the times, err being what came of it, and closed the file. */
void file_ended(struct restore_file *file, int err)
{
	file->pending--;
	file->r->finishing--;
	if (err < 0)
		attr_times_failed(file->dir, file->name, err);
	file_closed(file);
}

/*
 * All writes are in the kernel: nothing strips or touches any more what is set now. Also called
 * from completions, so it must not wait.
 *
 * The sink may do the last part while we go on. Until then the file counts as having a write under
 * way, which is what those wait for who touch it again; they find it by its inode, so only a file
 * that is listed may be ended so.
 */
void file_complete(struct restore_file *file)
{
	struct restore *r = file->r;

	size_apply(file);
	claim_undo(file);
	if (file->acl_inherited && !file->acl_set && !r->opt.inherit)
		fremovexattr(file->fd, "system.posix_acl_access");
	attr_access(file->dir, file->name, file->fd, &file->owner, &file->attr);
	attr_late(file);
	if (file->listed && r->sink->end && r->sink->end(r->sink, file)) {
		file->fd = -1;
		file->pending++;
		r->finishing++;
		return;
	}
	attr_times(file->dir, file->name, file->fd, &file->attr);
	close(file->fd);
	file_closed(file);
}

struct restore_file *file_put(struct restore_file *file)
{
	if (file && !--file->refs) {
		inode_unlist(file);
		if (file->fd >= 0)
			close(file->fd);
		restore_dir_put(file->dir);
		attr_late_free(file->late);
		free(file->name);
		free(file);
	}
	return NULL;
}
