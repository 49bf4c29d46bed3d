// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/btrfs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "verify/extents.h"

int extents_new(struct extent_session *session, struct extents *out)
{
	*out = (struct extents){ .session = session, .buffer = malloc(EXTENTS_PIECE_MAX) };
	return out->buffer ? 0 : -ENOMEM;
}

void extents_free(struct extents *x)
{
	free(x->buffer);
	x->buffer = NULL;
}

void extents_open(struct extents *x, int fd, struct extents_file *out)
{
	*out = (struct extents_file){ .extents = x, .fd = fd, .handle = -1 };
}

void extents_close(struct extents_file *f)
{
	if (f->handle >= 0)
		extent_close_wait(f->extents->session, f->handle);
	f->handle = -1;
}

/* A payload of two filesystems may be padded differently. */
static uint32_t without_padding(const void *payload, uint32_t len)
{
	const unsigned char *p = payload;

	while (len > 1 && !p[len - 1])
		len--;
	return len;
}

static int read_plain(struct extents_file *f, struct piece_read *p)
{
	off_t hole = lseek(f->fd, (off_t)p->offset, SEEK_HOLE);
	size_t want = EXTENTS_PIECE_MAX, have = 0;

	if (hole > (off_t)p->offset && (uint64_t)hole - p->offset < want)
		want = (size_t)((uint64_t)hole - p->offset);
	while (have < want) {
		ssize_t n = pread(f->fd, (char *)f->extents->buffer + have, want - have,
				  (off_t)(p->offset + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		have += (size_t)n;
	}
	p->kind = have ? EXTENT_READ_PLAIN : EXTENT_READ_END;
	p->len = p->unencoded_len = have;
	p->payload = f->extents->buffer;
	p->payload_len = (uint32_t)have;
	return 0;
}

static int read_encoded(struct extents_file *f, struct piece_read *p)
{
	struct iovec iov = { f->extents->buffer, EXTENTS_PIECE_MAX };
	struct btrfs_ioctl_encoded_io_args args = {
		.iov = &iov,
		.iovcnt = 1,
		.offset = (int64_t)p->offset,
	};
	int n;

	do
		n = ioctl(f->fd, BTRFS_IOC_ENCODED_READ, &args);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	p->payload = f->extents->buffer;
	p->payload_len = (uint32_t)n;
	if (!n) {
		p->kind = EXTENT_READ_END;
	} else if (args.compression == BTRFS_ENCODED_IO_COMPRESSION_NONE) {
		p->kind = EXTENT_READ_PLAIN;
		p->len = p->unencoded_len = p->payload_len;
	} else {
		p->kind = EXTENT_READ_ENCODED;
		p->len = args.len;
		p->unencoded_len = args.unencoded_len;
		p->unencoded_offset = args.unencoded_offset;
		p->compression = args.compression;
		p->payload_len = without_padding(p->payload, p->payload_len);
	}
	return 0;
}

static int read_by_daemon(struct extents_file *f, struct piece_read *p)
{
	struct extent_session *s = f->extents->session;
	struct extent_read r = { .offset = p->offset };
	int err;

	if (f->handle < 0)
		err = extent_open_fd_wait(s, f->fd, NULL, EXTENT_READ, &f->handle);
	else
		err = 0;
	r.file = f->handle;
	if (!err)
		err = extent_read_wait(s, &r);
	if (err)
		return err;
	p->kind = r.kind;
	p->len = r.len;
	p->unencoded_len = r.unencoded_len;
	p->compression = r.compression;
	p->payload_len = r.payload_len;
	p->payload = f->extents->buffer;
	memcpy(f->extents->buffer, r.payload ? r.payload : "", r.payload_len);
	if (r.kind == EXTENT_READ_ENCODED)
		p->payload_len = without_padding(p->payload, p->payload_len);
	extent_buffer_put(s, r.payload);
	return 0;
}

/* True if there is a hole, which ends with the file at the latest. */
static bool is_hole(struct extents_file *f, struct piece_read *p)
{
	off_t data = lseek(f->fd, (off_t)p->offset, SEEK_DATA);

	if (data < 0 && errno == ENXIO) {
		data = lseek(f->fd, 0, SEEK_END);
		p->kind = EXTENT_READ_END;
		if (data <= (off_t)p->offset)
			return true;
	}
	if (data <= (off_t)p->offset)
		return false;
	p->kind = EXTENT_READ_HOLE;
	p->len = p->unencoded_len = (uint64_t)data - p->offset;
	return true;
}

int extents_at(struct extents_file *f, uint64_t offset, struct piece_read *out)
{
	struct extents *x = f->extents;
	int err = -EPERM;

	*out = (struct piece_read){ .offset = offset };
	if (is_hole(f, out))
		return 0;
	if (!x->no_privilege)
		err = read_encoded(f, out);
	if (err == -EPERM && x->session) {
		x->no_privilege = true;
		err = read_by_daemon(f, out);
		if (err == -EOPNOTSUPP || err == -EACCES) /* an old daemon, or not for this file */
			err = read_plain(f, out);
	} else if (err == -EPERM || err == -ENOTTY || err == -EOPNOTSUPP || err == -EINVAL) {
		x->no_privilege |= err == -EPERM;
		err = read_plain(f, out);
	}
	return err;
}
