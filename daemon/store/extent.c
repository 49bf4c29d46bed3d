// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * The life of an extent, and where it is meanwhile:
 *
 *	CHECKING   inode->held while not reserved; else on no list, a check has it or it has passed
 *	READY      inode->ready
 *	SUBMITTED  chain->extents
 *	UNSETTLED  inode->unsettled
 *	SETTLING   settle->extents
 *	ONDISK     inode->seen
 *
 * From extent_start() to the last notify(), or SEEN, an extent holds its file, and so the inode and
 * the filesystem; nothing else needs to keep them for it. After SEEN it holds its inode: neither
 * the file's descriptors nor its range are kept for the sake of a loss that only a filesystem's
 * end can bring.
 */

#include "arena.h"
#include "check.h"
#include "commit.h"
#include "engine.h"
#include "file.h"
#include "inode.h"
#include "turn.h"
#include "user.h"
#include "wire/codes.h"
#include "writer.h"

static void uncount(struct extent *e)
{
	e->file->store->n_extents--;
	e->file->user->extents--;
	turn_end(e);
}

void extent_start(struct extent *e)
{
	struct file *file = e->file;
	struct inode *inode = file->inode;
	uint64_t sector = inode->fs->sector_size;

	/* Whole sectors: two writes that share one are not independent. offset + len was checked
	 * to stay far below 2^64. */
	e->from = e->offset - e->offset % sector;
	e->to = (e->offset + e->len + sector - 1) / sector * sector;
	e->form = e->compression == BTRFS_ENCODED_IO_COMPRESSION_NONE ? WIRE_FORM_PLAIN
								      : WIRE_FORM_ENCODED;
	e->state = EXTENT_CHECKING;
	file_ref(file);
	inode->store->n_extents++;
	file->user->extents++;
	turn_begin(e);
	if (!inode_reserve(inode, e)) {
		uncount(e);
		extent_forget_payload(e);
		e->state = EXTENT_DONE;
		e->code = WIRE_E_NO_MEMORY;
		e->notify(e, EXTENT_FAILED); /* may free it */
		file_unref(file);
		return;
	}
	check_start(e);
}

bool extent_in_place(const struct extent *e)
{
	return e->form == WIRE_FORM_ENCODED && e->arena && e->arena->buffer >= 0 && !e->memory;
}

void extent_forget_payload(struct extent *e)
{
	if (e->memory) {
		store_release(e->file->store, e->file->user, e->memory, e->memory_bytes);
		e->memory = NULL;
	}
	check_forget_decoded(e);
	arena_unref(e->arena);
	e->arena = NULL;
	e->data = NULL;
}

void extent_finish(struct extent *e, enum extent_event event)
{
	struct file *file = e->file;

	extent_forget_payload(e);
	inode_release(file->inode, e);
	e->state = EXTENT_DONE;
	uncount(e);
	e->notify(e, event); /* may free it */
	file_unref(file);
}

void extent_seen(struct extent *e)
{
	struct file *file = e->file;

	if (e->orphan) {
		extent_finish(e, EXTENT_SAFE);
		return;
	}
	inode_release(file->inode, e);
	uncount(e);
	e->state = EXTENT_ONDISK;
	e->inode = file->inode;
	inode_see(e->inode, e);
	e->notify(e, EXTENT_SEEN);
	e->file = NULL;
	file_unref(file);
}

void extent_forget(struct extent *e)
{
	inode_unsee(e->inode, e);
}

void extent_fail(struct extent *e, uint32_t code, int kernel_errno, uint64_t detail)
{
	struct inode *inode = e->file->inode;

	if (e->busy) { /* writer_checked() comes, and back here */
		e->doomed = code;
		return;
	}
	e->code = code;
	e->kernel_errno = kernel_errno;
	e->detail = detail;
	filesystem_failed(inode->fs, kernel_errno);

	if (e->state == EXTENT_READY) {
		TAILQ_REMOVE(&inode->ready, e, entry);
	} else if (e->state == EXTENT_SUBMITTED) {
		TAILQ_REMOVE(&e->chain->extents, e, entry);
		e->chain->n--;
		e->chain->remaining--;
		e->chain = NULL;
	}
	extent_finish(e, EXTENT_FAILED);
}

bool extent_cancel(struct extent *e)
{
	if ((e->state != EXTENT_CHECKING && e->state != EXTENT_READY) || e->doomed || e->data_done)
		return false;
	extent_fail(e, WIRE_E_CANCELLED, 0, 0);
	return true;
}
