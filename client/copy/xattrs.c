// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "copy/xattrs.h"

#define XATTR_LIST_BYTES 65536 /* XATTR_LIST_MAX of linux/limits.h, and of the value's size */

static ssize_t list_names(int fd, const char *path, char *list, size_t size)
{
	return fd >= 0 ? flistxattr(fd, list, size) : llistxattr(path, list, size);
}

int xattr_names_read(int fd, const char *path, struct xattr_names *out)
{
	char few[4096];
	ssize_t size = list_names(fd, path, few, sizeof(few));

	*out = (struct xattr_names){ NULL };
	if (!size || (size < 0 && errno == EOPNOTSUPP))
		return 0;
	if (size < 0 && errno != ERANGE)
		return -errno;
	out->list = malloc(size < 0 ? XATTR_LIST_BYTES : (size_t)size);
	if (!out->list)
		return -ENOMEM;
	if (size > 0)
		memcpy(out->list, few, (size_t)size);
	else
		size = list_names(fd, path, out->list, XATTR_LIST_BYTES);
	if (size < 0)
		return -errno;
	out->size = (size_t)size;
	return 0;
}

void xattr_names_free(struct xattr_names *names)
{
	free(names->list);
	*names = (struct xattr_names){ NULL };
}

const char *xattr_names_next(const struct xattr_names *names, const char *name)
{
	name = name ? name + strlen(name) + 1 : names->list;
	return name && name < names->list + names->size ? name : NULL;
}

bool xattr_names_have(const struct xattr_names *names, const char *name)
{
	for (const char *n = NULL; (n = xattr_names_next(names, n));)
		if (!strcmp(n, name))
			return true;
	return false;
}

int xattrs_each(int fd, const char *path, const struct xattr_names *names, xattr_fn fn,
		void *userdata)
{
	_cleanup_(freep) char *value = names->size ? malloc(XATTR_LIST_BYTES) : NULL;

	if (names->size && !value)
		return -ENOMEM;
	for (const char *name = NULL; (name = xattr_names_next(names, name));) {
		ssize_t len = fd >= 0 ? fgetxattr(fd, name, value, XATTR_LIST_BYTES)
				      : lgetxattr(path, name, value, XATTR_LIST_BYTES);

		fn(userdata, name, value, len < 0 ? -errno : len);
	}
	return 0;
}
