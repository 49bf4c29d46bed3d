// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading through the daemon, for who has no right to encoded reads: extents come as they lie on
 * disk, straight into the buffers that they are written from. What the daemon gives as content
 * only (it is not compressed, or the file shows only a part of the extent) is read again and
 * compressed here, as if there were no daemon.
 */
#include <errno.h>

#include "copy/source.h"

static void nothing(struct extent_session *session, const struct extent_completion *c)
{
}

static void arrived(struct extent_session *session, const struct extent_completion *c)
{
	struct fetch_job *job = c->userdata;
	struct data *data = ((struct source *)job->owner)->data;
	const struct extent_read *r = &job->read;

	job->error = c->result;
	if (!c->result) {
		job->buffer = r->payload;
		job->payload_len = r->payload_len;
		job->len = r->len;
		job->unencoded_len = r->unencoded_len;
		job->unencoded_offset = r->unencoded_offset;
		job->compression = r->compression;
		if (r->kind != EXTENT_READ_ENCODED)
			job->error = -ENOTTY;
	}
	TAILQ_INSERT_TAIL(&data->arrived, job, entry);
}

bool daemon_read(struct data *data, struct fetch_job *job)
{
	struct source *s = job->owner;
	int64_t id = 0;

	if (s->handle < 0)
		id = extent_open_fd(data->opt.session, s->fd, s->path, EXTENT_READ, nothing, NULL,
				    &s->handle);
	if (id >= 0) {
		job->read = (struct extent_read){ .file = s->handle, .offset = job->piece.offset };
		id = extent_read(data->opt.session, &job->read, arrived, job);
	}
	if (id == -EAGAIN)
		return false;
	if (id < 0) {
		job->error = -ENOTTY;
		TAILQ_INSERT_TAIL(&data->arrived, job, entry);
	}
	return true;
}

struct fetch_job *daemon_next(struct data *data)
{
	struct fetch_job *job = TAILQ_FIRST(&data->arrived);

	if (job)
		TAILQ_REMOVE(&data->arrived, job, entry);
	return job;
}

/* A request that finds no credit now is made later; there are no more than jobs. */
void daemon_close(struct data *data, int handle)
{
	if (handle >= 0 && extent_close(data->opt.session, handle, nothing, NULL) == -EAGAIN)
		data->to_close[data->n_to_close++] = handle;
}

void daemon_close_rest(struct data *data)
{
	while (data->n_to_close &&
	       extent_close(data->opt.session, data->to_close[data->n_to_close - 1], nothing,
			    NULL) != -EAGAIN)
		data->n_to_close--;
}
