// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * One way of comparing for two uses: what is expected comes as entries and marks, either from a
 * tree that is here or from a list that was made of one elsewhere, and is looked for in the copy.
 * What was expected is remembered by the digests of the paths, so that in the end a walk over the
 * copy finds what should not be there.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "verify/list.h"
#include "verify/side.h"
#include "verify/verify.h"

struct verify {
	const struct verify_options *opt;
	struct extents extents;
	struct side copy;
	XXH128_hash_t *paths; /* of all that was expected */
	size_t n_paths, room;
};

/* Where the marks of a file come from. */
struct source {
	struct list *list; /* or: */
	struct extents_file file;
	int fd; /* -1: a list */
	uint64_t at;
};

__attribute__((format(printf, 4, 5))) static void tell(struct verify *v, const char *path,
						       int error, const char *format, ...)
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

static void found(struct verify *v, enum verify_found what, const char *path, uint64_t offset,
		  uint64_t len)
{
	v->opt->stats->differences += what != VERIFY_UNKNOWN;
	v->opt->found(v->opt->userdata, what, path, offset, len);
}

static int path_remember(struct verify *v, const char *path)
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

static void count_entry(struct verify *v, const struct list_entry *e)
{
	v->opt->stats->files += e->type == S_IFREG;
	v->opt->stats->directories += e->type == S_IFDIR;
	v->opt->stats->others += e->type != S_IFREG && e->type != S_IFDIR;
}

/* 1: there is one; 0: the file is through; or a negative errno. */
static int source_next(struct verify *v, struct source *s, struct mark *m)
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

static int mark_verify(struct verify *v, const struct list_entry *e, const struct source *s,
		       const struct mark *m, struct extents_file *copy)
{
	struct verify_stats *stats = v->opt->stats;
	uint64_t from, to;
	int r = mark_compare(m, s->fd, copy, &from, &to);

	if (r < 0)
		return r;
	stats->extents_same += r == MARK_SAME;
	stats->extents_content += r == MARK_SAME_CONTENT || r == MARK_DIFFERS;
	stats->extents_unknown += r == MARK_UNKNOWN;
	if (r == MARK_DIFFERS || r == MARK_UNKNOWN)
		found(v, r == MARK_DIFFERS ? VERIFY_CONTENT : VERIFY_UNKNOWN, e->path, from,
		      to - from);
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
			tell(v, e->path, -err, "at byte %llu: cannot be compared",
			     (unsigned long long)m.offset);
			if (!s->list) /* one error a file; of a list the rest must be read over */
				break;
			fd = -1;
		}
	}
	extents_close(&copy);
	if (r < 0 && !s->list) {
		tell(v, e->path, -r, "at byte %llu: cannot be read", (unsigned long long)s->at);
		return 0;
	}
	if (!r && s->at != e->size && s->list)
		return -EBADMSG;
	if (!r && s->at != e->size)
		tell(v, e->path, 0, "changed while it was read");
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
		found(v, VERIFY_MISSING, e->path, 0, 0);
		return -1;
	}
	if (fd < 0 || fstat(fd, &st) < 0) {
		tell(v, e->path, fd < 0 ? -fd : errno, "cannot be looked at in the copy");
		return -1;
	}
	if ((st.st_mode & S_IFMT) != e->type) {
		found(v, VERIFY_TYPE, e->path, 0, 0);
		return -1;
	}
	if (e->type == S_IFLNK) {
		r = side_target(&v->copy, e->path, &target);
		if (r < 0)
			tell(v, e->path, -r, "the link cannot be read in the copy");
		else if (strcmp(target, e->target))
			found(v, VERIFY_TARGET, e->path, 0, 0);
	}
	if (e->type != S_IFREG)
		return -1;
	if ((uint64_t)st.st_size != e->size)
		found(v, VERIFY_SIZE, e->path, e->size, (uint64_t)st.st_size);
	r = side_entry(&v->copy, e->path, O_RDONLY | O_NONBLOCK);
	if (r < 0)
		tell(v, e->path, -r, "cannot be opened in the copy");
	return r;
}

static int entry_verify(struct verify *v, const struct list_entry *e, struct source *s)
{
	_cleanup_(closep) int fd = -1;
	int err = path_remember(v, e->path);

	if (err < 0)
		return err;
	count_entry(v, e);
	fd = copy_find(v, e);
	return e->type == S_IFREG && (fd >= 0 || s->list) ? file_verify(v, e, s, fd) : 0;
}

static int by_digest(const void *a, const void *b)
{
	return XXH128_cmp(a, b);
}

/* What is in the copy and was not expected there. */
static int extras_find(struct verify *v)
{
	FTS *fts = side_walk(&v->copy);
	FTSENT *e;

	if (!fts)
		return -errno;
	qsort(v->paths, v->n_paths, sizeof(*v->paths), by_digest);
	while ((e = fts_read(fts))) {
		const char *path = side_path(&v->copy, e);
		XXH128_hash_t h = XXH3_128bits(path, strlen(path));

		v->opt->tick(v->opt->userdata);
		if (e->fts_info == FTS_DP ||
		    bsearch(&h, v->paths, v->n_paths, sizeof(h), by_digest))
			continue;
		found(v, VERIFY_EXTRA, path, 0, 0);
		fts_set(fts, e, FTS_SKIP);
	}
	fts_close(fts);
	return 0;
}

