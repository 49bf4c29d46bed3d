// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/dirs.h"

#define BUCKETS 1024

struct entry {
	struct dir dir; /* first: a dir of the cache is its entry; fd is -1 until it is needed */
	TAILQ_ENTRY(entry) used;
	LIST_ENTRY(entry) bucket;
	uint64_t hash;
	size_t size;
	char path[];
};

struct dirs {
	struct dir root;
	unsigned int limit, count;
	TAILQ_HEAD(entries, entry) used; /* the latest first */
	LIST_HEAD(, entry) buckets[BUCKETS];
};

static uint64_t path_hash(struct stream_string s)
{
	uint64_t h = s.size;

	for (size_t i = 0; i < s.size; i++)
		h = (h ^ (unsigned char)s.data[i]) * 0x100000001b3ull;
	return h ^ h >> 31;
}

/* Flags that btrfs_inherit_iflags() and the properties copy to new inodes, ACLs, the group. */
static int dir_look(int fd, bool *plain)
{
	struct stat st;
	int flags = 0;

	*plain = false;
	if (fstat(fd, &st))
		return -errno;
	if (st.st_mode & S_ISGID)
		return 0;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) ||
	    flags & (FS_COMPR_FL | FS_NOCOMP_FL | FS_NOCOW_FL))
		return 0;
	*plain = fgetxattr(fd, "system.posix_acl_default", NULL, 0) < 0 &&
		 fgetxattr(fd, "btrfs.compression", NULL, 0) < 0;
	return 0;
}

int dirs_new(int root, unsigned int limit, struct dirs **out)
{
	struct dirs *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	TAILQ_INIT(&d->used);
	d->limit = limit;
	d->root.fd = root;
	r = dir_look(root, &d->root.plain);
	if (r) {
		free(d);
		return r;
	}
	*out = d;
	return 0;
}

static void entry_free(struct dirs *d, struct entry *e)
{
	TAILQ_REMOVE(&d->used, e, used);
	LIST_REMOVE(e, bucket);
	d->count--;
	closep(&e->dir.fd);
	free(e);
}

void dirs_free(struct dirs *d)
{
	struct entry *e;

	if (!d)
		return;
	while ((e = TAILQ_FIRST(&d->used)))
		entry_free(d, e);
	free(d);
}

static bool entry_is(const struct entry *e, struct stream_string path)
{
	return e->size == path.size && !memcmp(e->path, path.data, path.size);
}

static struct entry *entry_find(struct dirs *d, struct stream_string path)
{
	struct entry *e = TAILQ_FIRST(&d->used);
	uint64_t hash;

	if (e && entry_is(e, path))
		return e;
	hash = path_hash(path);
	LIST_FOREACH(e, &d->buckets[hash % BUCKETS], bucket)
		if (e->hash == hash && entry_is(e, path))
			break;
	if (e) {
		TAILQ_REMOVE(&d->used, e, used);
		TAILQ_INSERT_HEAD(&d->used, e, used);
	}
	return e;
}

static struct entry *entry_add(struct dirs *d, struct stream_string path)
{
	struct entry *e = calloc(1, sizeof(*e) + path.size + 1);

	if (!e)
		return NULL;
	while (d->count >= d->limit)
		entry_free(d, TAILQ_LAST(&d->used, entries));
	e->dir.fd = -1;
	e->size = path.size;
	memcpy(e->path, path.data, path.size);
	e->hash = path_hash(path);
	TAILQ_INSERT_HEAD(&d->used, e, used);
	LIST_INSERT_HEAD(&d->buckets[e->hash % BUCKETS], e, bucket);
	d->count++;
	return e;
}

static int open_beneath(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = flags | O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	int fd;

	do {
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd < 0 && errno == EPERM && how.flags & O_NOATIME) {
			how.flags &= ~O_NOATIME; /* only the owner may ask for it */
			errno = EAGAIN;
		}
	} while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd < 0 ? -errno : fd;
}

static int entry_open(struct dirs *d, struct entry *e)
{
	int fd;

	if (e->dir.fd >= 0)
		return 0;
	fd = open_beneath(d->root.fd, e->path, O_DIRECTORY);
	if (fd < 0)
		return fd;
	e->dir.fd = fd;
	return e->dir.plain ? 0 : dir_look(fd, &e->dir.plain);
}

int dirs_get(struct dirs *d, struct stream_string path, struct dir **out)
{
	struct entry *e;
	int r;

	if (!path.size) {
		*out = &d->root;
		return 0;
	}
	e = entry_find(d, path) ?: entry_add(d, path);
	if (!e)
		return -ENOMEM;
	r = entry_open(d, e);
	if (r) {
		entry_free(d, e);
		return r;
	}
	*out = &e->dir;
	return 0;
}

int dirs_parent(struct dirs *d, struct stream_string path, struct dir **out,
		char name[STREAM_NAME_MAX + 1])
{
	const char *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
	struct stream_string above = { path.data, slash ? slash - path.data : 0 };
	const char *last = slash ? slash + 1 : path.data;
	size_t size = path.data + path.size - last;

	if (!path.size || !size || size > STREAM_NAME_MAX)
		return -EINVAL;
	memcpy(name, last, size);
	name[size] = 0;
	return dirs_get(d, above, out);
}

void dirs_made(struct dirs *d, struct stream_string path)
{
	struct entry *e = entry_add(d, path);

	if (e)
		e->dir.plain = true;
}

void dirs_changed(struct dirs *d, struct stream_string path)
{
	struct entry *e;

	if (!path.size) {
		dir_look(d->root.fd, &d->root.plain);
		return;
	}
	e = entry_find(d, path);
	if (e)
		entry_free(d, e); /* whoever needs it next looks again */
}

void dirs_forget(struct dirs *d, struct stream_string path)
{
	struct entry *e, *next;

	for (e = TAILQ_FIRST(&d->used); e; e = next) {
		next = TAILQ_NEXT(e, used);
		if (e->size >= path.size && !memcmp(e->path, path.data, path.size) &&
		    (e->size == path.size || e->path[path.size] == '/'))
			entry_free(d, e);
	}
}

int dirs_open_file(int root, struct stream_string path)
{
	char terminated[STREAM_PATH_MAX + 1];
	_cleanup_(closep) int fd = -1;
	struct stat st;

	if (path.size > STREAM_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(terminated, path.data, path.size);
	terminated[path.size] = 0;
	fd = open_beneath(root, terminated, O_NONBLOCK);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		return -errno;
	return S_ISREG(st.st_mode) ? steal_fd(&fd) : -EINVAL;
}
