// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extents on their way. Each is asked to be acknowledged as "written": that is when its file's
 * attributes may be set. What makes it durable is the commit of settle.c, one for all.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "restore/job.h"

static void opened(struct extent_session *s, const struct extent_completion *c)
{
	struct restore_file *file = c->userdata;

	if (!c->result || file->r->broken)
		return;
	file->open_failed = true;
	job_failed(file->r, RESTORE_OPEN, file->dir, file->name, 0, 0, -c->result,
		   extent_code_text(c->code));
}

static void written(struct extent_session *s, const struct extent_completion *c)
{
	struct restore_file *file = c->userdata;
	struct restore *r = file->r;

	file->pending--;
	if (c->result) {
		/* Of a file that could not be opened, and of a lost session, once is enough. */
		if (!file->open_failed && !r->broken && c->result != -ECONNRESET)
			job_failed(r, RESTORE_WRITE, file->dir, file->name, c->offset, c->len,
				   -c->result, extent_code_text(c->code));
		if (!file->error)
			file->error = c->result;
	} else {
		r->stats.encoded += c->form == EXTENT_ENCODED;
		r->stats.decoded += c->form == EXTENT_DECODED;
		r->stats.plain += c->form == EXTENT_PLAIN;
		settle_log(file, c->offset, c->len, c->id);
	}
	if (file->finished && !file->pending) {
		r->finishing--;
		file_complete(file);
	}
}

static int handle_open(struct restore_file *file)
{
	struct restore *r = file->r;
	char path[4096];
	int64_t id;

	if (file->handle >= 0)
		return 0;
	file_claim(file);
	restore_path(file->dir, file->name, path, sizeof(path));
	do {
		id = extent_open_fd(r->opt.session, file->fd, path,
				    r->opt.nodatacow ? EXTENT_NODATACOW : 0, opened, file,
				    &file->handle);
	} while ((id == -EAGAIN || (id == -EMFILE && extent_pending(r->opt.session))) &&
		 restore_wait(r, -1) >= 0);
	if (id < 0) {
		file->handle = -1;
		return r->broken ? r->broken : (int)id;
	}
	file->first_id = id;
	file->last_id = INT64_MAX; /* until CLOSE */
	return 0;
}

/* A small plain file, whole: one pwrite() is less work than telling somebody else. */
static bool direct_fits(const struct restore_file *file, const struct extent_write *w)
{
	return w->compression == EXTENT_NONE && !w->encryption && file->fresh && file->handle < 0 &&
	       w->offset + w->len <= RESTORE_DIRECT_BYTES;
}

static int direct_write(struct restore_file *file, const struct extent_write *w)
{
	const char *bytes = w->payload;
	uint64_t done = 0;

	while (done < w->len) {
		ssize_t n =
			pwrite(file->fd, bytes + done, w->len - done, (off_t)(w->offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			file->error = n < 0 ? -errno : -EIO;
			job_failed(file->r, RESTORE_WRITE, file->dir, file->name, w->offset, w->len,
				   -file->error, "the kernel refused the write");
			return 0;
		}
		done += (uint64_t)n;
	}
	file->r->stats.plain++;
	settle_log(file, w->offset, w->len, -1);
	return 0;
}

int restore_write(struct restore_file *file, struct extent_write *w)
{
	struct restore *r = file->r;
	struct extent_session *s = r->opt.session;
	bool buffer = w->flags & EXTENT_BUFFER;
	int64_t id;
	int err;

	if (w->offset + w->len > file->end)
		file->end = w->offset + w->len;
	r->stats.payload_bytes += w->payload_len;
	r->stats.unencoded_bytes += w->len;

	if (direct_fits(file, w)) {
		err = direct_write(file, w);
		goto put;
	}
	err = handle_open(file);
	if (err < 0)
		goto put;
	w->file = file->handle;
	w->ack = EXTENT_WRITTEN;
	do {
		id = extent_write(s, w, written, file);
	} while (id == -EAGAIN && extent_pending(s) && restore_wait(r, -1) >= 0);
	if (id > 0) {
		file->pending++;
		return 0;
	}
	err = r->broken ? r->broken : (int)id;
put:
	if (buffer)
		extent_buffer_put(s, (void *)(uintptr_t)w->payload);
	if (err < 0 && err != -ECONNRESET) {
		if (!file->error)
			file->error = err;
		job_failed(r, RESTORE_WRITE, file->dir, file->name, w->offset, w->len, -err,
			   extent_error_text(s));
		err = 0;
	}
	return err;
}

int restore_buffer(struct restore *r, size_t size, void **out)
{
	struct extent_limits limits;
	int err = 0;

	extent_get_limits(r->opt.session, &limits);
	if (size > limits.max_payload)
		return -EMSGSIZE;
	while (!(*out = extent_buffer_get(r->opt.session, size))) {
		if (!extent_pending(r->opt.session))
			return -ENOMEM;
		err = restore_wait(r, -1);
		if (err < 0)
			return err;
	}
	return 0;
}
