// SPDX-License-Identifier: GPL-2.0-or-later
#include <btrfsutil.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "replicate/notice.h"
#include "replicate/source.h"

#define SAME_SECOND_MAX 100 /* snapshots taken within one */

static int util(enum btrfs_util_error e)
{
	return e == BTRFS_UTIL_OK ? 0 : -(errno ?: EIO);
}

static int refuse(const char *path, int error, const char *why)
{
	notice(MESSAGE_NONE, LOG_ERR, NULL, NULL, "%s: %s%s%s", path, why ?: "", why ? ": " : "",
	       strerror(-error));
	return error;
}

/* "home.20261122T140000Z", and if that is taken "home.20261122T140000Z_1". */
static int snapshot_take(struct source *s, int fd)
{
	struct timespec now;
	struct tm tm;
	char stamp[20];
	int r = -EEXIST;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	for (int i = 0; r == -EEXIST && i < SAME_SECOND_MAX; i++) {
		char again[8] = "";

		if (i)
			snprintf(again, sizeof(again), "_%d", i);
		snprintf(s->taken, sizeof(s->taken), "%s.%s%s", s->origin, stamp, again);
		r = util(btrfs_util_create_snapshot_fd2(fd, s->snapshots, s->taken,
							BTRFS_UTIL_CREATE_SNAPSHOT_READ_ONLY, NULL,
							NULL));
	}
	if (r)
		s->taken[0] = '\0';
	return r;
}

static void origin_name(const char *path, char *out, size_t size)
{
	_cleanup_(freep) char *real = realpath(path, NULL);
	const char *slash = real ? strrchr(real, '/') : NULL;

	snprintf(out, size, "%s", slash && slash[1] ? slash + 1 : "root");
}

static int source_find(struct source *s, int fd, const char *path)
{
	uint64_t id;
	int r = util(btrfs_util_subvolume_id_fd(fd, &id));

	if (!r)
		r = inventory_take(fd, &s->all);
	if (r)
		return refuse(path, r,
			      r == -EPERM ? "finding its snapshots needs CAP_SYS_ADMIN" : NULL);
	s->self = inventory_find(&s->all, id);
	return s->self ? 0 : refuse(path, -ENOENT, "the snapshot has gone");
}

static int source_snapshot_take(struct source *s, int fd, const char *path, const char *snapshots)
{
	struct btrfs_util_subvolume_info info;
	_cleanup_(closep) int taken = -1;
	int r;

	if (!snapshots)
		return refuse(path, -EROFS,
			      "it is writable, and what is sent must not change: --snapshots says "
			      "where to take read-only snapshots of it");
	s->snapshots = open(snapshots, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->snapshots < 0)
		return refuse(snapshots, -errno, NULL);
	r = util(btrfs_util_subvolume_info_fd(fd, 0, &info));
	if (r)
		return refuse(path, r, NULL);
	memcpy(s->origin_uuid, info.uuid, 16);
	r = snapshot_take(s, fd);
	if (r)
		return refuse(snapshots, r, "no snapshot could be taken");
	taken = openat(s->snapshots, s->taken, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (taken < 0)
		return refuse(s->taken, -errno, NULL);
	return source_find(s, taken, path);
}

int source_open(const char *path, const char *snapshots, struct source *out)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool read_only;
	int r;

	*out = (struct source){ .mount = -1, .snapshots = -1 };
	if (fd < 0)
		return refuse(path, -errno, NULL);
	if (btrfs_util_is_subvolume_fd(fd))
		return refuse(path, -EINVAL, "it is no btrfs subvolume or snapshot");
	r = util(btrfs_util_get_subvolume_read_only_fd(fd, &read_only));
	if (r)
		return refuse(path, r, NULL);
	origin_name(path, out->origin, sizeof(out->origin));
	r = read_only ? source_find(out, fd, path) : source_snapshot_take(out, fd, path, snapshots);
	if (!r)
		out->mount = steal_fd(&fd);
	return r;
}

void source_close(struct source *s)
{
	inventory_free(&s->all);
	closep(&s->mount);
	closep(&s->snapshots);
	s->mount = s->snapshots = -1;
}

static bool ours(const struct source *s, const struct replica *r, const char **name)
{
	const char *slash = r->path ? strrchr(r->path, '/') : NULL;
	size_t n = strlen(s->origin);

	*name = slash ? slash + 1 : r->path;
	return *name && r->read_only && !memcmp(r->parent_uuid, s->origin_uuid, 16) &&
	       !strncmp(*name, s->origin, n) && (*name)[n] == '.';
}

/* The directory itself, if it is the subvolume it is thought to be; or negative errno. */
static int open_taken(const struct source *s, const char *name, const struct replica *r)
{
	_cleanup_(closep) int fd =
		openat(s->snapshots, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	uint64_t id;

	if (fd < 0)
		return -errno;
	if (btrfs_util_subvolume_id_fd(fd, &id) || id != r->id)
		return -ESTALE;
	return steal_fd(&fd);
}

static bool is_there(const struct source *s, const char *name, const struct replica *r)
{
	_cleanup_(closep) int fd = open_taken(s, name, r);

	return fd >= 0;
}

int source_snapshot(const struct source *s, const struct replica *which)
{
	const char *name;

	if (which == s->self && !s->taken[0])
		return fcntl(s->mount, F_DUPFD_CLOEXEC, 0);
	if (s->snapshots < 0 || !ours(s, which, &name))
		return -ENOENT;
	return open_taken(s, name, which);
}

void source_prune(struct source *s, unsigned int count,
		  bool (*needed)(void *userdata, const struct replica *which), void *userdata)
{
	const char *name;
	size_t have = 0;

	if (s->snapshots < 0)
		return;
	for (size_t i = 0; i < s->all.count; i++)
		have += ours(s, &s->all.list[i], &name) && is_there(s, name, &s->all.list[i]);
	while (have > count) {
		struct replica *oldest = NULL;
		int r;

		for (size_t i = 0; i < s->all.count; i++) {
			struct replica *k = &s->all.list[i];

			if (k != s->self && ours(s, k, &name) && is_there(s, name, k) &&
			    (!oldest || k->otransid < oldest->otransid) && !needed(userdata, k))
				oldest = k;
		}
		if (!oldest || !ours(s, oldest, &name))
			return;
		r = util(btrfs_util_delete_subvolume_fd(s->snapshots, name, 0));
		if (r)
			notice(MESSAGE_NONE, LOG_WARNING, NULL, NULL,
			       "%s: an old snapshot could not be deleted: %s", name, strerror(-r));
		else
			notice(MESSAGE_NONE, LOG_INFO, NULL, NULL,
			       "deleted %s, which is not needed any more", name);
		if (r)
			return;
		have--;
	}
}
