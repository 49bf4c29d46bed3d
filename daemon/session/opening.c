// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "barrier.h"
#include "base/cleanup.h"
#include "config/config.h"
#include "handle.h"
#include "opening.h"
#include "privilege/beneath.h"
#include "privilege/identity.h"
#include "read.h"
#include "reply.h"
#include "request.h"
#include "server.h"
#include "store/closing.h"
#include "store/file.h"
#include "store/file_facts.h"
#include "store/inode.h"
#include "store/store.h"
#include "store/user.h"
#include "store/writer.h"
#include "wire/codes.h"
#include "write.h"

struct opening {
	struct job job;
	TAILQ_ENTRY(opening) entry;	    /* server->openings while it waits for a lane */
	TAILQ_ENTRY(opening) session_entry; /* session->openings */
	struct server *server;
	struct session *session; /* NULL: the client is gone */
	struct handle *handle;
	struct user *user;
	struct identity *identity;
	uint64_t id;
	uint64_t seq;
	uint32_t flags;
	uint32_t mode;
	int fd;	    /* passed, or -1 */
	char *root; /* with rest: where the path leads */
	char *rest;
	struct file_facts facts;
	uint32_t code;
	int kernel_errno;
};

#define opening_of(j) ((struct opening *)((char *)(j)-offsetof(struct opening, job)))

static void opening_free(struct opening *o)
{
	const int fds[] = { o->fd, o->facts.own, o->facts.peers, o->facts.anchor };

	closing_add(o->server->store, o->user, fds, ARRAY_SIZE(fds));
	o->user->files--;
	o->server->store->counters.now_files--;
	user_unref(o->user);
	free(o->identity);
	free(o->root);
	free(o->rest);
	free(o);
}

static uint32_t code_of(int r)
{
	return r < 0 ? WIRE_E_OPEN_FAILED : (uint32_t)r;
}

static void fail(struct opening *o, int r)
{
	o->code = code_of(r);
	o->kernel_errno = r < 0 ? -r : 0;
}

/* As the peer. */
static int open_path(struct opening *o, int root)
{
	int flags = O_RDWR, fd;

	if (o->flags & WIRE_OPEN_READ)
		return open_beneath(root, o->rest, O_RDONLY, 0);
	if (o->flags & WIRE_OPEN_CREATE)
		flags |= O_CREAT;
	if (o->flags & WIRE_OPEN_EXCLUSIVE)
		flags |= O_EXCL;
	fd = open_beneath(root, o->rest, flags, o->mode);
	if (fd == -EACCES) /* a file that may only be written */
		fd = open_beneath(root, o->rest, (flags & ~O_ACCMODE) | O_WRONLY, o->mode);
	return fd;
}

