// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * What a write comes to, whichever engine made it: taken by the kernel, tried again, decoded
 * first and then tried again, or failed.
 */

#include <errno.h>

#include "check.h"
#include "commit.h"
#include "engine.h"
#include "file.h"
#include "filesystem.h"
#include "inode.h"
#include "journal/journal.h"
#include "wire/codes.h"
#include "writer.h"

#define RETRIES_MAX 8 /* of a write that the kernel asked to be tried again */

void engine_prepare(struct extent *e)
{
	if (!e->data_done)
		e->file_errors = e->file->errors;
	if (e->form != WIRE_FORM_ENCODED)
		return;
	e->iov = (struct iovec){ .iov_base = (void *)e->data, .iov_len = e->payload_len };
	e->args = (struct btrfs_ioctl_encoded_io_args){
		.iov = &e->iov,
		.iovcnt = 1,
		.offset = (int64_t)e->offset,
		.len = e->len,
		.unencoded_len = e->unencoded_len,
		.unencoded_offset = e->unencoded_offset,
		.compression = e->compression,
	};
}

/*
 * The kernel has io_uring commands, but btrfs does not know this one (before 6.14): from now on
 * the threads do it. True if that is why, and the extent should be tried again.
 */
static bool command_missing(struct store *store, const struct extent *e, int error)
{
	if (e->form != WIRE_FORM_ENCODED || (error != EOPNOTSUPP && error != ENOTTY) ||
	    store->options.backend == STORE_URING || e->engine != store->ring)
		return false;
	if (store->engine == store->ring) {
		journal(MESSAGE_FALLBACK,
			(struct journal_field[]){
				{ "BACKEND", "ioctl" },
				{ "REASON", "this kernel's btrfs has no io_uring command" },
				{} },
			"This kernel's btrfs has no io_uring command for encoded writes: using "
			"ioctl in threads");
		store->engine = store->threads;
		store->counters.engine_uring = 0;
	}
	return true;
}

/* What decompressing can cure: alignment, lengths and checksums that encoded writes insist on,
 * no *contiguous* space, and kernels and filesystems that have no encoded writes at all. */
static bool curable(int error)
{
	return error == EINVAL || error == ENOSPC || error == ENOTTY || error == EOPNOTSUPP ||
	       error == EPERM;
}

static void extent_written(struct extent *e)
{
	struct inode *inode = e->file->inode;

	inode->store->counters.in_place += extent_in_place(e);
	extent_forget_payload(e);
	e->state = EXTENT_UNSETTLED;
	TAILQ_INSERT_TAIL(&inode->unsettled, e, entry);
	inode->n_unsettled++;
	inode->fs->n_unsettled++;
	e->notify(e, EXTENT_WRITTEN);
	if (e->prompt) {
		e->prompt = false;
		commit_hurry(e);
	}
}

/*
 * Worth another try as it is: interrupted, cut short, or EIO from a kernel that reports a failed
 * encoded write to fsync (3cd181cc46d3, Linux 7.3): there an error also strikes the file's next
 * encoded write, which is innocent.
 */
static bool again(struct extent *e, int result)
{
	if (e->form == WIRE_FORM_ENCODED && (result == -EIO || result > 0))
		return result == -EIO && !e->retries++;
	return (result == -EAGAIN || result == -EINTR || result == -EBUSY || result > 0) &&
	       e->retries++ < RETRIES_MAX;
}

void engine_completed(struct extent *e, int result)
{
	struct chain *chain = e->chain;
	uint64_t expected = e->data_len - e->data_done;

	TAILQ_REMOVE(&chain->extents, e, entry);
	e->chain = NULL;
	e->state = EXTENT_CHECKING;

	if (result >= 0 && (uint64_t)result == expected) {
		extent_written(e);
	} else if (again(e, result)) {
		if (result > 0)
			e->data_done += (uint64_t)result;
		inode_ready(e->file->inode, e);
	} else if (result < 0 && command_missing(e->file->store, e, -result)) {
		inode_ready(e->file->inode, e);
	} else if (result >= 0) {
		extent_fail(e, WIRE_E_SHORT_WRITE, 0, (uint64_t)result);
	} else if (e->form == WIRE_FORM_ENCODED && curable(-result)) {
		check_decode(e);
	} else {
		extent_fail(e, WIRE_E_WRITE_FAILED, -result, 0);
	}

	if (!--chain->remaining)
		chain_free(chain);
}
