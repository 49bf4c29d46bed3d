// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The table of requests.
 *
 * Ids only grow, and a request lives in the slot that its id selects in a ring of at least
 * twice as many slots as there are credits. An id whose slot is still taken by an old request
 * is skipped, so an acknowledgement finds its request with one index, and no id is ever used
 * twice in a session: a LOST frame may name a write long after it was acknowledged.
 *
 * A slot holds everything a request needs from queueing to delivery (frame, tail, descriptor,
 * completion), so nothing that happens after a request was accepted can run out of memory.
 * Credits are given back by the acknowledgement, the slot by the delivery.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/lib/session.h"
#include "wire/codes.h"

int request_room(struct extent_session *s, uint64_t payload)
{
	if (s->error)
		return s->error;
	if (s->in_flight >= s->limits.credit_requests)
		return session_error(s, -EAGAIN, "all %u request credits are in use",
				     s->limits.credit_requests);
	if (payload > s->limits.credit_bytes - s->in_flight_bytes)
		return session_error(s, -EAGAIN, "all %llu bytes of credit are in use",
				     (unsigned long long)s->limits.credit_bytes);
	if (s->ring_used > s->ring_mask)
		return session_error(s, -ENOBUFS,
				     "%u completions wait for extent_next_completion()",
				     s->ring_used - s->in_flight);
	return 0;
}

struct request *request_queue(struct extent_session *s, enum extent_kind kind,
			      union wire_frame *frame, const void *tail, size_t tail_len,
			      extent_callback done, void *userdata)
{
	struct request *r;

	while (s->ring[s->next_id & s->ring_mask].state != REQUEST_FREE)
		s->next_id++;
	r = &s->ring[s->next_id & s->ring_mask];

	*r = (struct request){
		.state = REQUEST_QUEUED,
		.d.c = { .id = s->next_id++, .kind = kind, .file = -1, .userdata = userdata },
		.done = done,
		.frame_len = wire_fixed_size(frame->h.type),
		.tail = tail,
		.tail_len = tail_len,
		.fd = -1,
	};
	frame->h.length = (uint32_t)(r->frame_len + tail_len);
	frame->h.id = (uint64_t)r->d.c.id;
	wire_write(frame, r->frame);

	s->ring_used++;
	s->in_flight++;
	s->queued++;
	if (kind != EXTENT_OP_ARENA)
		s->pending++;
	TAILQ_INSERT_TAIL(&s->to_send, r, link);
	return r;
}

struct request *request_find(struct extent_session *s, uint64_t id)
{
	struct request *r = &s->ring[id & s->ring_mask];

	return r->state == REQUEST_SENT && (uint64_t)r->d.c.id == id ? r : NULL;
}

/* Takes back what only a request under way needs. */
static void request_release(struct extent_session *s, struct request *r)
{
	if (r->state == REQUEST_QUEUED) {
		TAILQ_REMOVE(&s->to_send, r, link);
		s->queued--;
	}
	closep(&r->fd);
	r->fd = -1;
	free(steal_ptr(&r->label));
	if (r->buffer)
		buffer_release(s, steal_ptr(&r->buffer));
	s->in_flight--;
	s->in_flight_bytes -= r->credit;
}

static void slot_free(struct extent_session *s, struct request *r)
{
	r->state = REQUEST_FREE;
	s->ring_used--;
}

/* c.result and what belongs to it have been set. The slot may be another request's on return. */
void request_complete(struct extent_session *s, struct request *r)
{
	struct extent_completion c = r->d.c;
	extent_callback done = r->done;

	request_release(s, r);
	if (c.kind == EXTENT_OP_ARENA) {
		slot_free(s, r);
		buffer_arena_answered(s, c.result);
		return;
	}

	s->pending--;
	s->delivered++;
	if (c.result && !s->first_error && done != wait_completed)
		s->first_error = c.result;

	if (done) {
		slot_free(s, r);
		done(s, &c);
	} else {
		r->state = REQUEST_DONE;
		TAILQ_INSERT_TAIL(&s->done, &r->d, link);
	}
}

/*
 * Oldest first: of two requests the later one's slot comes later, counted from the slot that the
 * next id selects, except where an id was skipped. Callbacks cannot queue new ones: the session
 * has failed.
 */
void request_complete_all(struct extent_session *s, int result)
{
	int64_t first = s->next_id;

	for (uint32_t i = 0; s->in_flight && i <= s->ring_mask; i++) {
		struct request *r = &s->ring[(first + i) & s->ring_mask];

		if (r->state != REQUEST_QUEUED && r->state != REQUEST_SENT)
			continue;
		r->d.c.result = result;
		request_complete(s, r);
	}
}

void request_free_all(struct extent_session *s)
{
	struct delivery *d;

	while ((d = TAILQ_FIRST(&s->done))) {
		TAILQ_REMOVE(&s->done, d, link);
		if (d->heap)
			free(d);
	}
	for (uint32_t i = 0; s->ring && s->in_flight && i <= s->ring_mask; i++) {
		struct request *r = &s->ring[i];

		if (r->state == REQUEST_QUEUED || r->state == REQUEST_SENT) {
			request_release(s, r);
			slot_free(s, r);
		}
	}
	free(steal_ptr(&s->ring));
}

/* The only delivery that no slot was reserved for; losing it silently is not an option. */
int request_lost(struct extent_session *s, const struct extent_completion *c)
{
	struct delivery *d;

	if (s->lost >= CLIENT_LOST)
		return session_error(s, -ENOBUFS, "%u reports of lost writes were not fetched",
				     s->lost);
	d = malloc(sizeof(*d));
	if (!d)
		return session_error(s, -ENOMEM, "no memory to report that a write was lost");

	*d = (struct delivery){ .c = *c, .heap = true };
	TAILQ_INSERT_TAIL(&s->done, d, link);
	s->lost++;
	s->delivered++;
	if (!s->first_error)
		s->first_error = c->result;
	return 0;
}

int extent_next_completion(struct extent_session *s, struct extent_completion *out)
{
	struct delivery *d = TAILQ_FIRST(&s->done);

	if (!d)
		return 0;
	TAILQ_REMOVE(&s->done, d, link);
	*out = d->c;
	if (d->heap) {
		free(d);
		s->lost--;
	} else {
		slot_free(s, (struct request *)((char *)d - offsetof(struct request, d)));
	}
	return 1;
}

unsigned int extent_pending(const struct extent_session *s)
{
	return s->pending;
}
