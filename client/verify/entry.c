// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "verify/entry.h"

void verify_tell(struct verify *v, const char *path, int error, const char *format, ...)
{
	char text[4096 + 512];
	va_list args;
	int n = snprintf(text, sizeof(text), "%s: ", *path ? path : "the root");

	va_start(args, format);
	n += vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
	va_end(args);
	if (error && n < (int)sizeof(text))
		snprintf(text + n, sizeof(text) - (size_t)n, ": %s", strerror(error));
	v->opt->stats->errors++;
	v->opt->error(v->opt->userdata, text);
}

void verify_differs(struct verify *v, enum verify_found what, const char *path, uint64_t offset,
		    uint64_t len)
{
	v->opt->stats->differences += what != VERIFY_UNKNOWN;
	v->opt->found(v->opt->userdata, what, path, offset, len);
}

int path_remember(struct verify *v, const char *path)
{
	if (v->n_paths == v->room) {
		size_t room = v->room ? 2 * v->room : 1024;
		void *more = reallocarray(v->paths, room, sizeof(*v->paths));

		if (!more)
			return -ENOMEM;
		v->paths = more;
		v->room = room;
	}
	v->paths[v->n_paths++] = XXH3_128bits(path, strlen(path));
	return 0;
}

void entry_count(struct verify *v, const struct list_entry *e)
{
	v->opt->stats->files += e->type == S_IFREG;
	v->opt->stats->directories += e->type == S_IFDIR;
	v->opt->stats->others += e->type != S_IFREG && e->type != S_IFDIR;
}

int source_next(struct verify *v, struct source *s, struct mark *m)
{
	struct piece_read p;
	int r;

	if (s->list) {
		r = list_next_mark(s->list, m);
		if (r > 0 && m->offset != s->at)
			return -EBADMSG;
	} else {
		r = extents_at(&s->file, s->at, &p);
		if (!r && p.kind != EXTENT_READ_END) {
			mark_of(&p, m);
			v->opt->stats->payload_bytes += p.payload_len;
			r = 1;
		}
	}
	if (r > 0) {
		s->at = m->offset + m->len;
		v->opt->stats->extents++;
		v->opt->stats->bytes += m->len;
		v->opt->tick(v->opt->userdata);
	}
	return r;
}

/*
 * Leaves it to who made the list, and counts what differs; here it does not. That a copy is shorter
 * has been told: what it has is compared.
 */
static int mark_ask(struct verify *v, const struct list_entry *e, const struct mark *m,
		    const struct extents_file *copy)
{
	struct mark there = *m;
	struct stat st;
	int r;

	if (fstat(copy->fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size <= m->offset)
		return MARK_SAME_CONTENT;
	if ((uint64_t)st.st_size - m->offset < m->len)
		there.len = (uint64_t)st.st_size - m->offset;
	there.content_known = false;
	r = mark_content(copy->fd, &there);
	if (!r)
		v->opt->ask(v->opt->userdata, e->path, m->offset, there.len, there.content);
	return r ?: MARK_SAME_CONTENT;
}

static int mark_verify(struct verify *v, const struct list_entry *e, const struct source *s,
		       const struct mark *m, struct extents_file *copy)
{
	struct verify_stats *stats = v->opt->stats;
	uint64_t from, to;
	int r = mark_compare(m, s->fd, copy, &from, &to);

	if (r < 0)
		return r;
	if (v->opt->ask &&
	    (r == MARK_UNKNOWN || (r == MARK_DIFFERS && m->kind == EXTENT_READ_PLAIN))) {
		r = mark_ask(v, e, m, copy);
		if (r < 0)
			return r;
	}
	stats->extents_same += r == MARK_SAME;
	stats->extents_content += r == MARK_SAME_CONTENT || r == MARK_DIFFERS;
	stats->extents_unknown += r == MARK_UNKNOWN;
	if (r == MARK_DIFFERS || r == MARK_UNKNOWN)
		verify_differs(v, r == MARK_DIFFERS ? VERIFY_CONTENT : VERIFY_UNKNOWN, e->path,
			       from, to - from);
	return 0;
}

/* fd: the copy, or -1: then the marks are only read over. */
static int file_verify(struct verify *v, const struct list_entry *e, struct source *s, int fd)
{
	struct extents_file copy;
	struct mark m;
	int r;

	extents_open(&v->extents, fd, &copy);
	while ((r = source_next(v, s, &m)) > 0) {
		int err = fd < 0 ? 0 : mark_verify(v, e, s, &m, &copy);

		if (err < 0) {
			verify_tell(v, e->path, -err, "at byte %llu: cannot be compared",
				    (unsigned long long)m.offset);
			if (!s->list) /* one error a file; of a list the rest must be read over */
				break;
			fd = -1;
		}
	}
	extents_close(&copy);
	if (r < 0 && !s->list) {
		verify_tell(v, e->path, -r, "at byte %llu: cannot be read",
			    (unsigned long long)s->at);
		return 0;
	}
	if (!r && s->at != e->size && s->list)
		return -EBADMSG;
	if (!r && s->at != e->size)
		verify_tell(v, e->path, 0, "changed while it was read");
	return r < 0 ? r : 0;
}

/* Opens the copy, if it is a file; what else is there to compare is compared. A descriptor or -1.
 */
static int copy_find(struct verify *v, const struct list_entry *e)
{
	_cleanup_(closep) int fd = side_entry(&v->copy, e->path, O_PATH);
	_cleanup_(freep) char *target = NULL;
	struct stat st;
	int r;

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP) {
		verify_differs(v, VERIFY_MISSING, e->path, 0, 0);
		return -1;
	}
	if (fd < 0 || fstat(fd, &st) < 0) {
		verify_tell(v, e->path, fd < 0 ? -fd : errno, "cannot be looked at in the copy");
		return -1;
	}
	if ((st.st_mode & S_IFMT) != e->type) {
		verify_differs(v, VERIFY_TYPE, e->path, 0, 0);
		return -1;
	}
	if (e->type == S_IFLNK) {
		r = side_target(&v->copy, e->path, &target);
		if (r < 0)
			verify_tell(v, e->path, -r, "the link cannot be read in the copy");
		else if (strcmp(target, e->target))
			verify_differs(v, VERIFY_TARGET, e->path, 0, 0);
	}
	if (e->type != S_IFREG)
		return -1;
	if ((uint64_t)st.st_size != e->size)
		verify_differs(v, VERIFY_SIZE, e->path, e->size, (uint64_t)st.st_size);
	r = side_entry(&v->copy, e->path, O_RDONLY | O_NONBLOCK);
	if (r < 0)
		verify_tell(v, e->path, -r, "cannot be opened in the copy");
	return r;
}

int entry_verify(struct verify *v, const struct list_entry *e, struct source *s)
{
	_cleanup_(closep) int fd = -1;
	int err = path_remember(v, e->path);

	if (err < 0)
		return err;
	entry_count(v, e);
	fd = copy_find(v, e);
	return e->type == S_IFREG && (fd >= 0 || s->list) ? file_verify(v, e, s, fd) : 0;
}
