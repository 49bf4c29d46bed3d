// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Wait, check, sync: what makes "durable" true.
 *
 * An encoded write has no pages in the page cache. Its data goes to the disk by itself, an fsync
 * does not wait for it, and when it fails nobody is told: the kernel drops the extent and the
 * range is what it was before. So:
 *
 *  1. Wait until the data has reached the disk or failed. FIEMAP_FLAG_SYNC does that: it waits
 *     for the file's ordered extents, which carry encoded writes too. It changes no times and no
 *     mode, unlike FALLOCATE, and answers the next question at once. A filesystem-wide commit
 *     (syncfs) waits for them as well.
 *  2. Check that each extent is there. A fresh range was a hole before, and our extents are the
 *     only thing that the daemon lets be written there until the verdict: data there is ours, or
 *     that of somebody who overwrote it since. (A tool that shares equal blocks may have linked
 *     a lost range, zeros by then, to plain zeros: what is no longer encoded must hold others.)
 *     Otherwise it is read back from the disk and compared (readback.h).
 *  3. Sync. The check comes before the fsync, so that what failed the check is not mistaken for
 *     what a failing fsync took along; a commit comes before it, and then the check sees the
 *     tree that was committed or a later one.
 *
 * After the sync the filesystem must still be writable, see base/sync.h.
 *
 * Plain writes are page cache writes: fsync waits for them and reports their errors, once for
 * each open file description. So each file's own description is asked; after a commit, which
 * has written them, without an fsync. Where there is no own one they are proved as encoded ones:
 * both the wait and the reading back write pages out first.
 *
 * A kernel that has FEATURE_SYNC gives the same promise for encoded writes. There 1 and 2 are
 * left out for a file that is settled by itself, and made up for when an fsync has failed: only
 * they tell whose write it was. A commit of the filesystem promises nothing new and is checked.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sync.h"
#include "extent.h"
#include "file.h"
#include "map.h"
#include "prove.h"
#include "readback.h"
#include "settle.h"
#include "wire/codes.h"

static void verdict(struct extent *e, uint32_t code, int error)
{
	if (e->code)
		return;
	e->code = code;
	e->kernel_errno = error;
}

static int by_offset(const void *a, const void *b)
{
	const struct extent *x = *(struct extent *const *)a, *y = *(struct extent *const *)b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* Extents of one file, of which only looking tells what became of them. */
static void check_by_sight(struct settle *settle, struct extent **list, size_t n, bool wait)
{
	_cleanup_(freep) enum map_finding *found = NULL;
	struct readback readback = { 0 };
	int fd = list[0]->file->fd, r;

	qsort(list, n, sizeof(*list), by_offset);
	found = calloc(n, sizeof(*found));
	r = found ? map_after(list, n, fd, wait, found) : -ENOMEM;
	/* EIO is the answer when one of the writes failed; by then all have ended. The look
	 * without waiting tells which. */
	if (r == -EIO)
		r = map_after(list, n, fd, false, found);

	for (size_t i = 0; i < n; i++) {
		struct extent *e = list[i];

		if (r < 0) {
			verdict(e, WIRE_E_SYNC_FAILED, -r);
			continue;
		}
		if (found[i] == MAP_ABSENT) {
			verdict(e, WIRE_E_LOST, 0);
			continue;
		}
		if (e->fresh && (found[i] == MAP_ENCODED || e->form != WIRE_FORM_ENCODED))
			continue;
		settle->read_backs++;
		r = e->fresh ? readback_nonzero(&readback, e) : readback_compare(&readback, e);
		verdict(e, r < 0 ? WIRE_E_NO_MEMORY : (uint32_t)r, 0);
		r = 0;
	}
	readback_free(&readback);
}

/* A file without a name is gone after a crash, whatever became of its data. */
static void check_name(struct extent **list, size_t n)
{
	struct stat st;

	if (fstat(list[0]->file->fd, &st) == 0 && st.st_nlink)
		return;
	for (size_t i = 0; i < n; i++)
		verdict(list[i], WIRE_E_UNLINKED, 0);
}

/*
 * The extents of the settle's list that start with first and are of the same inode, as an array:
 * those first of which only looking tells. Returns how many there are; 0 when out of memory.
 */
static size_t group_take(struct extent *first, struct extent ***out, size_t *sighted)
{
	struct extent **list, *e;
	size_t n = 0, head = 0, tail;

	for (e = first; e && e->file->inode == first->file->inode; e = TAILQ_NEXT(e, entry))
		n++;
	list = calloc(n, sizeof(struct extent *));
	if (!list)
		return 0;
	tail = n;
	for (e = first; head < tail; e = TAILQ_NEXT(e, entry)) {
		if (readback_needed(e))
			list[head++] = e;
		else
			list[--tail] = e;
	}
	*out = list;
	*sighted = head;
	return n;
}

/*
 * The error that a commit met while it wrote out pages of this description. An fsync would tell it
 * too, and would log encoded extents of the inode that are being written at this moment.
 */
static int write_back(int fd)
{
	return sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE);
}

