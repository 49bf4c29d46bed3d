// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "verify/side.h"

int side_open(const char *root, struct side *out)
{
	*out = (struct side){ .root = root, .fd = open(root, O_PATH | O_CLOEXEC) };
	return out->fd < 0 ? -errno : 0;
}

void side_close(struct side *side)
{
	closep(&side->fd);
	side->fd = -1;
}

static int open_how(const struct side *side, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)flags | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	char itself[sizeof("/proc/self/fd/") + 11];
	long fd;

	if (*path) {
		fd = syscall(SYS_openat2, side->fd, path, &how, sizeof(how));
	} else if (flags & O_PATH) {
		fd = fcntl(side->fd, F_DUPFD_CLOEXEC, 0);
	} else {
		snprintf(itself, sizeof(itself), "/proc/self/fd/%d", side->fd);
		fd = open(itself, flags | O_CLOEXEC);
	}
	return fd < 0 ? -errno : (int)fd;
}

int side_entry(const struct side *side, const char *path, int flags)
{
	int fd = flags & O_PATH ? -EPERM : open_how(side, path, flags | O_NOATIME);

	return fd == -EPERM ? open_how(side, path, flags) : fd;
}

int side_target(const struct side *side, const char *path, char **out)
{
	_cleanup_(closep) int fd = side_entry(side, path, O_PATH);
	char target[4097];
	ssize_t n;

	if (fd < 0)
		return fd;
	n = readlinkat(fd, "", target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	*out = strdup(target);
	return *out ? 0 : -ENOMEM;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

FTS *side_walk(const struct side *side)
{
	char *roots[] = { (char *)side->root, NULL };

	return fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, by_name);
}

const char *side_path(const struct side *side, const FTSENT *e)
{
	const char *path = e->fts_path + strlen(side->root);

	while (e->fts_level > 0 && *path == '/')
		path++;
	return e->fts_level > 0 ? path : "";
}
