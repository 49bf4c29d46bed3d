// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Changes of a file's content that are no writes. A proof looks at what was written once more, so
 * it must have been given before anything else happens to that range. Where only a range that holds
 * nothing unproved is concerned, it can wait for the commit like all others.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "restore/job.h"

static int change_allowed(struct restore_file *file, uint64_t from, uint64_t to)
{
	int err = restore_file_settle(file);

	if (err < 0 || !write_meets(file, from, to))
		return err;
	/* A SYNC under way may have files in its list that have changed then. */
	while (!err && file->r->settle != SETTLE_IDLE)
		err = restore_wait(file->r, -1);
	if (err >= 0)
		err = small_prove(file);
	if (!err && inode_sent(file))
		err = file->r->sink->prove(file->r->sink, file);
	if (err < 0)
		return err;
	file->unproved = (struct restore_unproved){ 0 };
	inode_proved(file);
	return 0;
}

static uint64_t range_end(uint64_t offset, uint64_t len)
{
	return len > UINT64_MAX - offset ? UINT64_MAX : offset + len;
}

int restore_file_truncate(struct restore_file *file, uint64_t size)
{
	int err = change_allowed(file, size, UINT64_MAX);

	if (err < 0)
		return err;
	file->end = size;
	file->written = UINT64_MAX; /* is no new file any more, with nothing behind what we wrote */
	return ftruncate(file->fd, (off_t)size) < 0 ? -errno : 0;
}

int restore_file_fallocate(struct restore_file *file, int mode, uint64_t offset, uint64_t len)
{
	bool moves = mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE);
	int err = change_allowed(file, offset, moves ? UINT64_MAX : range_end(offset, len));

	if (err < 0)
		return err;
	if (!(mode & FALLOC_FL_KEEP_SIZE) && offset + len > file->end)
		file->end = offset + len;
	file->written = UINT64_MAX;
	return fallocate(file->fd, mode, (off_t)offset, (off_t)len) < 0 ? -errno : 0;
}

int restore_file_clone(struct restore_file *file, uint64_t offset, int source,
		       uint64_t source_offset, uint64_t len)
{
	struct file_clone_range range = {
		.src_fd = source,
		.src_offset = source_offset,
		.src_length = len,
		.dest_offset = offset,
	};
	int err = change_allowed(file, offset, range_end(offset, len));
	struct stat st;

	if (!err && fstat(source, &st) < 0)
		err = -errno;
	if (!err)
		err = inode_wait(file->r, st.st_dev, st.st_ino);
	if (err < 0)
		return err;
	if (range_end(offset, len) > file->end)
		file->end = offset + len;
	file->written = UINT64_MAX;
	return ioctl(file->fd, FICLONERANGE, &range) < 0 ? -errno : 0;
}

/* For reading, and with nothing of it under way any more. */
static int name_open(struct restore_dir *dir, const char *name)
{
	int up = restore_dir_fd(dir), err;
	_cleanup_(closep) int fd = -1;

	if (up < 0)
		return up;
	err = inode_name_wait(dir, name);
	if (err < 0)
		return err;
	fd = openat(up, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : steal_fd(&fd);
}

int restore_name_verity(struct restore_dir *dir, const char *name,
			const struct fsverity_enable_arg *arg)
{
	_cleanup_(closep) int fd = name_open(dir, name);

	if (fd < 0)
		return fd;
	return ioctl(fd, FS_IOC_ENABLE_VERITY, arg) < 0 ? -errno : 0;
}

int restore_name_flags(struct restore_dir *dir, const char *name, unsigned int flags,
		       unsigned int mask)
{
	_cleanup_(closep) int fd = name ? name_open(dir, name) : -1;
	unsigned int now, wanted;

	if (name && fd < 0)
		return fd;
	if (ioctl(name ? fd : restore_dir_fd(dir), FS_IOC_GETFLAGS, &now) < 0)
		return -errno;
	wanted = (now & ~mask) | (flags & mask);
	if (wanted == now)
		return 0;
	if (ioctl(name ? fd : restore_dir_fd(dir), FS_IOC_SETFLAGS, &wanted) < 0 ||
	    ioctl(name ? fd : restore_dir_fd(dir), FS_IOC_GETFLAGS, &now) < 0)
		return -errno;
	return (now ^ flags) & mask ? -EOPNOTSUPP : 0; /* nodatacow of a file with data */
}
