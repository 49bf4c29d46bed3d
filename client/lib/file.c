// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Files by handle. Handles are given out in turn, so that one is reused as late as possible: a
 * completion or LOST report that comes after CLOSE can then nearly always be told by the name
 * of its file. Where the handle has been reused, the ids tell (a file's requests have ids above
 * its OPEN's), and no name is better than the wrong one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/lib/session.h"

#define CALLER_FLAGS                                                                               \
	(EXTENT_CREATE | EXTENT_EXCLUSIVE | EXTENT_TRUNCATE | EXTENT_NODATACOW | EXTENT_READ)

static_assert(EXTENT_CREATE == (int)WIRE_OPEN_CREATE &&
		      EXTENT_EXCLUSIVE == (int)WIRE_OPEN_EXCLUSIVE &&
		      EXTENT_TRUNCATE == (int)WIRE_OPEN_TRUNCATE &&
		      EXTENT_NODATACOW == (int)WIRE_OPEN_NODATACOW &&
		      EXTENT_READ == (int)WIRE_OPEN_READ,
	      "open flags travel as they are");

struct file *file_get(const struct extent_session *s, int handle)
{
	if (handle < 0 || (uint32_t)handle >= s->limits.max_files ||
	    s->files[handle].state == FILE_FREE)
		return NULL;
	return &s->files[handle];
}

const char *file_label(const struct extent_session *s, int handle, int64_t id)
{
	if (handle < 0 || (uint32_t)handle >= s->limits.max_files || !s->files[handle].label ||
	    s->files[handle].open_id > id)
		return NULL;
	return s->files[handle].label;
}

/* c: OPEN's completion, info: NULL if it failed. The handle may be another file's by now. */
void file_opened(struct extent_session *s, const struct extent_completion *c,
		 const struct extent_file_info *info)
{
	struct file *f = file_get(s, c->file);

	if (!f || f->open_id != c->id)
		return;
	f->state = info ? FILE_OPEN : FILE_FAILED;
	if (info)
		f->info = *info;
}

void file_free_all(struct extent_session *s)
{
	for (uint32_t i = 0; i < s->limits.max_files; i++)
		free(s->files[i].label);
	free(steal_ptr(&s->files));
}

void file_forget(struct extent_session *s, int handle)
{
	s->files[handle].state = FILE_FREE;
	s->open_files--;
}

static uint32_t handle_next(const struct extent_session *s)
{
	uint32_t h = s->next_handle;

	while (s->files[h].state != FILE_FREE)
		h = (h + 1) % s->limits.max_files;
	return h;
}

/* The mask that open() in this process would apply; readable only in proc without a race. */
static mode_t umask_get(void)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	unsigned int mask;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Umask: %o", &mask) == 1)
			return mask;
	return 077;
}

static int64_t file_open(struct extent_session *s, int fd, const char *label, unsigned int flags,
			 unsigned int mode, extent_callback done, void *userdata, int *file)
{
	union wire_frame f = {
		.open = { .h.type = WIRE_TYPE_OPEN, .open_flags = flags, .mode = mode }
	};
	_cleanup_(freep) char *kept = NULL, *sent = NULL;
	_cleanup_(closep) int passed = -1;
	struct request *r;
	size_t len = strlen(label);
	uint32_t h;
	int error;

	*file = -1;
	error = request_room(s, 0);
	if (error)
		return error;
	if (flags & EXTENT_READ && !s->limits.reads)
		return session_error(s, -EOPNOTSUPP,
				     "open of '%s' for reading: this extentd knows no reads",
				     label);
	if (s->open_files >= s->limits.max_files)
		return session_error(s, -EMFILE, "open of '%s': all %u handles are in use", label,
				     s->limits.max_files);

	kept = strdup(label);
	sent = strdup(label);
	if (!kept || !sent)
		return session_error(s, -ENOMEM, "open of '%s': no memory", label);
	if (fd >= 0) {
		passed = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (passed < 0)
			return session_error(s, -errno, "open of '%s': descriptor %d: %s", label,
					     fd, text_errno(-errno));
	}

	h = handle_next(s);
	f.open.handle = h;
	f.open.path_len = (uint32_t)len;
	r = request_queue(s, EXTENT_OP_OPEN, &f, sent, len, done, userdata);
	r->d.c.file = (int)h;
	r->label = steal_ptr(&sent);
	r->fd = steal_fd(&passed);

	free(s->files[h].label);
	s->files[h] = (struct file){ .state = FILE_OPENING,
				     .open_id = r->d.c.id,
				     .label = steal_ptr(&kept) };
	s->next_handle = (h + 1) % s->limits.max_files;
	s->open_files++;
	*file = (int)h;
	return r->d.c.id;
}

int64_t extent_open_fd(struct extent_session *s, int fd, const char *label, unsigned int flags,
		       extent_callback done, void *userdata, int *file)
{
	char name[LIMIT_PATH_BYTES + 1], link[64];
	ssize_t n;

	*file = -1;
	if (!s->limits.descriptors)
		return session_error(s, -EOPNOTSUPP,
				     "no descriptors can be passed in this session: open by path");
	if (fd < 0 || flags & ~(unsigned int)(EXTENT_NODATACOW | EXTENT_READ))
		return session_error(s, -EINVAL, "open of descriptor %d: flags %#x", fd, flags);

	if (label) {
		snprintf(name, sizeof(name), "%s", label);
	} else {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, name, sizeof(name) - 1);
		if (n < 0)
			n = snprintf(name, sizeof(name), "descriptor %d", fd);
		name[n] = 0;
	}
	return file_open(s, fd, name, flags | WIRE_OPEN_DESCRIPTOR, 0, done, userdata, file);
}

int64_t extent_open_path(struct extent_session *s, const char *path, unsigned int flags,
			 unsigned int mode, extent_callback done, void *userdata, int *file)
{
	_cleanup_(freep) char *absolute = NULL, *cwd = NULL;

	*file = -1;
	if (!*path || flags & ~(unsigned int)CALLER_FLAGS)
		return session_error(s, *path ? -EINVAL : -ENOENT, "open of '%s': flags %#x", path,
				     flags);
	if (flags & EXTENT_CREATE)
		mode &= ~umask_get();
	if (*path != '/') {
		cwd = getcwd(NULL, 0);
		if (!cwd || asprintf(&absolute, "%s/%s", cwd, path) < 0)
			return session_error(s, -errno, "open of '%s': working directory: %s", path,
					     text_errno(-errno));
		path = absolute;
	}
	if (strlen(path) > LIMIT_PATH_BYTES)
		return session_error(s, -ENAMETOOLONG, "open of a path of %zu bytes", strlen(path));
	return file_open(s, -1, path, flags, mode & 07777, done, userdata, file);
}

int extent_file_info(const struct extent_session *s, int file, struct extent_file_info *out)
{
	const struct file *f = file_get(s, file);

	if (!f || f->state == FILE_FAILED)
		return -EBADF;
	if (f->state == FILE_OPENING)
		return -EAGAIN;
	*out = f->info;
	return 0;
}

int64_t extent_close(struct extent_session *s, int file, extent_callback done, void *userdata)
{
	union wire_frame f = { .close = { .h.type = WIRE_TYPE_CLOSE, .handle = (uint32_t)file } };
	struct request *r;
	int error;

	if (!file_get(s, file))
		return session_error(s, -EBADF, "close: %d is no open handle", file);
	error = request_room(s, 0);
	if (error)
		return error;
	r = request_queue(s, EXTENT_OP_CLOSE, &f, NULL, 0, done, userdata);
	r->d.c.file = file;
	file_forget(s, file);
	return r->d.c.id;
}
