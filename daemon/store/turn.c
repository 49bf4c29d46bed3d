// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <time.h>

#include "extent.h"
#include "file.h"
#include "filesystem.h"
#include "turn.h"

struct turn *turn_get(struct filesystem *fs, struct user *user)
{
	struct turn *t;

	TAILQ_FOREACH(t, &fs->turns, entry)
		if (t->user == user)
			break;
	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t)
			return NULL;
		t->fs = fs;
		t->user = user;
		TAILQ_INSERT_HEAD(&fs->turns, t, entry);
	}
	t->refs++;
	return t;
}

void turn_unref(struct turn *t)
{
	if (--t->refs)
		return;
	TAILQ_REMOVE(&t->fs->turns, t, entry);
	free(t);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec;
}

void turn_begin(const struct extent *e)
{
	struct turn *t = e->file->turn;

	t->fs->writers += !t->extents++;
	if (t->fs->writers > 1)
		t->fs->turns_until = now() + TURN_SECONDS;
}

void turn_take(struct extent *e)
{
	if (e->in_turn)
		return;
	e->in_turn = e->held ? TURN_HELD : 1;
	e->file->turn->taken += e->in_turn;
}

void turn_end(struct extent *e)
{
	struct turn *t = e->file->turn;

	t->fs->writers -= !--t->extents;
	t->taken -= e->in_turn;
	e->in_turn = 0;
}

bool turn_left(const struct extent *e)
{
	const struct turn *t = e->file->turn;

	/* One that is tried again has been counted: it must not wait for itself. */
	return e->in_turn || t->taken < TURN_EXTENTS || now() > t->fs->turns_until;
}
