// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/partial.h"
#include "receive/place.h"
#include "receive/subvolume.h"
#include "receive/takeover.h"

#define PRIVATE	 ".partial"
#define COMPLETE ".complete"

const char *const place_checkpoints[PLACE_CHECKPOINTS] = { "checkpoint-0", "checkpoint-1" };

/* A name that leaves no room for what is added stands for itself by its first and last bytes. */
void place_name(struct place *p, int directory, const char *name)
{
	size_t room = STREAM_NAME_MAX - sizeof(COMPLETE), size = strlen(name);
	int head = size <= room ? size : room / 2, tail = size <= room ? 0 : room - head;

	*p = (struct place){ .directory = directory, .dir = -1 };
	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(p->private, sizeof(p->private), ".%.*s%s" PRIVATE, head, name, name + size - tail);
	snprintf(p->complete, sizeof(p->complete), ".%.*s%s" COMPLETE, head, name,
		 name + size - tail);
}

int place_open(struct place *p, bool displace)
{
	_cleanup_(closep) int fd =
		openat(p->directory, p->private, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : -EPERM;
	/* Ours: made by this user, for this user only. */
	if (fstat(fd, &st) || st.st_uid != geteuid() || st.st_mode & 077)
		return -EPERM;
	/* Until this process ends, however it ends. */
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (!displace || takeover(fd))
			return -EBUSY;
	}
	takeover_announce(fd);
	p->dir = steal_fd(&fd);
	return 0;
}

static int unlink_if(int dir, const char *name, int flags)
{
	return unlinkat(dir, name, flags) && errno != ENOENT ? -errno : 0;
}

/* .NAME.complete, if it is what the journal is about. */
static int complete_delete(struct place *p)
{
	struct subvolume_identity is;
	int r = subvolume_identify_at(p->directory, p->complete, &is);

	if (r == -ENOENT)
		return 0;
	if (!r && memcmp(is.uuid, p->journal.subvolume, 16))
		r = -EEXIST;
	return r ?: subvolume_delete(p->directory, p->complete);
}

int place_clear(struct place *p, const char *but)
{
	int r = complete_delete(p);

	if (!r)
		r = subvolume_delete(p->dir, PLACE_FILLED);
	for (size_t i = 0; i < PLACE_CHECKPOINTS && !r; i++)
		if (place_checkpoints[i] != but)
			r = subvolume_delete(p->dir, place_checkpoints[i]);
	return r;
}

int place_remove(struct place *p)
{
	int r = unlink_if(p->dir, JOURNAL_NAME ".new", 0);

	/* Last, because it says what .NAME.complete is. */
	if (!r)
		r = unlink_if(p->dir, JOURNAL_NAME, 0);
	return r ?: unlink_if(p->directory, p->private, AT_REMOVEDIR);
}

static bool private_name(const char *name)
{
	size_t size = strlen(name), end = strlen(PRIVATE);

	return *name == '.' && size > end + 1 && !strcmp(name + size - end, PRIVATE);
}

static int abort_one(struct place *p)
{
	int r = place_open(p, false);

	if (r)
		return r;
	/* A damaged one says nothing about .NAME.complete, which is then left. */
	if (journal_load(p->dir, &p->journal))
		p->journal = (struct journal){ 0 };
	r = place_clear(p, NULL) ?: place_remove(p);
	closep(&p->dir);
	return r;
}

int partial_abort(int directory, void (*message)(void *userdata, int level, const char *text),
		  void *userdata, unsigned int *count)
{
	int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r, first = 0;
	DIR *d = again < 0 ? NULL : fdopendir(again);
	struct dirent *e;

	*count = 0;
	if (!d) {
		r = -errno;
		closep(&again);
		return r;
	}
	while ((e = readdir(d))) {
		char text[STREAM_NAME_MAX + 128];
		struct place p = { .directory = directory, .dir = -1 };

		if (!private_name(e->d_name))
			continue;
		snprintf(p.name, sizeof(p.name), "%.*s",
			 (int)(strlen(e->d_name) - 1 - strlen(PRIVATE)), e->d_name + 1);
		snprintf(p.private, sizeof(p.private), "%s", e->d_name);
		if (snprintf(p.complete, sizeof(p.complete), ".%s" COMPLETE, p.name) >
		    (int)STREAM_NAME_MAX)
			continue; /* no name that we give */
		r = abort_one(&p);
		if (r == -EPERM || r == -ENOENT) /* somebody else's */
			continue;
		if (!r)
			++*count;
		snprintf(text, sizeof(text), "%s: %s%s", p.name,
			 !r	       ? "the part that was here is removed"
			 : r == -EBUSY ? "a process is receiving it"
				       : "the part cannot be removed: ",
			 r && r != -EBUSY ? strerror(-r) : "");
		message(userdata, r ? LOG_ERR : LOG_INFO, text);
		first = first ?: r;
	}
	closedir(d);
	return first;
}

bool partial_exists(int directory, const char *name)
{
	struct place p;
	struct stat st;

	place_name(&p, directory, name);
	return !fstatat(directory, p.private, &st, AT_SYMLINK_NOFOLLOW);
}