static void opening_run(struct job *job)
{
	struct opening *o = opening_of(job);
	const long *types = o->server->store->options.filesystem_types;
	bool nodatacow = o->flags & WIRE_OPEN_NODATACOW;
	_cleanup_(closep) int root = -1;
	enum file_source source;
	bool peer;
	int r;

	if (o->rest) {
		root = open(o->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (root < 0) {
			fail(o, -errno);
			return;
		}
	}
	r = identity_assume(o->identity);
	peer = r == 0;
	if (o->rest && peer) {
		r = open_path(o, root);
		if (r >= 0) {
			o->fd = r;
			r = 0;
		}
	} else if (!o->rest) {
		r = 0;
	}
	source = o->rest ? FILE_OPENED : peer ? FILE_PASSED : FILE_SHARED;
	if (r == 0 && o->flags & WIRE_OPEN_READ)
		r = file_examine_reading(o->fd, source, types, &o->facts);
	else if (r == 0)
		r = file_examine(&o->fd, source, nodatacow, types, &o->facts);
	/* Only now: a file that is refused keeps its contents. */
	if (r == 0 && o->flags & WIRE_OPEN_TRUNCATE)
		r = ftruncate(o->facts.fd, 0) < 0 ? -errno : 0;
	if (peer)
		identity_restore();
	if (r == -EXDEV || r == -ELOOP)
		r = WIRE_E_PATH_UNSAFE;
	if (r)
		fail(o, r);
}

/* The session has used this filesystem: its SYNC covers it. False: too many. */
static bool remember_filesystem(struct session *s, struct filesystem *fs)
{
	for (unsigned int i = 0; i < LIMIT_SESSION_FILESYSTEMS; i++) {
		if (s->filesystems[i] == fs)
			return true;
		if (!s->filesystems[i]) {
			s->filesystems[i] = filesystem_ref(fs);
			return true;
		}
	}
	return false;
}

static enum wire_backend backend_of(const struct file *file)
{
	if (!file->encoded)
		return WIRE_BACKEND_DECODE;
	return file->store->counters.engine_uring ? WIRE_BACKEND_URING : WIRE_BACKEND_IOCTL;
}

static void open_reply(struct session *s, const struct handle *handle, uint64_t id)
{
	const struct file *file = handle->file;
	union wire_frame frame = { .open_reply = {
					   .h.id = id,
					   .handle = handle->number,
					   .backend = backend_of(file),
					   .sector_size = file->inode->fs->sector_size,
					   .max_payload = LIMIT_PAYLOAD_BYTES,
					   .max_unencoded = LIMIT_UNENCODED_BYTES,
					   .file_size = file->size,
				   } };

	s->credit_requests--;
	reply_frame(s, WIRE_TYPE_OPEN_REPLY, &frame, NULL, 0);
}

/* 0, and the handle has its file; or a code. */
static uint32_t handle_fill(struct session *s, struct handle *handle, struct file_facts *facts)
{
	struct file *file = file_new(s->server->store, s->user, facts);

	if (!file)
		return WIRE_E_NO_MEMORY;
	if (!handle->reading && !remember_filesystem(s, file->inode->fs)) {
		file_unref(file);
		return WIRE_E_USER_LIMIT;
	}
	handle->file = file;
	return 0;
}

static void answer(struct session *s, const struct handle *handle, uint64_t id, uint32_t code,
		   int kernel_errno)
{
	if (code)
		reply_code(s, id, code, kernel_errno);
	else
		open_reply(s, handle, id);
}

static void opening_done(struct job *job)
{
	struct opening *o = opening_of(job);
	struct session *s = o->session;
	struct handle *handle = o->handle;
	struct server *server = o->server;

	lane_give(server->store, o->user, NULL);
	server->n_openings--;
	handle->opening = false;
	if (s) {
		if (!o->code)
			o->code = handle_fill(s, handle, &o->facts);
		TAILQ_REMOVE(&s->openings, o, session_entry);
		answer(s, handle, o->id, o->code, o->kernel_errno);
	}

	handle->unwritten--;
	if (s) {
		write_resume(s);
		read_resume(s);
		s->unwritten--;
		barrier_passed(s, handle, o->seq);
	}
	handle_unref(handle);
	opening_free(o);
	server_check_end(server);
}

static void opening_queue(struct opening *o)
{
	if (lane_take(o->server->store, o->user, NULL) < 0) {
		TAILQ_INSERT_TAIL(&o->server->openings, o, entry);
		return;
	}
	o->job.run = opening_run;
	o->job.done = opening_done;
	workers_queue(o->server->store->blocking, NULL, &o->job);
}

/*
 * A descriptor on a filesystem that is known: a restore of small files opens them by the thousand,
 * and a worker's turn costs more than the opening.
 */
static bool open_quickly(struct session *s, struct handle *handle, const struct wire_open *f,
			 int *fd)
{
	const bool nodatacow = f->open_flags & WIRE_OPEN_NODATACOW;
	struct file_facts facts;
	uint32_t code;
	bool done;
	int r;

	if (identity_assume(s->identity) < 0)
		return false;
	done = file_examine_quickly(s->server->store, fd, s->identity->uid, nodatacow, &facts, &r);
	identity_restore();
	if (!done)
		return false;
	if (r)
		closing_add(s->server->store, s->user, fd, 1);
	else
		closep(fd);
	code = r ? code_of(r) : handle_fill(s, handle, &facts);
	file_facts_close(&facts); /* of a regular file on a btrfs that is known */
	answer(s, handle, f->h.id, code, r < 0 ? -r : 0);
	return true;
}

void opening_start(struct session *s, struct handle *handle, const struct wire_open *f, int fd,
		   const char *path)
{
	const char *root, *rest;
	struct opening *o;

	handle->reading = f->open_flags & WIRE_OPEN_READ;
	if (fd >= 0 && !handle->reading && open_quickly(s, handle, f, &fd))
		return;
	o = calloc(1, sizeof(*o));
	if (!o) {
		closing_add(s->server->store, s->user, &fd, 1);
		goto no_memory;
	}
	o->server = s->server;
	o->user = user_ref(s->user);
	o->user->files++; /* for the descriptor that it has or will have */
	o->server->store->counters.now_files++;
	o->id = f->h.id;
	o->flags = f->open_flags;
	o->mode = f->mode & 0777;
	o->fd = fd;
	o->facts.own = o->facts.peers = o->facts.anchor = -1;
	if (identity_new(s->identity->uid, s->identity->gid, s->identity->groups,
			 s->identity->ngroups, &o->identity) < 0) {
		opening_free(o);
		goto no_memory;
	}
	if (fd < 0) {
		root = config_root_of(s->server->config, path, &rest);
		if (!root || !*rest) {
			opening_free(o);
			reply_code(s, f->h.id, WIRE_E_NO_ROOT, 0);
			return;
		}
		o->root = strdup(root);
		o->rest = strdup(rest);
		if (!o->root || !o->rest) {
			opening_free(o);
			goto no_memory;
		}
	}
	o->session = s;
	o->handle = handle_ref(handle);
	o->seq = ++s->seq;
	handle->opening = true;
	handle->unwritten++;
	s->unwritten++;
	s->server->n_openings++;
	TAILQ_INSERT_TAIL(&s->openings, o, session_entry);
	opening_queue(o);
	return;
no_memory:
	reply_code(s, f->h.id, WIRE_E_NO_MEMORY, 0);
}

void openings_orphan(struct session *s)
{
	struct opening *o;

	while ((o = TAILQ_FIRST(&s->openings))) {
		TAILQ_REMOVE(&s->openings, o, session_entry);
		o->session = NULL;
	}
}

void openings_resume(struct server *server)
{
	struct opening_list list = TAILQ_HEAD_INITIALIZER(list);
	struct opening *o;

	TAILQ_CONCAT(&list, &server->openings, entry);
	while ((o = TAILQ_FIRST(&list))) {
		TAILQ_REMOVE(&list, o, entry);
		opening_queue(o);
	}
}
