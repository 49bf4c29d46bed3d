// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/paths.h"

struct paths {
	struct restore_dir *root;
	/* Most commands are about the directory of the command before. */
	struct restore_dir *last; /* NULL: none */
	size_t size;
	char path[STREAM_PATH_MAX];
};

int paths_new(struct restore_dir *root, struct paths **out)
{
	struct paths *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->root = restore_dir_get(root);
	*out = p;
	return 0;
}

void paths_changed(struct paths *p)
{
	p->last = restore_dir_put(p->last);
}

void paths_free(struct paths *p)
{
	if (!p)
		return;
	paths_changed(p);
	restore_dir_put(p->root);
	free(p);
}

static int walk(struct paths *p, struct stream_string path, struct restore_dir **out)
{
	struct restore_dir *dir = restore_dir_get(p->root), *below;
	const char *at = path.data, *end = path.data + path.size;
	char name[STREAM_NAME_MAX + 1];

	while (at < end) {
		const char *slash = memchr(at, '/', (size_t)(end - at)) ?: end;
		size_t size = (size_t)(slash - at);
		int r = size > STREAM_NAME_MAX ? -ENAMETOOLONG : 0;

		if (!r) {
			memcpy(name, at, size);
			name[size] = 0;
			r = restore_dir_open(dir, name, &below);
		}
		restore_dir_put(dir);
		if (r)
			return r;
		dir = below;
		at = slash + 1;
	}
	*out = dir;
	return 0;
}

int paths_dir(struct paths *p, struct stream_string path, struct restore_dir **out)
{
	int r;

	if (p->last && p->size == path.size && !memcmp(p->path, path.data, path.size)) {
		*out = restore_dir_get(p->last);
		return 0;
	}
	if (path.size > sizeof(p->path))
		return -ENAMETOOLONG;
	r = walk(p, path, out);
	if (r)
		return r;
	restore_dir_put(p->last);
	p->last = restore_dir_get(*out);
	p->size = path.size;
	if (path.size)
		memcpy(p->path, path.data, path.size);
	return 0;
}

int paths_parent(struct paths *p, struct stream_string path, struct restore_dir **out,
		 char name[STREAM_NAME_MAX + 1])
{
	const char *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
	struct stream_string above = { path.data, slash ? (uint32_t)(slash - path.data) : 0 };
	const char *last = slash ? slash + 1 : path.data;
	size_t size = (size_t)(path.data + path.size - last);

	if (!path.size || !size || size > STREAM_NAME_MAX)
		return -EINVAL;
	memcpy(name, last, size);
	name[size] = 0;
	return paths_dir(p, above, out);
}

int paths_open_file(int root, struct stream_string path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOATIME,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	char terminated[STREAM_PATH_MAX + 1];
	_cleanup_(closep) int fd = -1;
	struct stat st;

	if (path.size > STREAM_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(terminated, path.data, path.size);
	terminated[path.size] = 0;
	do {
		fd = (int)syscall(SYS_openat2, root, terminated, &how, sizeof(how));
		if (fd < 0 && errno == EPERM && how.flags & O_NOATIME) {
			how.flags &= ~(uint64_t)O_NOATIME; /* only the owner may ask for it */
			errno = EAGAIN;
		}
	} while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? steal_fd(&fd) : -EINVAL;
}
