// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tee(2) duplicates from the front of a pipe only. So a member takes as much as it has room for,
 * is then ahead by that, and takes more when the front has come up with it; the front moves on by
 * what all have. Two pipes' worth lies between the fastest and the slowest.
 *
 * Who is ahead by nothing holds the front. That harms nobody as long as the others have something
 * left in their pipes; the time in which one of them has not is what counts against the holder.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "replicate/fan.h"
#include "replicate/send.h"
#include "replicate/settings.h"

#define SPAN	(1 << 20) /* more than a pipe holds */
#define TURN_MS 100	  /* who is idle is looked at so often */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void end(struct fan *f, size_t i, enum fan_end how)
{
	struct fan_member *m = &f->members[i];

	closep(&m->to);
	m->to = -1;
	m->end = how;
	if (f->ended)
		f->ended(f->userdata, i);
}

static bool any_open(const struct fan *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->members[i].end == FAN_OPEN)
			return true;
	return false;
}

/* Moves the front on by what all have: 0 or negative errno. */
static int drop(struct fan *f, int nowhere)
{
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < f->count; i++)
		if (f->members[i].end == FAN_OPEN && f->members[i].ahead < least)
			least = f->members[i].ahead;
	for (size_t left = least == SIZE_MAX ? 0 : least; left;) {
		ssize_t n = splice(f->from, NULL, nowhere, NULL, left, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		left -= n > 0 ? (size_t)n : 0;
	}
	for (size_t i = 0; least != SIZE_MAX && i < f->count; i++)
		f->members[i].ahead -= f->members[i].end == FAN_OPEN ? least : 0;
	return 0;
}

/* True if one of those who are at the front took something, or ended. */
static bool duplicate(struct fan *f)
{
	bool some = false;

	for (size_t i = 0; i < f->count; i++) {
		struct fan_member *m = &f->members[i];
		ssize_t n;

		if (m->end != FAN_OPEN || m->ahead)
			continue;
		n = tee(f->from, m->to, SPAN, SPLICE_F_NONBLOCK);
		if (n > 0)
			m->ahead = (size_t)n;
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			end(f, i, FAN_CLOSED);
		some |= n > 0 || m->end != FAN_OPEN;
	}
	return some;
}

/* A member that is ahead of others and has nothing more to do. */
static bool others_idle(const struct fan *f)
{
	int left;

	for (size_t i = 0; i < f->count; i++)
		if (f->members[i].end == FAN_OPEN && f->members[i].ahead &&
		    !ioctl(f->members[i].to, FIONREAD, &left) && !left)
			return true;
	return false;
}

/* seconds were spent waiting for the members at the front. */
static void judge(struct fan *f, double seconds, double since_start)
{
	if (!others_idle(f))
		return;
	for (size_t i = 0; i < f->count; i++) {
		struct fan_member *m = &f->members[i];

		if (m->end != FAN_OPEN || m->ahead)
			continue;
		m->held += seconds;
		if (m->held > f->patience && m->held > since_start / 2)
			end(f, i, FAN_BEHIND);
	}
}

/* Until the source or a member at the front is ready, or a member's reader has gone. False: the
 * source has ended. */
static bool wait_for_some(struct fan *f, double start)
{
	struct pollfd q[SETTINGS_TARGETS + 1] = { { .fd = f->from, .events = POLLIN } };
	double before = now();
	bool data;

	poll(q, 1, 0);
	data = q[0].revents & POLLIN;
	if (!data && q[0].revents & POLLHUP)
		return false;
	if (data)
		q[0].fd = -1;
	for (size_t i = 0; i < f->count; i++) {
		const struct fan_member *m = &f->members[i];

		q[i + 1] =
			(struct pollfd){ .fd = m->to, .events = data && !m->ahead ? POLLOUT : 0 };
	}
	poll(q, f->count + 1, TURN_MS);
	for (size_t i = 0; i < f->count; i++)
		if (f->members[i].end == FAN_OPEN && q[i + 1].revents & POLLERR)
			end(f, i, FAN_CLOSED);
	if (data)
		judge(f, now() - before, now() - start);
	else
		send_gather();
	return true;
}

int fan_run(struct fan *f)
{
	_cleanup_(closep) int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	double start = now();
	int r = nowhere < 0 ? -errno : 0;

	while (!r && any_open(f)) {
		r = drop(f, nowhere);
		if (!r && !duplicate(f) && !wait_for_some(f, start))
			break;
	}
	for (size_t i = 0; i < f->count; i++)
		if (f->members[i].end == FAN_OPEN)
			end(f, i, FAN_ALL);
	closep(&f->from);
	f->from = -1;
	return r;
}
