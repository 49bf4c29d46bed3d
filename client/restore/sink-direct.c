// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "payload/payload.h"
#include "restore/encoded.h"
#include "restore/job.h"

struct sink_direct {
	struct sink sink; /* first: the two are one pointer */
	bool check, decompress;
	struct payload_scratch *scratch;
	uint8_t plain[PAYLOAD_UNENCODED_MAX];
};

static int payload_failed(struct sink_direct *d, int r, const struct payload_fault *fault)
{
	if (r != PAYLOAD_BAD)
		return r;
	snprintf(d->sink.text, sizeof(d->sink.text), "%s (payload byte %llu)",
		 payload_fault_text(fault->code), (unsigned long long)fault->position);
	return -EBADMSG;
}

static int write_decoded(struct sink_direct *d, int fd, const struct extent_write *w)
{
	struct payload_fault fault = { 0 };
	int r;

	r = payload_decode_part(d->scratch, w->compression, w->payload, w->payload_len, d->plain,
				w->unencoded_len, w->unencoded_offset + w->len, &fault);
	if (r)
		return payload_failed(d, r, &fault);
	r = write_plain(fd, d->plain + w->unencoded_offset, w->len, w->offset);
	return r < 0 ? r : EXTENT_DECODED;
}

/* What can only be helped by decompressing: the kernel's rules, contiguous space, privilege. */
static bool decoding_helps(int error)
{
	return error == -ENOSPC || error == -ENOTTY || error == -EINVAL || error == -EPERM;
}

static int write_encoded(struct sink_direct *d, int fd, const struct extent_write *w)
{
	struct payload_fault fault = { 0 };
	int r;

	if (w->encryption)
		return -EOPNOTSUPP;
	/* Before anything is computed with them. */
	if (!encoded_lengths_fit(w)) {
		snprintf(d->sink.text, sizeof(d->sink.text), "the extent's lengths contradict");
		return -EBADMSG;
	}
	if (d->decompress)
		return write_decoded(d, fd, w);
	if (d->check) {
		r = payload_check_part(d->scratch, w->compression, w->payload, w->payload_len,
				       w->unencoded_len, w->unencoded_offset + w->len, PAYLOAD_FULL,
				       &fault);
		if (r)
			return payload_failed(d, r, &fault);
	}
	r = encoded_write(fd, w);
	if (r < 0 && decoding_helps(r))
		return write_decoded(d, fd, w);
	return r < 0 ? r : EXTENT_ENCODED;
}

static int direct_write(struct sink *s, struct restore_file *f, struct extent_write *w)
{
	struct sink_direct *d = (struct sink_direct *)s;
	int form = write_encoded(d, f->fd, w);

	if (form < 0)
		return form;
	write_done(f, &(struct write_result){
			      .offset = w->offset, .len = w->len, .id = -1, .form = form });
	return 0;
}

static int direct_prove(struct sink *s, struct restore_file *f)
{
	return 0;
}

static void direct_close(struct sink *s, struct restore_file *f)
{
}

/* The core syncs the filesystems itself. */
static int direct_sync(struct sink *s, struct restore *r)
{
	settle_answered(r, 0, 0);
	return 0;
}

static int direct_turn(struct sink *s, struct restore *r, int timeout_ms)
{
	return 0;
}

static bool direct_busy(const struct sink *s)
{
	return false;
}

static void direct_drop(struct sink *s, void *buffer)
{
	free(buffer);
}

static void direct_free(struct sink *s)
{
	struct sink_direct *d = (struct sink_direct *)s;

	payload_scratch_free(d->scratch);
	free(d);
}

int sink_direct_new(bool check, bool decompress, struct sink **out)
{
	_cleanup_(freep) struct sink_direct *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->sink = (struct sink){
		.write = direct_write,
		.prove = direct_prove,
		.close = direct_close,
		.sync = direct_sync,
		.turn = direct_turn,
		.busy = direct_busy,
		.drop = direct_drop,
		.free = direct_free,
		.nodatacow = true,
	};
	d->check = check;
	d->decompress = decompress;
	r = payload_scratch_new(&d->scratch);
	if (r)
		return r;
	*out = &steal_ptr(&d)->sink;
	return 0;
}
