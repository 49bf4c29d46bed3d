// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The blocking layer: the asynchronous calls and a wait, nothing of its own. The outcome lives
 * on the stack of the call, which is sound because every request is completed before
 * extent_wait() reports that the session has ended.
 */
#include <errno.h>

#include "client/lib/session.h"

struct outcome {
	bool done;
	int result;
};

void wait_completed(struct extent_session *s, const struct extent_completion *c)
{
	struct outcome *o = c->userdata;

	*o = (struct outcome){ .done = true, .result = c->result };
	if (c->result && !s->error)
		session_error(s, c->result, "%s", extent_completion_text(s, c));
}

/* Before anything is queued whose outcome would lie on this stack. */
static int wait_allowed(struct extent_session *s)
{
	return s->processing
		       ? session_error(s, -EDEADLK, "a callback may not wait on its own session")
		       : 0;
}

/*
 * After a call that returned id: true to make it again, because credits or buffers that it lacked
 * may have come back; else false with the outcome, whichever way it came. With nothing under way
 * nothing can come back: what is lacking is in the caller's own hands.
 */
static bool call_again(struct extent_session *s, int64_t id, struct outcome *o)
{
	if (id == -EAGAIN && s->in_flight) {
		o->result = extent_wait(s, -1);
		return o->result >= 0;
	}
	if (id < 0)
		o->result = (int)id;
	while (id > 0 && !o->done)
		extent_wait(s, -1);
	return false;
}

/* A failed OPEN leaves no handle behind: the caller of a blocking call has nothing to close. */
static int opened(struct extent_session *s, int result, int *file)
{
	if (result < 0 && *file >= 0) {
		file_forget(s, *file);
		*file = -1;
	}
	return result;
}

int extent_open_fd_wait(struct extent_session *s, int fd, const char *label, unsigned int flags,
			int *file)
{
	struct outcome o = {};
	int64_t id = wait_allowed(s);

	*file = -1;
	if (id < 0)
		return (int)id;
	do {
		id = extent_open_fd(s, fd, label, flags, wait_completed, &o, file);
	} while (call_again(s, id, &o));
	return opened(s, o.result, file);
}

int extent_open_path_wait(struct extent_session *s, const char *path, unsigned int flags,
			  unsigned int mode, int *file)
{
	struct outcome o = {};
	int64_t id = wait_allowed(s);

	*file = -1;
	if (id < 0)
		return (int)id;
	do {
		id = extent_open_path(s, path, flags, mode, wait_completed, &o, file);
	} while (call_again(s, id, &o));
	return opened(s, o.result, file);
}

int extent_write_wait(struct extent_session *s, const struct extent_write *w)
{
	struct outcome o = {};
	int64_t id = wait_allowed(s);

	if (id < 0)
		return (int)id;
	do {
		id = extent_write(s, w, wait_completed, &o);
	} while (call_again(s, id, &o));
	return o.result;
}

int extent_read_wait(struct extent_session *s, struct extent_read *r)
{
	struct outcome o = {};
	int64_t id = wait_allowed(s);

	if (id < 0)
		return (int)id;
	do {
		id = extent_read(s, r, wait_completed, &o);
	} while (call_again(s, id, &o));
	return o.result;
}

int extent_sync_wait(struct extent_session *s, int file)
{
	struct outcome o = {};
	int64_t id = wait_allowed(s);

	if (id < 0)
		return (int)id;
	do {
		id = extent_sync(s, file, wait_completed, &o);
	} while (call_again(s, id, &o));
	return o.result;
}

int extent_close_wait(struct extent_session *s, int file)
{
	struct outcome o = {};
	int64_t id = wait_allowed(s);

	if (id < 0)
		return (int)id;
	do {
		id = extent_close(s, file, wait_completed, &o);
	} while (call_again(s, id, &o));
	return o.result;
}

int extent_status_wait(struct extent_session *s)
{
	struct outcome o = {};
	int64_t id = wait_allowed(s);

	if (id < 0)
		return (int)id;
	do {
		id = extent_status(s, wait_completed, &o);
	} while (call_again(s, id, &o));
	return o.result;
}

int extent_drain(struct extent_session *s)
{
	int r = wait_allowed(s);

	while (!r && s->pending) {
		r = extent_wait(s, -1);
		if (r > 0)
			r = 0;
	}
	if (s->first_error)
		r = s->first_error;
	s->first_error = 0;
	return r;
}