/* The kernel tells a description of an error once, and not whose write it was: it is remembered
 * for all that were under way, whichever settle they are in. 0 or errno. */
static int file_sync(struct file *file, int (*sync)(int fd))
{
	int error = sync(file->own < 0 ? file->fd : file->own) < 0 ? errno : 0;

	if (error)
		file->errors++;
	return error;
}

/* Asks each description that plain writes went through, by fsync or write_back. */
static void sync_plain(struct extent **list, size_t n, int (*sync)(int fd))
{
	const struct file *synced = NULL;
	int error = 0;

	for (size_t i = 0; i < n; i++) {
		const struct file *file = list[i]->file;

		if (file->own < 0) {
			verdict(list[i], WIRE_E_SHARED_ERRORS, 0);
			continue;
		}
		if (file != synced) {
			synced = file;
			error = file_sync(list[i]->file, sync);
		}
		if (error || list[i]->file_errors != file->errors)
			verdict(list[i], WIRE_E_LOST, error ? error : EIO);
	}
}

/* With kernels that report failed encoded writes to fsync, one failed write makes the first
 * fsync of the group fail; those that passed the check are made safe by the second. */
static int file_sync_twice(struct file *file)
{
	return file_sync(file, fsync) ? file_sync(file, fsync) : 0;
}

/*
 * Whether fsyncs alone prove these extents. All descriptions are asked, for the kernel
 * may have told one of an error before another was opened; a peer that shares one could have
 * taken the error.
 */
static bool fsync_proves(struct settle *settle, struct extent **list, size_t n)
{
	const struct file *synced = NULL;

	for (size_t i = 0; i < n; i++) {
		struct file *file = list[i]->file;

		if (file->own < 0 || (file != synced && file_sync(file, fsync)) ||
		    list[i]->file_errors != file->errors)
			return false;
		synced = file;
	}
	settle->unchecked += n;
	return n > 0;
}

static void settle_fail_from(struct settle *settle, struct extent *first, uint32_t code, int error)
{
	settle->code = code;
	settle->kernel_errno = error;
	for (struct extent *e = first; e; e = TAILQ_NEXT(e, entry))
		verdict(e, code, error);
}

static void settle_fail(struct settle *settle, uint32_t code, int error)
{
	settle_fail_from(settle, TAILQ_FIRST(&settle->extents), code, error);
}

void prove_file(struct settle *settle)
{
	struct extent *first = TAILQ_FIRST(&settle->extents);
	_cleanup_(freep) struct extent **list = NULL;
	size_t n = 0, sighted = 0;
	bool proved;
	int error;

	if (first) {
		n = group_take(first, &list, &sighted);
		if (!n) {
			settle_fail(settle, WIRE_E_NO_MEMORY, 0);
			return;
		}
	}
	proved = settle->fs->store->counters.encoded_write_sync &&
		 fsync_proves(settle, list, sighted);
	if (sighted && !proved)
		check_by_sight(settle, list, sighted, true);
	if (n > sighted)
		sync_plain(list + sighted, n - sighted, fsync);
	error = proved ? 0
		       : file_sync_twice(first ? first->file : TAILQ_FIRST(&settle->syncs)->file);
	error = sync_verdict(settle->fs->anchor, error);
	if (error)
		settle_fail(settle, WIRE_E_SYNC_FAILED, error);
	if (n)
		check_name(list, n);
}

/* One inode's share of a filesystem-wide settle. Without a commit before it, what is on its way has
 * to be waited for here. */
static void prove_group(struct settle *settle, struct extent **list, size_t n, size_t sighted)
{
	if (sighted)
		check_by_sight(settle, list, sighted, settle->lazy);
	else if (settle->lazy)
		map_wait(list[0]->file->fd);
	if (n > sighted)
		sync_plain(list + sighted, n - sighted, write_back);
	check_name(list, n);
}

static int commit(int fd)
{
	int error = syncfs(fd) < 0 && syncfs(fd) < 0 ? errno : 0;

	return sync_verdict(fd, error);
}

void prove_filesystem(struct settle *settle)
{
	int error = settle->lazy ? 0 : commit(settle->fs->anchor);
	struct extent *e = TAILQ_FIRST(&settle->extents);

	if (error) {
		settle_fail(settle, WIRE_E_SYNC_FAILED, error);
		return;
	}
	while (e) {
		_cleanup_(freep) struct extent **list = NULL;
		size_t sighted, n = group_take(e, &list, &sighted);

		if (!n) { /* what was proved before stays so */
			settle_fail_from(settle, e, WIRE_E_NO_MEMORY, 0);
			return;
		}
		/* list is in another order: find the next group before it is lost. */
		for (size_t i = 0; i < n; i++)
			e = TAILQ_NEXT(e, entry);
		prove_group(settle, list, n, sighted);
	}
	/* Nothing was synced, and nothing will be where the filesystem has aborted meanwhile. */
	error = settle->lazy ? sync_verdict(settle->fs->anchor, 0) : 0;
	if (error)
		settle_fail(settle, WIRE_E_SYNC_FAILED, error);
}
