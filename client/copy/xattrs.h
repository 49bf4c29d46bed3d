/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_COPY_XATTRS_H
#define EXTENTD_COPY_XATTRS_H

#include <stdbool.h>
#include <sys/types.h>

/* The names of an inode's extended attributes, each with its zero; ACLs are among them, as the
 * attributes that they are stored in. */
struct xattr_names {
	char *list;
	size_t size;
};

/* Of fd, or, with fd < 0, of path, not followed. 0 or negative errno; a filesystem that has none is
 * no error. To be freed in any case. */
int xattr_names_read(int fd, const char *path, struct xattr_names *out);
void xattr_names_free(struct xattr_names *names);
bool xattr_names_have(const struct xattr_names *names, const char *name);
/* From name to name, beginning with NULL, ending with NULL. */
const char *xattr_names_next(const struct xattr_names *names, const char *name);

/* len is negative, a negative errno, of one that could not be read. */
typedef void (*xattr_fn)(void *userdata, const char *name, const void *value, ssize_t len);

/* Each of them with its value. 0 or -ENOMEM. */
int xattrs_each(int fd, const char *path, const struct xattr_names *names, xattr_fn fn,
		void *userdata);

#endif
