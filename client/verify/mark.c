// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "verify/mark.h"

#define STEP 131072 /* bytes of content that are compared at a time */

void mark_of(const struct piece_read *p, struct mark *out)
{
	*out = (struct mark){
		.kind = p->kind,
		.offset = p->offset,
		.len = p->len,
		.unencoded_len = p->unencoded_len,
		.unencoded_offset = p->unencoded_offset,
		.compression = p->compression,
	};
	if (p->payload_len)
		out->payload = XXH3_128bits(p->payload, p->payload_len);
	if (p->kind == EXTENT_READ_PLAIN) {
		out->content = out->payload;
		out->content_known = true;
	}
}

/* Bytes read, fewer only at the end of the file, or a negative errno. */
static ssize_t read_step(int fd, void *buffer, uint64_t offset, uint64_t end)
{
	size_t want = end - offset < STEP ? (size_t)(end - offset) : STEP, have = 0;

	while (have < want) {
		ssize_t n = pread(fd, (char *)buffer + have, want - have, (off_t)(offset + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

/* A mark that has content is no longer than a step. */
static int content_of(int fd, const struct mark *m, XXH128_hash_t *out)
{
	unsigned char buffer[STEP];
	ssize_t n;

	if (m->len > STEP)
		return -EBADMSG;
	n = read_step(fd, buffer, m->offset, m->offset + m->len);
	if (n < 0)
		return (int)n;
	*out = XXH3_128bits(buffer, (size_t)n);
	return (uint64_t)n == m->len ? 0 : -ESTALE;
}

int mark_content(int fd, struct mark *m)
{
	int err = m->content_known || m->kind == EXTENT_READ_HOLE ? 0
								  : content_of(fd, m, &m->content);

	m->content_known = !err;
	return err;
}

static size_t first_difference(const unsigned char *a, const unsigned char *b, size_t n)
{
	size_t i = 0;

	while (i < n && a[i] == b[i])
		i++;
	return i;
}

/* Byte by byte; source -1: zeros are expected. */
static int bytes_compare(const struct mark *m, int source, int fd, uint64_t *from, uint64_t *to)
{
	unsigned char a[STEP], b[STEP];
	uint64_t end = m->offset + m->len;
	bool differs = false;

	memset(a, 0, sizeof(a));
	for (uint64_t at = m->offset; at < end;) {
		off_t data = source < 0 ? lseek(fd, (off_t)at, SEEK_DATA) : (off_t)at;
		ssize_t n, k = STEP;
		size_t low, high;

		if (data < 0 || (uint64_t)data >= end) /* no more data: a hole */
			break;
		at = (uint64_t)data;
		n = read_step(fd, b, at, end);
		if (source >= 0)
			k = read_step(source, a, at, end);
		if (n < 0 || k < 0)
			return (int)(n < 0 ? n : k);
		if (!n)
			break;
		if (k < n)
			return -ESTALE; /* the source has become shorter */
		low = first_difference(a, b, (size_t)n);
		if (low < (size_t)n) {
			for (high = (size_t)n; a[high - 1] == b[high - 1];)
				high--;
			*from = differs ? *from : at + low;
			*to = at + high;
			differs = true;
		}
		at += (uint64_t)n;
	}
	return differs ? MARK_DIFFERS : MARK_SAME_CONTENT;
}

static int content_compare(const struct mark *m, int source, struct extents_file *f, uint64_t *from,
			   uint64_t *to)
{
	XXH128_hash_t digest;
	int err;

	if (source >= 0 || m->kind == EXTENT_READ_HOLE)
		return bytes_compare(m, source, f->fd, from, to);
	if (!m->content_known)
		return MARK_UNKNOWN;
	err = content_of(f->fd, m, &digest);
	if (err == -ESTALE)
		return MARK_DIFFERS;
	if (err < 0)
		return err;
	return XXH128_isEqual(digest, m->content) ? MARK_SAME_CONTENT : MARK_DIFFERS;
}

int mark_compare(const struct mark *m, int source, struct extents_file *f, uint64_t *from,
		 uint64_t *to)
{
	struct piece_read p;
	struct mark there;
	int err = extents_at(f, m->offset, &p);

	*from = m->offset;
	*to = m->offset + m->len;
	if (err < 0)
		return err;
	if (m->kind == EXTENT_READ_HOLE)
		return p.kind == EXTENT_READ_HOLE && p.len >= m->len
			       ? MARK_SAME
			       : bytes_compare(m, -1, f->fd, from, to);
	mark_of(&p, &there);
	if (there.kind == m->kind && there.len == m->len &&
	    there.unencoded_len == m->unencoded_len &&
	    there.unencoded_offset == m->unencoded_offset && there.compression == m->compression &&
	    XXH128_isEqual(there.payload, m->payload))
		return MARK_SAME;
	return content_compare(m, source, f, from, to);
}
