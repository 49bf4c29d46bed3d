// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "copy/moment.h"
#include "copy/names.h"
#include "copy/tree.h"

static void restore_failed(void *userdata, enum restore_step step, const char *path,
			   uint64_t offset, uint64_t len, int error, const char *cause)
{
	struct tree *t = userdata;

	if (!*path)
		path = "the destination";
	if (len)
		tree_error(t, path, error, "%llu bytes at %llu: %s", (unsigned long long)len,
			   (unsigned long long)offset, cause);
	else
		tree_error(t, path, error, "%s", cause);
}

static void data_failed(void *userdata, const char *path, uint64_t offset, int error,
			const char *cause)
{
	tree_error(userdata, path, error, "at byte %llu: %s", (unsigned long long)offset, cause);
}

static void update(struct tree *t)
{
	const struct restore_stats *r = restore_stats(t->restore);
	struct copy_stats *stats = t->opt->stats;

	stats->encoded = t->sink->stats.encoded;
	stats->decoded = t->sink->stats.decoded;
	stats->written_plain = t->sink->stats.plain;
	stats->owners_kept = r->owners_kept;
	stats->xattrs_skipped = t->xattrs_skipped + r->xattrs_dropped;
	stats->commits = r->syncs;
}

static void ticked(void *userdata)
{
	struct tree *t = userdata;

	update(t);
	if (t->opt->tick)
		t->opt->tick(t->opt->userdata);
}

static void extent_durable(void *userdata, const char *path, uint64_t offset, uint64_t len)
{
	struct tree *t = userdata;

	t->opt->extent_durable(t->opt->userdata, path, offset, len);
}

static void committed(void *userdata)
{
	struct tree *t = userdata;

	if (t->opt->committed)
		t->opt->committed(t->opt->userdata);
}

/* What the first destination can take decides for all: they are one directory but for odd uses. */
static int data_begin(struct tree *t, int fd)
{
	struct data_options o = {
		.restore = t->restore,
		.session = t->opt->session,
		.codec = t->opt->codec,
		.stats = t->opt->stats,
		.failed = data_failed,
		.tick = ticked,
		.userdata = t,
		.sector = 4096,
	};
	struct extent_limits limits;
	struct statfs fs;
	bool btrfs = !fstatfs(fd, &fs) && fs.f_type == BTRFS_SUPER_MAGIC;

	extent_get_limits(t->opt->session, &limits);
	if (btrfs)
		o.sector = (uint32_t)fs.f_bsize;
	o.encoded = btrfs && limits.backend != 3;
	/* To compress what will be decompressed again is work for nothing. */
	if (!o.encoded && !t->opt->compress)
		o.codec.compression = EXTENT_NONE;
	return data_new(&o, &t->data);
}

/* read: where the source is to be read. */
static int copy_source(struct tree *t, const char *source, const char *read,
		       const char *destination, bool into)
{
	_cleanup_(target_free) struct target target = { NULL, NULL };
	struct restore_dir *dir = NULL;
	int err = target_find(source, destination, into, &target);
	int fd;

	if (err < 0)
		return err;
	fd = open(target.parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		tree_error(t, target.parent, errno, "cannot be opened");
		return 0;
	}
	if (!t->data) {
		err = data_begin(t, fd);
		if (err < 0) {
			close(fd);
			return err;
		}
	}
	err = restore_root(t->restore, fd, target.parent, &dir);
	if (err < 0)
		return err;
	err = tree_copy(t, AT_FDCWD, read, source, dir, target.name);
	restore_dir_put(dir);
	return err;
}

static int update_begin(struct tree *t, const char *source, const char *read,
			const char *destination)
{
	int err = update_new(source, read, destination, &t->update);

	if (err < 0)
		return err;
	err = update_remove(t->update);
	if (err < 0)
		tree_error(t, destination, -err, "what is gone from the source stays in the copy");
	return 0;
}

/* moment: of the source, with --update. */
static int copy_all(struct tree *t, char *const sources[], unsigned int n, const char *destination,
		    const struct moment *moment)
{
	bool into = false;
	struct stat st;
	int err = 0;

	if (!t->opt->no_target_directory)
		into = !stat(destination, &st) && S_ISDIR(st.st_mode);
	if (n > 1 && !into) {
		tree_error(t, destination, 0, "is not a directory, and there are several sources");
		return 0;
	}
	if (t->opt->update)
		err = update_begin(t, sources[0], moment->source ?: sources[0], destination);
	for (unsigned int i = 0; !err && !t->full && i < n; i++)
		err = copy_source(t, sources[i], moment->source ?: sources[i], destination, into);
	if (!err && t->data)
		err = data_drain(t->data);
	if (!err && t->full)
		tree_error(t, destination, t->full, "the rest is not copied");
	if (!err)
		err = t->opt->durable ? restore_sync(t->restore) : restore_barrier(t->restore);
	/* What a sync found was told extent by extent. */
	if (err == -EIO)
		err = 0;
	if (!err && t->update) {
		int r = update_save(t->update, !t->opt->stats->errors);

		if (r < 0)
			tree_error(t, destination, -r, "what was copied cannot be written down");
	}
	return err;
}

int copy_run(const struct copy_options *options, char *const sources[], unsigned int n,
	     const char *destination)
{
	struct tree t = { .opt = options };
	struct restore_options r = {
		.failed = restore_failed,
		.durable = options->extent_durable ? extent_durable : NULL,
		.committed = committed,
		.userdata = &t,
	};
	struct moment moment = { .root = -1, .lock = -1 };
	int err = sink_extent_new(options->session, &t.sink), gone;

	if (!err) {
		t.sink->nodatacow = options->nodatacow;
		r.sink = t.sink;
		err = restore_new(&r, &t.restore);
	}
	if (!err)
		err = links_new(&t.links);
	if (!err && options->update)
		moment_take(sources[0], destination, &moment);
	options->stats->one_moment = moment.taken;
	if (!err)
		err = copy_all(&t, sources, n, destination, &moment);
	if (t.restore)
		update(&t);
	if (err < 0 && *extent_error_text(options->session))
		tree_error(&t, "extentd", -err, "%s", extent_error_text(options->session));
	else if (err < 0)
		tree_error(&t, destination, -err, "the copy cannot go on");
	else
		options->stats->durable = options->durable && !options->stats->errors;

	if (err < 0) {
		/* Completions point into the job; after a lost session none will come. */
		while (extent_pending(options->session) && extent_wait(options->session, 1000) >= 0)
			;
	}
	data_free(t.data);
	gone = moment_release(&moment);
	if (gone)
		tree_error(&t, sources[0], -gone, "the snapshot %s cannot be deleted", moment.name);
	links_free(t.links);
	update_free(t.update);
	restore_free(t.restore);
	if (t.sink)
		t.sink->free(t.sink);
	return err < 0 ? err : options->stats->errors ? 1 : 0;
}
