// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From "in the kernel" to "safe on disk": one SYNC of the session covers everything that was
 * written before it, so it is asked for rarely: in the end, when too many files are remembered
 * by name, and every second or so where the caller wants to hear of each extent.
 *
 * A commit covers the files that were complete and the extents that were acknowledged as written
 * when it was asked for. They move from unsettled to settling, and the work goes on meanwhile.
 * LOST notices arrive before the answer: what they name leaves the log. An answer that says "some
 * were lost" (UNSETTLED) vouches for the rest; any other error vouches for nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/sync.h"
#include "restore/job.h"
#include "wire/codes.h"

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void settle_log(struct restore_file *file, uint64_t offset, uint64_t len, int64_t id)
{
	struct restore *r = file->r;
	struct restore_log *log = &r->log;

	if (!r->opt.durable)
		return;
	if (log->count == log->room) {
		size_t room = log->room ? log->room * 2 : 1024;
		struct restore_logged *more =
			reallocarray(log->extents, room, sizeof(*log->extents));

		if (!more) {
			/* Not told of: the promise is only that what is told is true. */
			job_failed(r, RESTORE_SYNC, file->dir, file->name, offset, len, ENOMEM,
				   "the durable acknowledgement cannot be passed on");
			return;
		}
		log->extents = more;
		log->room = room;
	}
	file->refs++;
	log->extents[log->count++] = (struct restore_logged){ file, offset, len, id };
	log->direct |= id < 0;
}

static void log_clear(struct restore_log *log)
{
	for (size_t i = 0; i < log->count; i++)
		file_put(log->extents[i].file);
	log->count = 0;
	log->direct = false;
}

static void log_strike(struct restore_log *log, int64_t id)
{
	for (size_t i = 0; i < log->count; i++) {
		if (log->extents[i].id == id) {
			file_put(log->extents[i].file);
			log->extents[i] = log->extents[--log->count];
			return;
		}
	}
}

/* What was written in place has no id of a request. */
void settle_strike(struct restore *r, const struct restore_file *file, uint64_t offset)
{
	struct restore_log *log = &r->settling_log;

	for (size_t i = 0; i < log->count; i++)
		if (log->extents[i].file == file && log->extents[i].offset == offset) {
			file_put(log->extents[i].file);
			log->extents[i] = log->extents[--log->count];
			return;
		}
}

static struct restore_file *find_owner(struct restore_files *files, int handle, int64_t id)
{
	struct restore_file *file;

	TAILQ_FOREACH(file, files, entry)
		if (file->handle == handle && file->first_id && file->first_id < id &&
		    id < file->last_id)
			return file;
	return NULL;
}

void settle_lost(struct restore *r, const struct extent_completion *c)
{
	struct restore_file *file = find_owner(&r->settling, c->file, c->id);

	if (!file)
		file = find_owner(&r->unsettled, c->file, c->id);
	if (!file)
		file = find_owner(&r->active, c->file, c->id);
	log_strike(&r->settling_log, c->id);
	log_strike(&r->log, c->id);
	if (file && file->removed)
		return;
	r->sync_error = -EIO;
	job_failed(r, RESTORE_LOST, file ? file->dir : NULL, file ? file->name : NULL, c->offset,
		   c->len, -c->result, extent_code_text(c->code));
}

void settle_answered(struct restore *r, int result, unsigned int code)
{
	r->settle = SETTLE_ANSWERED;
	r->settle_result = result;
	r->settle_code = code;
}

static int settle_begin(struct restore *r)
{
	struct restore_log empty = r->settling_log;
	struct small_list none = r->settling_small;
	int err = r->sink->sync(r->sink, r);

	if (err == -EAGAIN)
		return 0;
	if (err < 0)
		return err;
	if (r->settle == SETTLE_IDLE)
		r->settle = SETTLE_ASKED;
	r->stats.syncs++;
	TAILQ_CONCAT(&r->settling, &r->unsettled, entry);
	r->unsettled_files = 0;
	r->settling_log = r->log;
	r->log = empty;
	r->settling_small = r->small;
	r->small = none;
	return 0;
}

