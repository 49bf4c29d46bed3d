// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * A passed descriptor shares its open file description with the peer, who can set O_APPEND on
 * it (the kernel then ignores our offsets) or fetch a write error before we do (the kernel tells
 * each description once). So the file is opened a second time, with the peer's rights. Where
 * that fails, because the peer holds a descriptor that it could not open again, the shared one
 * is used for encoded writes, whose proof does not rest on reported errors, and O_APPEND is
 * looked for before each chain.
 */

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "file.h"
#include "file_facts.h"
#include "inode.h"
#include "user.h"
#include "wire/codes.h"
#include "writer.h"

#define file_of(j) ((struct file *)((char *)(j)-offsetof(struct file, job)))

static int flags_check(int fd, bool nodatacow_allowed, struct file_facts *out)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return errno == ENOTTY || errno == EOPNOTSUPP ? 0 : -errno;
	if (flags & FS_APPEND_FL)
		return WIRE_E_APPEND;
	if (flags & FS_IMMUTABLE_FL)
		return WIRE_E_NOT_WRITABLE;
	out->nodatacow = out->fs.btrfs && flags & FS_NOCOW_FL;
	if (out->nodatacow && !nodatacow_allowed)
		return WIRE_E_NODATACOW;
	return 0;
}

static int access_check(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	if (flags & O_PATH || (flags & O_ACCMODE) == O_RDONLY)
		return WIRE_E_NOT_WRITABLE;
	if (flags & O_APPEND)
		return WIRE_E_APPEND;
	return 0;
}

static int stat_check(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return WIRE_E_NOT_REGULAR;
	if (st->st_mode & (S_ISUID | S_ISGID))
		return WIRE_E_PRIVILEGED_FILE;
	if (!st->st_nlink)
		return WIRE_E_UNLINKED;
	return 0;
}

/* The file once more, or -1: then the peer's description has to do. */
static int reopen(int fd, const struct stat *st)
{
	char path[sizeof("/proc/self/fd/") + 11];
	_cleanup_(closep) int again = -1;
	struct stat st2;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (again < 0)
		again = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (again < 0 || fstat(again, &st2) < 0 || st->st_dev != st2.st_dev ||
	    st->st_ino != st2.st_ino)
		return -1;
	/* The ring would take it for "fail rather than wait". */
	if (fcntl(again, F_SETFL, fcntl(again, F_GETFL) & ~O_NONBLOCK) < 0)
		return -1;
	return steal_fd(&again);
}

int file_examine(int fd, enum file_source source, bool nodatacow_allowed, const long *types,
		 struct file_facts *out)
{
	_cleanup_(closep) int own = -1;
	struct stat st;
	int r;

	*out = (struct file_facts){ .fd = -1 };
	r = access_check(fd);
	if (!r)
		r = filesystem_examine(fd, &out->fs);
	if (r)
		return r;
	while (*types && *types != out->fs.type)
		types++;
	if (!*types)
		return WIRE_E_FILESYSTEM;

	if (fstat(fd, &st) < 0)
		return -errno;
	r = stat_check(&st);
	if (!r)
		r = flags_check(fd, nodatacow_allowed, out);
	if (r)
		return r;

	if (source == FILE_PASSED)
		own = reopen(fd, &st);
	out->own = own >= 0 || source == FILE_OPENED;
	if (own < 0)
		own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return -errno;
	out->readable = (fcntl(own, F_GETFL) & O_ACCMODE) == O_RDWR;
	out->device = st.st_dev;
	out->number = st.st_ino;
	out->size = (uint64_t)st.st_size;
	out->fd = steal_fd(&own);
	return 0;
}

int file_recheck(const struct file *file)
{
	struct stat st;

	if (!file->own) {
		int r = access_check(file->fd);

		if (r)
			return r < 0 ? WIRE_E_NOT_WRITABLE : r;
	}
	if (fstat(file->fd, &st) < 0)
		return WIRE_E_NOT_REGULAR;
	return stat_check(&st);
}

struct file *file_new(struct store *store, struct user *user, struct file_facts *facts)
{
	_cleanup_(closep) int fd = steal_fd(&facts->fd);
	struct filesystem *fs;
	struct inode *inode;
	struct file *file;

	fs = filesystem_get(store, fd, &facts->fs);
	if (!fs)
		return NULL;
	inode = inode_get(store, fs, facts->device, facts->number);
	if (!inode)
		return NULL;
	file = calloc(1, sizeof(*file));
	if (!file) {
		inode_unref(inode);
		return NULL;
	}
	*file = (struct file){
		.store = store,
		.inode = inode,
		.user = user_ref(user),
		.refs = 1,
		.fd = steal_fd(&fd),
		.readable = facts->readable,
		.own = facts->own,
		.nodatacow = facts->nodatacow,
		.encoded = fs->btrfs && store->encoded_io && !facts->nodatacow &&
			   store->options.backend != STORE_DECODE,
		.size = facts->size,
	};
	user->files++;
	store->counters.now_files++;
	return file;
}

struct file *file_ref(struct file *file)
{
	file->refs++;
	return file;
}

static void file_free(struct file *file)
{
	struct store *store = file->store;

	inode_unref(file->inode);
	file->user->files--;
	user_unref(file->user);
	store->counters.now_files--;
	free(file);
	writer_pump_later(store);
}

static void close_run(struct job *job)
{
	close(file_of(job)->fd);
}

static void close_done(struct job *job)
{
	file_free(file_of(job));
}

void file_unref(struct file *file)
{
	struct stat st;

	if (!file || --file->refs)
		return;
	if (fstat(file->fd, &st) == 0 && st.st_nlink) {
		close(file->fd);
		file_free(file);
		return;
	}
	/* The last close of a file without a name frees all its extents: not in the loop. */
	file->job.run = close_run;
	file->job.done = close_done;
	workers_queue(file->store->blocking, &file->job);
}
