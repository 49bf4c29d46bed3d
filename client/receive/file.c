// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/file.h"

#define FCHMODAT2                                                                                  \
	452 /* Linux 6.6, on every architecture but alpha; newer than Debian 12's headers */

static int file_end(struct file *f)
{
	int r = f->sink.error;

	if (!r && f->capability)
		r = file_set(f, f->set & (ACTION_OWNER | ACTION_MODE), &f->last);
	if (!r && f->capability) {
		f->set &= ~(ACTION_OWNER | ACTION_MODE);
		if (fsetxattr(f->sink.fd, "security.capability", f->capability, f->capability_size,
			      0))
			r = -errno;
	}
	if (!r)
		r = file_set(f, f->set, &f->last);
	closep(&f->sink.fd);
	free(f->capability);
	free(f);
	return r;
}

static void file_settled(struct sink_file *s)
{
	struct file *f = (struct file *)s;
	int *failed = f->failed, r;

	if (!f->over)
		return;
	r = file_end(f);
	if (r && !*failed)
		*failed = r;
}

int file_new(int fd, int dir, struct stream_string path, int *failed, uint64_t *saved,
	     struct file **out)
{
	struct file *f = calloc(1, sizeof(*f) + path.size + 1);
	const char *slash;

	if (!f) {
		closep(&fd);
		return -ENOMEM;
	}
	memcpy(f->path, path.data, path.size);
	f->size = path.size;
	slash = strrchr(f->path, '/');
	f->name = slash ? slash + 1 : f->path;
	f->dir = dir;
	f->failed = failed;
	f->saved = saved;
	f->sink.fd = fd;
	f->sink.path = f->path;
	f->sink.settled = file_settled;
	*out = f;
	return 0;
}

int file_chmod_at(int dir, const char *name, mode_t mode)
{
	int r = syscall(FCHMODAT2, dir, name, mode, AT_SYMLINK_NOFOLLOW);

	return r && errno == ENOSYS ? fchmodat(dir, name, mode, AT_SYMLINK_NOFOLLOW) : r;
}

int file_set(struct file *f, unsigned int set, const struct action *a)
{
	struct timespec times[2] = { a->atime, a->mtime };
	int fd = f->sink.fd, r = 0;

	if (set & ACTION_OWNER) {
		if (f->known && f->uid == a->uid && f->gid == a->gid) {
			++*f->saved;
		} else {
			r = fd >= 0 ? fchown(fd, a->uid, a->gid)
				    : fchownat(f->dir, f->name, a->uid, a->gid,
					       AT_SYMLINK_NOFOLLOW);
			f->uid = a->uid;
			f->gid = a->gid;
			f->known &=
				!(f->mode & (S_ISUID | S_ISGID)); /* chown may have stripped them */
		}
	}
	if (!r && set & ACTION_MODE) {
		if (f->known && f->mode == a->mode) {
			++*f->saved;
		} else {
			r = fd >= 0 ? fchmod(fd, a->mode) : file_chmod_at(f->dir, f->name, a->mode);
			f->mode = a->mode;
		}
	}
	if (!r && set & ACTION_SET_TIMES)
		r = fd >= 0 ? futimens(fd, times)
			    : utimensat(f->dir, f->name, times, AT_SYMLINK_NOFOLLOW);
	return r ? -errno : 0;
}

bool file_mode_hinders(mode_t mode)
{
	mode_t readable = mode >> 2 & 0111, writable = mode >> 1 & 0111;

	return mode & (S_ISUID | S_ISGID) || writable & ~readable;
}

int file_set_aside_mode(struct file *f)
{
	if (!file_mode_hinders(f->mode))
		return 0;
	f->last.mode = f->mode;
	f->set |= ACTION_MODE;
	f->mode = 0600;
	return fchmod(f->sink.fd, f->mode) ? -errno : 0;
}

int file_keep_capability(struct file *f, struct stream_bytes value)
{
	void *kept = malloc(value.size + 1);

	if (!kept)
		return -ENOMEM;
	memcpy(kept, value.data, value.size);
	free(f->capability);
	f->capability = kept;
	f->capability_size = value.size;
	return 0;
}

int file_release(struct file *f)
{
	f->over = true;
	return f->sink.inflight ? 0 : file_end(f);
}