/* Data that did not go through the daemon is committed, and its errors seen, here. */
static int filesystems_sync(struct restore *r)
{
	int err = 0;

	for (unsigned int i = 0; i < r->filesystem_count; i++) {
		int failed = filesystem_sync(r->filesystems[i].fd);

		if (failed) {
			err = failed;
			job_failed(r, RESTORE_SYNC, NULL, NULL, 0, 0, -failed,
				   "the commit of the filesystem failed: what was written plainly "
				   "may be incomplete");
		}
	}
	return err;
}

static void settle_end(struct restore *r)
{
	struct restore_log *log = &r->settling_log;
	int err = r->settle_result;
	bool good = !err || r->settle_code == WIRE_E_UNSETTLED; /* told by settle_lost() */

	if (!good)
		job_failed(r, RESTORE_SYNC, NULL, NULL, 0, 0, -err,
			   extent_code_text(r->settle_code));
	if (!good && !r->sync_error)
		r->sync_error = err;
	if (log->direct || r->settling_small.count) {
		err = filesystems_sync(r);
		if (!err)
			err = small_prove_all(r, &r->settling_small);
		if (err < 0) {
			r->sync_error = err;
			good = false;
		}
	}
	for (size_t i = 0; good && i < log->count; i++) {
		const struct restore_logged *e = &log->extents[i];
		char path[4096];

		restore_path(e->file->dir, e->file->name, path, sizeof(path));
		r->opt.durable(r->opt.userdata, path, e->offset, e->len);
	}
	if (good && r->opt.committed)
		r->opt.committed(r->opt.userdata);
	log_clear(log);
	small_drop(&r->settling_small);
	while (!TAILQ_EMPTY(&r->settling)) {
		struct restore_file *file = TAILQ_FIRST(&r->settling);

		TAILQ_REMOVE(&r->settling, file, entry);
		inode_unlist(file);
		file_put(file);
	}
	r->settle = SETTLE_IDLE;
	r->settle_ms = now_ms();
}

/* From restore_poll(), outside of any callback. */
int settle_step(struct restore *r)
{
	if (r->settle == SETTLE_ANSWERED)
		settle_end(r);
	if (r->settle != SETTLE_IDLE)
		return 0;
	if (r->unsettled_files >= RESTORE_UNSETTLED_FILES ||
	    r->log.count >= RESTORE_UNSETTLED_LOG || r->small.count >= RESTORE_UNSETTLED_FILES ||
	    (r->log.count && now_ms() - r->settle_ms >= RESTORE_COMMIT_MS))
		return settle_begin(r);
	return 0;
}

void settle_drop(struct restore *r)
{
	log_clear(&r->log);
	log_clear(&r->settling_log);
	small_drop(&r->small);
	small_drop(&r->settling_small);
	free(r->small.extents);
	free(r->settling_small.extents);
	free(r->log.extents);
	free(r->settling_log.extents);
}

int restore_sync(struct restore *r)
{
	int err = restore_barrier(r);
	int fs;

	while (err >= 0 && r->settle != SETTLE_IDLE)
		err = restore_wait(r, -1);
	while (err >= 0 && r->settle == SETTLE_IDLE) {
		err = settle_begin(r);
		if (err >= 0 && r->settle == SETTLE_IDLE)
			err = restore_wait(r, -1);
	}
	while (err >= 0 && r->settle != SETTLE_IDLE)
		err = restore_wait(r, -1);
	if (err < 0)
		return err;

	/* Names, owners and times of what had no data, on filesystems the daemon never saw. */
	fs = filesystems_sync(r);
	err = r->sync_error ? r->sync_error : fs;
	r->sync_error = 0;
	return err;
}
