// SPDX-License-Identifier: GPL-2.0-or-later
#include <search.h>
#include <stdlib.h>

#include "user.h"

static void *users; /* tsearch tree by uid */

static int user_compare(const void *a, const void *b)
{
	uid_t x = ((const struct user *)a)->uid, y = ((const struct user *)b)->uid;

	return x < y ? -1 : x > y;
}

struct user *user_get(uid_t uid)
{
	struct user key = { .uid = uid };
	struct user **found = tfind(&key, &users, user_compare);
	struct user *user;

	if (found)
		return user_ref(*found);
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	user->refs = 1;
	STAILQ_INIT(&user->line.jobs);
	TAILQ_INIT(&user->in_line);
	TAILQ_INIT(&user->copying);
	TAILQ_INIT(&user->decoding);
	TAILQ_INIT(&user->readings);
	if (!tsearch(user, &users, user_compare)) {
		free(user);
		return NULL;
	}
	return user;
}

struct user *user_ref(struct user *user)
{
	user->refs++;
	return user;
}

void user_unref(struct user *user)
{
	if (!user || --user->refs)
		return;
	tdelete(user, &users, user_compare);
	free(user);
}

bool user_share_left(uint64_t all, uint64_t taken, uint64_t his, uint64_t more)
{
	return taken + his + more <= all;
}
