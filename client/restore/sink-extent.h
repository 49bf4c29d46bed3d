/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RESTORE_SINK_EXTENT_H
#define EXTENTD_RESTORE_SINK_EXTENT_H

/* What sink-extent.c, the writes that the daemon does, and sink-own.c, those of our own thread,
 * share. Nobody else's. */

#include "lib/extent.h"
#include "restore/sink.h"
#include "restore/small.h"

struct sink_extent {
	struct sink sink; /* first: the two are one pointer */
	struct extent_session *session;
	struct extent_limits limits;
	unsigned int writes;
	struct small_writer small;
};

static inline struct sink_extent *extent_of(struct sink *s)
{
	return (struct sink_extent *)s;
}

/* sink-extent.c */
/* To the daemon, in one piece; w's buffer is taken in any case. 0 or negative errno. */
int sink_extent_queue(struct sink_extent *x, struct restore_file *file, struct extent_write *w);
void sink_extent_unbuffer(struct sink_extent *x, const struct extent_write *w);
void sink_extent_close(struct sink *s, struct restore_file *file);

/* sink-own.c: see sink.h; turn() takes what is done, and with wait at least one, if any is under
 * way. How many that was. */
int sink_own_turn(struct sink_extent *x, bool wait);
int sink_own_quiesce(struct sink *s);
bool sink_own_plain(struct sink *s, struct restore_file *file, const struct extent_write *w);
bool sink_own_end(struct sink *s, struct restore_file *file);

#endif
