// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "copy/xattrs.h"
#include "pack/inode.h"

int attributes_put(struct stream_out *out, const char *path, const struct stat *st)
{
	struct stream_command c = {
		.op = STREAM_C_CHOWN,
		.path = pack_string(path),
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mode = st->st_mode & 07777,
		.atime = st->st_atim,
		.mtime = st->st_mtim,
		.ctime = st->st_ctim,
	};
	int r = stream_encode(out, &c);

	c.op = STREAM_C_CHMOD;
	if (!r && !S_ISLNK(st->st_mode))
		r = stream_encode(out, &c);
	c.op = STREAM_C_UTIMES;
	return r ?: stream_encode(out, &c);
}

int capabilities_put(struct stream_out *out, int fd, const char *path)
{
	char value[256];
	ssize_t n = fgetxattr(fd, XATTR_NAME_CAPS, value, sizeof(value));
	struct stream_command c = {
		.op = STREAM_C_SET_XATTR,
		.path = pack_string(path),
		.xattr_name = pack_string(XATTR_NAME_CAPS),
		.xattr_data = { (uint8_t *)value, n > 0 ? (uint32_t)n : 0 },
	};

	return n > 0 ? stream_encode(out, &c) : 0;
}

struct putting {
	struct pack *p;
	const char *path;
	int result;
};

static void xattr_put(void *userdata, const char *name, const void *value, ssize_t len)
{
	struct putting *l = userdata;
	struct stream_command c = {
		.op = STREAM_C_SET_XATTR,
		.path = pack_string(l->path),
		.xattr_name = pack_string(name),
		.xattr_data = { value, len > 0 ? (uint32_t)len : 0 },
	};

	if (l->result || !strcmp(name, XATTR_NAME_CAPS) || len == -ENODATA)
		return;
	if (len == -EPERM || len == -EOPNOTSUPP)
		l->p->opt->stats->xattrs_skipped++;
	else if (len < 0)
		pack_error(l->p, l->p->path, (int)-len, "the attribute %s cannot be read", name);
	else
		l->result = pack_command(l->p, &c);
	if (l->result == -EMSGSIZE) {
		pack_error(l->p, l->p->path, E2BIG, "the attribute %s does not fit a stream", name);
		l->result = 0;
	}
}

int xattrs_put(struct pack *p, int fd, int dir, const char *name, const char *path)
{
	_cleanup_(xattr_names_free) struct xattr_names names = { NULL };
	struct putting l = { .p = p, .path = path };
	char below[64 + NAME_MAX + 1];
	const char *from = dir == AT_FDCWD ? name : below;
	int r;

	if (fd < 0 && dir != AT_FDCWD)
		snprintf(below, sizeof(below), "/proc/self/fd/%d/%s", dir, name);
	r = xattr_names_read(fd, from, &names);
	if (!r)
		r = xattrs_each(fd, from, &names, xattr_put, &l);
	if (r < 0)
		pack_error(p, p->path, -r, "its attributes cannot be listed");
	return l.result;
}

bool link_put(struct pack *p, const struct stat *st, const char *path, int *r)
{
	const struct link *seen = NULL;
	struct stream_command c = { .op = STREAM_C_LINK, .path = pack_string(path) };

	if (st->st_nlink > 1)
		seen = links_find(p->links, st->st_dev, st->st_ino);
	if (!seen)
		return false;
	c.path_link = pack_string(seen->name);
	p->opt->stats->links++;
	*r = pack_command(p, &c);
	return true;
}

void link_remember(struct pack *p, const struct stat *st, const char *path)
{
	if (st->st_nlink > 1 && links_add(p->links, st->st_dev, st->st_ino, NULL, path) < 0)
		pack_error(p, p->path, ENOMEM, "its other names will be copies");
}
