// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/config.h"
#include "handle.h"
#include "room.h"
#include "store/store.h"
#include "store/user.h"

bool session_files_left(const struct session *s)
{
	const struct config *c = s->server->config;

	return s->user->files < c->limits.user_files &&
	       user_share_left(c->limits.files_total, s->server->store->counters.now_files,
			       s->user->files, 1);
}

static bool crowded(struct session *s, uint32_t handle)
{
	const struct handle *h = session_handle(s, handle);

	return h && handle_crowded(h);
}

static bool requests_left(const struct session *s)
{
	const struct server *server = s->server;

	return user_share_left(server->config->limits.requests_total,
			       (uint64_t)server->n_requests + server->n_syncs, s->user->requests,
			       1);
}

bool room_for(struct session *s, const union wire_frame *f)
{
	const struct server *server = s->server;
	const struct config *c = server->config;

	if (f->h.type == WIRE_TYPE_READ || f->h.type == WIRE_TYPE_SYNC)
		return requests_left(s);
	if (f->h.type == WIRE_TYPE_WRITE_)
		return requests_left(s) && s->n_requests < c->limits.unsettled &&
		       !crowded(s, f->write.handle) &&
		       (f->write.arena != WIRE_NO_ARENA ||
			(TAILQ_EMPTY(&s->user->copying) && /* or they could wait for each other */
			 store_has_room(server->store, s->user, f->write.payload_len)));
	/* Files stay open until what was written to them is settled: worth waiting for. Without
	 * such extents it is not, and do_open() refuses. */
	if (f->h.type == WIRE_TYPE_OPEN)
		return session_files_left(s) || !s->user->extents;
	return true;
}

/*
 * What is settled makes room. What the writes of a crowded file wait for is in a hurry already
 * (inode_reserve()), and to settle the whole filesystem for each pause of its writers would keep
 * everybody else waiting.
 */
void room_make(struct session *s, const union wire_frame *f)
{
	if (f->h.type != WIRE_TYPE_WRITE_ || !crowded(s, f->write.handle))
		store_settle_all(s->server->store);
}
