// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Reading an extent back from the disk. An encoded read passes the page cache by: it writes out
 * what is dirty in its range, waits for it, and gives what the disk then holds, compressed or not.
 *
 * An encoded extent is compared as it was sent, which costs one digest. But btrfs does not leave
 * each of them as it was: when a file grows, it fills the rest of the old last sector with zeros,
 * through the page cache, and that sector, or all of an inline extent, is then written anew in
 * another form. So of extents that this can happen to, and of plain writes, the content is
 * compared as well: what the range holds, decoded, piece by piece.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "extent.h"
#include "file.h"
#include "inode.h"
#include "readback.h"
#include "scratch.h"
#include "wire/codes.h"
#include "wire/limits.h"

#define PAYLOAD_AT 0
#define DECODED_AT LIMIT_PAYLOAD_BYTES
#define CONTENT_AT (DECODED_AT + LIMIT_UNENCODED_BYTES)
#define BUFFERS	   (CONTENT_AT + LIMIT_UNENCODED_BYTES)

bool readback_needed(const struct extent *e)
{
	const struct file *file = e->file;

	return e->form == WIRE_FORM_ENCODED ||
	       (file->own < 0 && file->inode->fs->btrfs && file->store->encoded_io);
}

/* Its last sector is not full, or it may be inline. */
static bool changes_form(const struct extent *e)
{
	const uint64_t sector = e->file->inode->fs->sector_size;

	return (e->offset + e->len) % sector || (!e->offset && e->len <= sector);
}

void readback_prepare(struct extent *e)
{
	_cleanup_(freep) unsigned char *decoded = NULL;
	struct payload_scratch *scratch;
	struct payload_fault fault;
	int r;

	e->has_content = e->form != WIRE_FORM_ENCODED;
	if (e->has_content) {
		e->content = XXH3_128bits(e->data, e->data_len);
		return;
	}
	e->digest = XXH3_128bits(e->data, e->payload_len);
	if (!changes_form(e))
		return;
	scratch = scratch_get();
	decoded = malloc(e->unencoded_len);
	r = !scratch || !decoded
		    ? -ENOMEM
		    : payload_decode_part(scratch, e->compression, e->data, e->payload_len, decoded,
					  e->unencoded_len, e->unencoded_offset + e->len, &fault);
	e->wants_content = r < 0;
	if (r)
		return;
	e->content = XXH3_128bits(decoded + e->unencoded_offset, e->len);
	e->has_content = true;
}

static int encoded_read(const struct extent *e, uint64_t at, void *payload,
			struct btrfs_ioctl_encoded_io_args *args)
{
	struct iovec iov = { .iov_base = payload, .iov_len = LIMIT_PAYLOAD_BYTES };
	int n;

	*args = (struct btrfs_ioctl_encoded_io_args){
		.iov = &iov,
		.iovcnt = 1,
		.offset = (int64_t)at,
	};
	do
		n = ioctl(e->file->view, BTRFS_IOC_ENCODED_READ, args);
	while (n < 0 && errno == EINTR);
	return n;
}

static bool all_zero(const unsigned char *p, size_t n)
{
	return !n || (!p[0] && !memcmp(p, p + 1, n - 1));
}

static bool is_as_sent(const struct extent *e, unsigned char *payload)
{
	struct btrfs_ioctl_encoded_io_args args;
	int n = encoded_read(e, e->offset, payload, &args);

	/* An extent that ends in the last sector is shown up to the end of the file. */
	return n >= 0 && (uint32_t)n >= e->payload_len && args.compression == e->compression &&
	       args.unencoded_len == e->unencoded_len &&
	       args.unencoded_offset == e->unencoded_offset && args.len >= e->len &&
	       all_zero(payload + e->payload_len, (size_t)n - e->payload_len) &&
	       XXH128_isEqual(XXH3_128bits(payload, e->payload_len), e->digest);
}

/* The first len bytes of the piece that was read: 0; 1: it is not what can be in a file; -ENOMEM.
 */
static int decode(unsigned char *buffers, const struct btrfs_ioctl_encoded_io_args *args, size_t n,
		  uint64_t len, const unsigned char **out)
{
	struct payload_scratch *scratch = scratch_get();
	struct payload_fault fault;
	int r;

	*out = buffers + PAYLOAD_AT;
	if (args->compression == BTRFS_ENCODED_IO_COMPRESSION_NONE)
		return n < len;
	if (!scratch)
		return -ENOMEM;
	if (args->unencoded_len > LIMIT_UNENCODED_BYTES ||
	    args->unencoded_offset > args->unencoded_len ||
	    len > args->unencoded_len - args->unencoded_offset)
		return 1;
	*out = buffers + DECODED_AT + args->unencoded_offset;
	r = payload_decode_part(scratch, args->compression, buffers + PAYLOAD_AT, n,
				buffers + DECODED_AT, args->unencoded_len,
				args->unencoded_offset + len, &fault);
	return r > 0 ? 1 : r;
}

/* 0, 1 where it holds something else, or -ENOMEM. */
static int compare_content(const struct extent *e, unsigned char *buffers)
{
	struct btrfs_ioctl_encoded_io_args args;
	uint64_t done = 0, len;

	while (done < e->len) {
		int n = encoded_read(e, e->offset + done, buffers + PAYLOAD_AT, &args), r;
		const unsigned char *piece;

		len = args.len < e->len - done ? args.len : e->len - done;
		if (n < 0 || !len)
			return n == -ENOMEM ? n : 1;
		r = decode(buffers, &args, (size_t)n, len, &piece);
		if (r)
			return r;
		memcpy(buffers + CONTENT_AT + done, piece, len);
		done += len;
	}
	return !XXH128_isEqual(XXH3_128bits(buffers + CONTENT_AT, e->len), e->content);
}

int readback_compare(struct readback *r, const struct extent *e)
{
	const bool encoded = e->form == WIRE_FORM_ENCODED;
	int different;

	if (e->file->view < 0)
		return encoded ? WIRE_E_UNVERIFIABLE : WIRE_E_SHARED_ERRORS;
	if (!r->buffers)
		r->buffers = malloc(BUFFERS);
	if (!r->buffers)
		return -ENOMEM;
	if (encoded && is_as_sent(e, r->buffers + PAYLOAD_AT))
		return 0;
	different = e->has_content     ? compare_content(e, r->buffers)
		    : e->wants_content ? -ENOMEM
				       : 1;
	return different > 0 ? WIRE_E_LOST : different;
}

int readback_nonzero(struct readback *r, const struct extent *e)
{
	ssize_t n;

	if (e->file->view < 0)
		return WIRE_E_UNVERIFIABLE;
	if (!r->buffers)
		r->buffers = malloc(BUFFERS);
	if (!r->buffers)
		return -ENOMEM;
	do
		n = pread(e->file->view, r->buffers, e->len, (off_t)e->offset);
	while (n < 0 && errno == EINTR);
	return n <= 0 || all_zero(r->buffers, (size_t)n) ? WIRE_E_LOST : 0;
}

void readback_free(struct readback *r)
{
	free(r->buffers);
}
