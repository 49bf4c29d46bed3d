// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "replicate/fan.h"
#include "replicate/gather.h"
#include "replicate/send.h"
#include "replicate/settings.h"

/* Freed by the last of its members, who waits for the thread. All of it under the lock, but for
 * the fan, which is the thread's until it says who has ended. */
struct group {
	LIST_ENTRY(group) link; /* while members may join */
	struct gathering *gathering;
	int subvolume; /* a copy: whose it was may leave early */
	uint64_t id, parent;
	struct timespec deadline;
	struct fan_member members[SETTINGS_TARGETS];
	bool ended[SETTINGS_TARGETS];
	struct fan fan;
	size_t users;
	bool begun, over;
	int error; /* of the beginning; later of the kernel's send */
	struct send *send;
	pthread_t thread;
};

struct feed {
	struct group *group; /* NULL: alone, */
	size_t index;
	struct send *send; /* with this */
};

void gathering_init(struct gathering *g, size_t targets)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	g->undecided = targets;
	LIST_INIT(&g->groups);
}

void gathering_pass(struct gathering *g)
{
	pthread_mutex_lock(&g->lock);
	g->undecided--;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

int feed_alone(int subvolume, uint64_t parent, struct feed **out, int *stream)
{
	_cleanup_(freep) struct feed *f = calloc(1, sizeof(*f));
	int r = f ? send_begin(subvolume, parent, &f->send, stream) : -ENOMEM;

	if (!r)
		*out = steal_ptr(&f);
	return r;
}

static void member_ended(void *userdata, size_t member)
{
	struct group *group = userdata;

	pthread_mutex_lock(&group->gathering->lock);
	group->ended[member] = true;
	pthread_cond_broadcast(&group->gathering->changed);
	pthread_mutex_unlock(&group->gathering->lock);
}

static void *group_main(void *arg)
{
	struct group *group = arg;
	int r = fan_run(&group->fan), sent = send_end(group->send);

	pthread_mutex_lock(&group->gathering->lock);
	group->error = r ?: sent;
	group->over = true;
	pthread_cond_broadcast(&group->gathering->changed);
	pthread_mutex_unlock(&group->gathering->lock);
	return NULL;
}

/* One by itself needs no thread in between. */
static void group_begin(struct group *group)
{
	int from = -1, r;

	group->begun = true;
	LIST_REMOVE(group, link);
	pthread_cond_broadcast(&group->gathering->changed);
	if (group->fan.count == 1)
		return;
	r = send_begin(group->subvolume, group->parent, &group->send, &from);
	group->fan.from = from;
	if (!r) {
		r = -pthread_create(&group->thread, NULL, group_main, group);
		if (r) {
			close(from);
			send_end(group->send);
		}
	}
	group->error = r;
}

static struct group *group_find(struct gathering *g, int subvolume, uint64_t id, uint64_t parent)
{
	struct group *group;

	LIST_FOREACH(group, &g->groups, link)
		if (group->id == id && group->parent == parent)
			return group;
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	*group = (struct group){ .gathering = g, .id = id, .parent = parent };
	group->subvolume = fcntl(subvolume, F_DUPFD_CLOEXEC, 0);
	if (group->subvolume < 0) {
		free(group);
		return NULL;
	}
	group->fan = (struct fan){ .members = group->members,
				   .patience = FAN_PATIENCE,
				   .ended = member_ended,
				   .userdata = group };
	clock_gettime(CLOCK_MONOTONIC, &group->deadline);
	group->deadline.tv_sec += GATHER_SECONDS;
	LIST_INSERT_HEAD(&g->groups, group, link);
	return group;
}

static void group_free(struct group *group)
{
	close(group->subvolume);
	free(group);
}

/* One user less; unlocks. */
static void group_leave(struct group *group)
{
	bool last = !--group->users, started = group->over;

	pthread_mutex_unlock(&group->gathering->lock);
	if (!last)
		return;
	if (started)
		pthread_join(group->thread, NULL);
	group_free(group);
}

static int join(struct group *group, size_t *index, int *stream)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	fcntl(ends[1], F_SETPIPE_SZ, SEND_PIPE_BYTES);
	*index = group->fan.count++;
	group->members[*index].to = ends[1];
	*stream = ends[0];
	group->users++;
	return 0;
}

/* Joins, and waits until the group has begun: the group, which may have failed to; or NULL. Locks,
 * and leaves it so. */
static struct group *group_of(struct gathering *g, int subvolume, uint64_t id, uint64_t parent,
			      size_t *index, int *stream)
{
	struct group *group;
	int r = 0;

	pthread_mutex_lock(&g->lock);
	g->undecided--;
	pthread_cond_broadcast(&g->changed);
	group = group_find(g, subvolume, id, parent);
	if (group && join(group, index, stream)) {
		if (!group->users) {
			LIST_REMOVE(group, link);
			group_free(group);
		}
		return NULL;
	}
	while (group && !group->begun && g->undecided && r != -ETIMEDOUT)
		r = -pthread_cond_timedwait(&g->changed, &g->lock, &group->deadline);
	if (group && !group->begun)
		group_begin(group);
	return group;
}

int gather(struct gathering *g, int subvolume, uint64_t id, uint64_t parent, struct feed **out,
	   int *stream, bool *shared)
{
	_cleanup_(freep) struct feed *f = calloc(1, sizeof(*f));
	struct group *group;
	size_t index = 0;
	int r;

	*shared = false;
	if (!f) {
		gathering_pass(g);
		return -ENOMEM;
	}
	group = group_of(g, subvolume, id, parent, &index, stream);
	if (!group) {
		pthread_mutex_unlock(&g->lock);
		return feed_alone(subvolume, parent, out, stream);
	}
	*shared = group->fan.count > 1;
	r = group->over ? 0 : group->error;
	if (r || !*shared) { /* it did not begin */
		close(group->members[index].to);
		closep(stream);
		group_leave(group);
		return r ?: feed_alone(subvolume, parent, out, stream);
	}
	pthread_mutex_unlock(&g->lock);
	*f = (struct feed){ .group = group, .index = index };
	*out = steal_ptr(&f);
	return 0;
}

static int group_end(struct group *group, size_t index)
{
	struct gathering *g = group->gathering;
	enum fan_end end;
	int r;

	pthread_mutex_lock(&g->lock);
	while (!group->ended[index])
		pthread_cond_wait(&g->changed, &g->lock);
	end = group->members[index].end;
	while ((end == FAN_ALL || group->users == 1) && !group->over)
		pthread_cond_wait(&g->changed, &g->lock);
	r = end == FAN_ALL ? group->error : end == FAN_BEHIND ? FEED_BEHIND : -EPIPE;
	group_leave(group);
	return r;
}

int feed_end(struct feed *f)
{
	int r;

	if (!f)
		return 0;
	r = f->group ? group_end(f->group, f->index) : send_end(f->send);
	free(f);
	return r;
}
