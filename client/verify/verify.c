// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * One way of comparing for two uses: what is expected comes as entries and marks, either from a
 * tree that is here or from a list that was made of one elsewhere, and is looked for in the copy.
 * What was expected is remembered by the digests of the paths, so that in the end a walk over the
 * copy finds what should not be there.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "verify/entry.h"

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
		verify_differs(v, VERIFY_EXTRA, path, 0, 0);
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
			verify_tell(v, e.path, f->fts_errno, "cannot be read");
			continue;
		}
		e.type = f->fts_statp->st_mode & S_IFMT;
		e.size = (uint64_t)f->fts_statp->st_size;
		if (e.type == S_IFLNK) {
			int r = side_target(side, e.path, &e.target);

			if (r < 0)
				verify_tell(v, e.path, -r, "the link cannot be read");
			if (r < 0)
				continue;
		} else if (e.type == S_IFREG) {
			s.fd = side_entry(side, e.path, O_RDONLY | O_NONBLOCK);
			if (s.fd < 0 || fstat(s.fd, &st) < 0 || !S_ISREG(st.st_mode)) {
				verify_tell(v, e.path, s.fd < 0 ? -s.fd : EAGAIN,
					    "cannot be opened");
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
		verify_tell(v, root, -err, "cannot be opened");
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
	entry_count(v, e);
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
		verify_tell(v, e->path, r < 0 ? -r : EAGAIN, "at byte %llu: cannot be read",
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
		verify_tell(&v, "the list", 0, "line %llu: is no list of digests, or is incomplete",
			    (unsigned long long)list.line);
	if (!err)
		err = extras_find(&v);
	list_close(&list);
	end(&v);
	return err;
}