/* A walk over the source, for a list or a comparison: each() gets every entry. */
static int source_walk(struct verify *v, const struct side *side, void *arg,
		       int (*each)(struct verify *v, const struct list_entry *e, struct source *s,
				   void *arg))
{
	FTS *fts = side_walk(side);
	FTSENT *f;
	int err = 0;

	if (!fts)
		return -errno;
	while (!err && (f = fts_read(fts))) {
		struct list_entry e = { .path = (char *)side_path(side, f) };
		struct source s = { .fd = -1 };
		struct stat st;

		if (f->fts_info == FTS_DP)
			continue;
		if (f->fts_info == FTS_DNR || f->fts_info == FTS_ERR || f->fts_info == FTS_NS) {
			tell(v, e.path, f->fts_errno, "cannot be read");
			continue;
		}
		e.type = f->fts_statp->st_mode & S_IFMT;
		e.size = (uint64_t)f->fts_statp->st_size;
		if (e.type == S_IFLNK) {
			int r = side_target(side, e.path, &e.target);

			if (r < 0)
				tell(v, e.path, -r, "the link cannot be read");
			if (r < 0)
				continue;
		} else if (e.type == S_IFREG) {
			s.fd = side_entry(side, e.path, O_RDONLY | O_NONBLOCK);
			if (s.fd < 0 || fstat(s.fd, &st) < 0 || !S_ISREG(st.st_mode)) {
				tell(v, e.path, s.fd < 0 ? -s.fd : EAGAIN, "cannot be opened");
				path_remember(v, e.path);
				continue;
			}
			e.size = (uint64_t)st.st_size;
			extents_open(&v->extents, s.fd, &s.file);
		}
		err = each(v, &e, &s, arg);
		extents_close(s.fd < 0 ? &(struct extents_file){ .handle = -1 } : &s.file);
		closep(&s.fd);
		free(e.target);
	}
	fts_close(fts);
	return err;
}

static int begin(const struct verify_options *options, struct verify *v)
{
	*v = (struct verify){ .opt = options, .copy.fd = -1 };
	return extents_new(options->session, &v->extents);
}

static void end(struct verify *v)
{
	side_close(&v->copy);
	extents_free(&v->extents);
	free(v->paths);
}

static int open_root(struct verify *v, const char *root, struct side *out)
{
	int err = side_open(root, out);

	if (err < 0)
		tell(v, root, -err, "cannot be opened");
	return err;
}

static int each_compare(struct verify *v, const struct list_entry *e, struct source *s, void *arg)
{
	return entry_verify(v, e, s);
}

int verify_trees(const struct verify_options *options, const char *source, const char *copy)
{
	struct side side = { .fd = -1 };
	struct verify v;
	int err = begin(options, &v);

	if (!err)
		err = open_root(&v, source, &side);
	if (!err)
		err = open_root(&v, copy, &v.copy);
	if (!err)
		err = source_walk(&v, &side, NULL, each_compare);
	if (!err)
		err = extras_find(&v);
	side_close(&side);
	end(&v);
	return err;
}

struct making {
	FILE *out;
	uint64_t entries;
};

static int each_list(struct verify *v, const struct list_entry *e, struct source *s, void *arg)
{
	struct making *making = arg;
	struct mark m;
	int err, r;

	if (!*e->path && e->type == S_IFREG) /* a list of one file names it so */
		return -EISDIR;
	if (!*e->path)
		return 0;
	count_entry(v, e);
	making->entries++;
	err = list_put_entry(making->out, e);
	if (err < 0 || e->type != S_IFREG)
		return err;
	while (!err && (r = source_next(v, s, &m)) > 0) {
		if (v->opt->content && (r = mark_content(s->fd, &m)) < 0)
			break;
		err = list_put_mark(making->out, &m);
	}
	/* A list that is wrong about a file is none. */
	if (!err && (r < 0 || s->at != e->size)) {
		tell(v, e->path, r < 0 ? -r : EAGAIN, "at byte %llu: cannot be read",
		     (unsigned long long)s->at);
		return r < 0 ? r : -EAGAIN;
	}
	return err;
}

int verify_list_make(const struct verify_options *options, const char *source, FILE *out)
{
	struct making making = { .out = out };
	struct side side = { .fd = -1 };
	struct verify v;
	int err = begin(options, &v);

	if (!err)
		err = open_root(&v, source, &side);
	if (!err)
		err = list_begin(out);
	if (!err)
		err = source_walk(&v, &side, &making, each_list);
	if (!err && options->stats->errors)
		err = -EIO; /* incomplete: no end */
	if (!err)
		err = list_end(out, making.entries);
	side_close(&side);
	end(&v);
	return err;
}

int verify_list(const struct verify_options *options, FILE *in, const char *copy)
{
	struct list_entry e;
	struct list list;
	struct verify v;
	int err = begin(options, &v), r = 0;

	if (!err)
		err = path_remember(&v, "");
	if (!err)
		err = open_root(&v, copy, &v.copy);
	if (!err)
		err = list_open(in, &list);
	else
		list = (struct list){ NULL };
	while (!err && (r = list_next(&list, &e)) > 0) {
		struct source s = { .list = &list, .fd = -1 };

		err = entry_verify(&v, &e, &s);
		free(e.path);
		free(e.target);
	}
	if (r < 0 && !err)
		err = r;
	if (err == -EBADMSG)
		tell(&v, "the list", 0, "line %llu: is no list of digests, or is incomplete",
		     (unsigned long long)list.line);
	if (!err)
		err = extras_find(&v);
	list_close(&list);
	end(&v);
	return err;
}
