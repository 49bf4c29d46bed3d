// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which inodes have writes under way or without proof. Names do not tell: a file may have several,
 * and get others, while its writes are on their way.
 *
 * A file is listed when a sink first keeps something of it, and stays so until a commit, or a
 * proof of its own, has shown that all is on disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "restore/job.h"

static struct restore_inode_bucket *bucket_of(struct restore *r, ino_t ino)
{
	return &r->inodes[(ino * 0x9e3779b97f4a7c15ull >> 40) % RESTORE_INODE_BUCKETS];
}

int inode_of(struct restore_file *file)
{
	struct stat st;

	if (file->ino)
		return 0;
	if (fstat(file->fd, &st) < 0)
		return -errno;
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	return 0;
}

int inode_list(struct restore_file *file)
{
	int err = file->listed ? 0 : inode_of(file);

	if (err < 0 || file->listed)
		return err;
	LIST_INSERT_HEAD(bucket_of(file->r, file->ino), file, inode);
	file->listed = true;
	return 0;
}

void inode_unlist(struct restore_file *file)
{
	if (file->listed)
		LIST_REMOVE(file, inode);
	file->listed = false;
}

struct restore_file *inode_find(struct restore *r, dev_t dev, ino_t ino)
{
	struct restore_file *file;

	LIST_FOREACH(file, bucket_of(r, ino), inode)
		if (file->ino == ino && file->dev == dev)
			return file;
	return NULL;
}

/* Until every write that anybody had under way is in the kernel, and its attributes are set. */
int inode_wait(struct restore *r, dev_t dev, ino_t ino)
{
	struct restore_file *file;
	int err = 0;

again:
	LIST_FOREACH(file, bucket_of(r, ino), inode) {
		if (file->ino != ino || file->dev != dev || !file->pending)
			continue;
		err = restore_wait(r, -1);
		if (err < 0)
			return err;
		goto again;
	}
	return 0;
}

static bool name_look(struct restore_dir *dir, const char *name, struct stat *st)
{
	int fd = restore_dir_fd(dir);

	return fd >= 0 && !fstatat(fd, name, st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st->st_mode);
}

/* Before attributes are set by name: those that a file was given at its end come first. */
int inode_name_wait(struct restore_dir *dir, const char *name)
{
	struct restore *r = dir->r;
	struct stat st;

	if (!r->finishing || !name_look(dir, name, &st))
		return 0;
	return inode_wait(r, st.st_dev, st.st_ino);
}

/* Before a name is removed: is it a file's last one? */
bool inode_last_name(struct restore_dir *dir, const char *name, struct inode_name *out)
{
	const struct restore *r = dir->r;
	struct stat st;

	if (TAILQ_EMPTY(&r->active) && TAILQ_EMPTY(&r->unsettled) && TAILQ_EMPTY(&r->settling))
		return false;
	if (!name_look(dir, name, &st) || st.st_nlink > 1)
		return false;
	*out = (struct inode_name){ st.st_dev, st.st_ino };
	return true;
}

/* It was: what was written to the file is no matter any more. */
void inode_removed(struct restore *r, const struct inode_name *name)
{
	struct restore_file *file;

	LIST_FOREACH(file, bucket_of(r, name->ino), inode)
		if (file->ino == name->ino && file->dev == name->dev)
			file->removed = true;
}

/* Has the sink something of it, by this or an earlier open? */
bool inode_sent(const struct restore_file *sent)
{
	const struct restore_file *file;

	LIST_FOREACH(file, bucket_of(sent->r, sent->ino), inode)
		if (file->ino == sent->ino && file->dev == sent->dev && file->first_id)
			return true;
	return false;
}

void inode_proved(struct restore_file *proved)
{
	struct restore_file *file, *next;

	for (file = LIST_FIRST(bucket_of(proved->r, proved->ino)); file; file = next) {
		next = LIST_NEXT(file, inode);
		if (file->ino != proved->ino || file->dev != proved->dev || file->pending)
			continue;
		file->unproved = (struct restore_unproved){ 0 };
		inode_unlist(file);
	}
}
