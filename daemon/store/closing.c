// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "closing.h"
#include "filesystem.h"
#include "store.h"
#include "user.h"
#include "wire/limits.h"
#include "workers.h"
#include "writer.h"

#define NOBODY ((uid_t)-1) /* no process has it */

struct closing {
	struct job job;
	TAILQ_ENTRY(closing) entry; /* store->closings while it waits for a lane */
	struct store *store;
	struct user *user;
	unsigned int n;
	int fds[];
};

#define closing_of(j) ((struct closing *)((char *)(j)-offsetof(struct closing, job)))

/* Memory, or a file with a name on a btrfs that is known: nothing is asked, and not much is freed.
 */
static bool closes_at_once(const struct store *store, int fd)
{
	struct filesystem_facts facts;
	struct statx st;

	return fcntl(fd, F_GET_SEALS) >= 0 || (filesystem_recognize(store, fd, &facts, &st) &&
					       S_ISREG(st.stx_mode) && st.stx_nlink);
}

static void closing_run(struct job *job)
{
	struct closing *c = closing_of(job);

	for (unsigned int i = 0; i < c->n; i++)
		close(c->fds[i]);
}

static void closing_done(struct job *job)
{
	struct closing *c = closing_of(job);
	struct store *store = c->store;

	c->user->files -= c->n;
	c->user->closing_fds -= c->n;
	store->counters.now_files -= c->n;
	store->n_closings--;
	lane_give(store, c->user, NULL);
	user_unref(c->user);
	free(c);
}

static bool closing_start(struct closing *c)
{
	if (lane_take(c->store, c->user, NULL) < 0)
		return false;
	c->job.run = closing_run;
	c->job.done = closing_done;
	workers_queue(c->store->blocking, NULL, &c->job);
	return true;
}

/* Takes n descriptors, which is more than none. */
static void close_in_worker(struct store *store, struct user *user, const int *fds, unsigned int n)
{
	struct closing *c = calloc(1, sizeof(*c) + n * sizeof(c->fds[0]));

	user = user ? user_ref(user) : user_get(NOBODY);
	if (!c || !user) { /* rather waited for than kept for ever */
		for (unsigned int i = 0; i < n; i++)
			close(fds[i]);
		user_unref(user);
		free(c);
		return;
	}
	c->store = store;
	c->user = user;
	c->n = n;
	memcpy(c->fds, fds, n * sizeof(fds[0]));
	user->files += n;
	user->closing_fds += n;
	store->counters.now_files += n;
	store->n_closings++;
	if (!closing_start(c))
		TAILQ_INSERT_TAIL(&store->closings, c, entry);
}

void closing_add(struct store *store, struct user *user, const int *fds, unsigned int n)
{
	int left[LIMIT_QUEUED_FDS];
	unsigned int n_left = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (fds[i] < 0)
			continue;
		if (n <= CLOSING_ASKED_MAX && closes_at_once(store, fds[i]))
			close(fds[i]);
		else
			left[n_left++] = fds[i];
	}
	if (n_left)
		close_in_worker(store, user, left, n_left);
}

void closing_socket(struct store *store, struct user *user, int fd)
{
	int unread = 0;

	/* After this nothing more can come. What is unread may have descriptors with it, and we may
	 * be the last who has them. */
	shutdown(fd, SHUT_RDWR);
	if (ioctl(fd, FIONREAD, &unread) == 0 && !unread)
		close(fd);
	else
		close_in_worker(store, user, &fd, 1);
}

void closing_pump(struct store *store)
{
	struct closing *c, *next;

	for (c = TAILQ_FIRST(&store->closings); c; c = next) {
		next = TAILQ_NEXT(c, entry);
		TAILQ_REMOVE(&store->closings, c, entry);
		if (!closing_start(c)) {
			if (next)
				TAILQ_INSERT_BEFORE(next, c, entry);
			else
				TAILQ_INSERT_TAIL(&store->closings, c, entry);
		}
	}
}
