// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands to calls of the restore core. What the core tells when it happens (a write that failed,
 * an owner that may not be set) becomes the result of the action that is being executed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "receive/target.h"

int passed_over(struct executor *t, const char *what, int r)
{
	bool lacking = r == -EPERM || r == -EOPNOTSUPP || r == -ENOTTY || r == -ENOPKG;

	if (!lacking || t->o.strict)
		return r;
	t->stats.not_set++;
	t->o.warn(t->o.userdata, t->now, what, -r);
	return 0;
}

static bool about_now(const struct executor *t, const char *path)
{
	struct stream_string s = t->now ? t->now->path : (struct stream_string){ 0 };

	return t->now && s.size == strlen(path) && !memcmp(s.data, path, s.size);
}

static void failed(void *userdata, enum restore_step step, const char *path, uint64_t offset,
		   uint64_t len, int error, const char *cause)
{
	struct executor *t = userdata;
	struct sink *sink = t->o.sink;
	char text[STREAM_PATH_MAX + 512];

	if (!t->failed)
		t->failed = -error;
	if (about_now(t, path)) {
		if (cause != sink->text)
			snprintf(sink->text, sizeof(sink->text), "%s", cause);
		return;
	}
	if (!sink->report)
		return;
	if (len)
		snprintf(text, sizeof(text), "%s: %llu bytes at offset %llu: %s: %s", path,
			 (unsigned long long)len, (unsigned long long)offset, strerror(error),
			 cause);
	else
		snprintf(text, sizeof(text), "%s%s%s: %s", path, *path ? ": " : "", strerror(error),
			 cause);
	sink->report(sink->userdata, text);
}

static void lacking(void *userdata, enum restore_step step, const char *path, int error)
{
	static const char *const what[] = {
		[RESTORE_OWNER] = "owner",
		[RESTORE_MODE] = "mode",
		[RESTORE_TIMES] = "times",
		[RESTORE_XATTR] = "extended attribute",
	};
	struct executor *t = userdata;
	struct action late = { .path = { path, (uint32_t)strlen(path) } };

	if (t->now)
		late.position = t->now->position;
	if (t->o.strict) {
		if (!t->failed)
			t->failed = -error;
		return;
	}
	t->stats.not_set++;
	t->o.warn(t->o.userdata, &late, what[step] ?: "attribute", error);
}

int executor_new(int root, const struct executor_options *options, struct executor **out)
{
	struct executor *t = calloc(1, sizeof(*t));
	struct restore_options o = {
		.sink = options->sink,
		.closed = options->closed,
		.one_filesystem = true,
		.inherit = true,
		.failed = failed,
		.lacking = lacking,
		.userdata = t,
	};
	_cleanup_(closep) int fd = root;
	int r;

	if (!t)
		return -ENOMEM;
	t->o = *options;
	r = restore_new(&o, &t->restore);
	if (!r)
		r = restore_root(t->restore, steal_fd(&fd), "", &t->root);
	if (!r)
		r = paths_new(t->root, &t->paths);
	if (!r)
		r = root_look(t);
	if (!r)
		r = root_close(t);
	if (r) {
		executor_free(t);
		return r;
	}
	*out = t;
	return 0;
}

void executor_free(struct executor *t)
{
	if (!t)
		return;
	current_done(t);
	/* Completions point into the job. */
	while (t->restore && t->o.sink->busy(t->o.sink) && restore_wait(t->restore, -1) >= 0)
		;
	paths_free(t->paths);
	restore_dir_put(t->root);
	restore_free(t->restore);
	free(t);
}

int executor_root(const struct executor *t)
{
	return restore_dir_fd(t->root);
}

const struct executor_stats *executor_stats(struct executor *t)
{
	t->stats.calls_saved = restore_stats(t->restore)->calls_saved;
	return &t->stats;
}

static int rename_or_link(struct executor *t, const struct stream_command *c)
{
	bool link = c->op == STREAM_C_LINK;
	_cleanup_(restore_dir_putp) struct restore_dir *from = NULL, *to = NULL;
	char name[STREAM_NAME_MAX + 1], to_name[STREAM_NAME_MAX + 1];
	int r = 0;

	/* A link changes no name that there was; a rename may change the current file's. */
	if (!link)
		r = current_done(t);
	if (!r)
		r = paths_parent(t->paths, link ? c->path_link : c->path, &from, name);
	if (!r)
		r = paths_parent(t->paths, link ? c->path : c->path_to, &to, to_name);
	if (r)
		return r;
	if (link)
		return restore_name_link(from, name, to, to_name);
	paths_changed(t->paths);
	return restore_name_rename(from, name, to, to_name);
}

static int remove_name(struct executor *t, const struct stream_command *c)
{
	_cleanup_(restore_dir_putp) struct restore_dir *dir = NULL;
	char name[STREAM_NAME_MAX + 1];
	int r = current_done(t);

	if (!r)
		r = paths_parent(t->paths, c->path, &dir, name);
	if (r)
		return r;
	if (c->op == STREAM_C_RMDIR)
		paths_changed(t->paths);
	return restore_name_remove(dir, name, c->op == STREAM_C_RMDIR);
}

static int command(struct executor *t, const struct action *a)
{
	const struct stream_command *c = a->command;
	struct action made = *a;
	int r;

	switch (c->op) {
	case STREAM_C_MKFILE:
	case STREAM_C_MKDIR:
	case STREAM_C_MKNOD:
	case STREAM_C_MKFIFO:
	case STREAM_C_MKSOCK:
	case STREAM_C_SYMLINK:
		made.set = 0;
		r = current_make(t, &made);
		return r ?: current_done(t);
	case STREAM_C_RENAME:
	case STREAM_C_LINK:
		return rename_or_link(t, c);
	case STREAM_C_UNLINK:
	case STREAM_C_RMDIR:
		return remove_name(t, c);
	case STREAM_C_SET_XATTR:
	case STREAM_C_REMOVE_XATTR:
		return passed_over(t, "extended attribute", attribute_xattr(t, c));
	case STREAM_C_WRITE:
	case STREAM_C_ENCODED_WRITE:
		return content_write(t, a);
	case STREAM_C_CLONE:
		return content_clone(t, c);
	case STREAM_C_TRUNCATE:
	case STREAM_C_FALLOCATE:
		return content_resize(t, c);
	case STREAM_C_CHMOD:
	case STREAM_C_CHOWN:
	case STREAM_C_UTIMES:
		return attribute_command(t, c);
	case STREAM_C_UPDATE_EXTENT: /* a stream without data */
		return 0;
	case STREAM_C_FILEATTR:
		return passed_over(t, "inode flags", attribute_flags(t, c));
	case STREAM_C_ENABLE_VERITY:
		return passed_over(t, "fs-verity", content_verity(t, c));
	default:
		return -EINVAL;
	}
}

/* What was told meanwhile, once. */
static int result(struct executor *t, int r)
{
	int told = t->failed;

	t->failed = 0;
	return r ?: told;
}

int executor_execute(void *target, const struct action *a)
{
	struct executor *t = target;
	int r = -EINVAL;

	t->now = a;
	switch (a->type) {
	case ACTION_MAKE:
		r = current_make(t, a);
		break;
	case ACTION_FINISH:
		r = current_finish(t, a);
		break;
	case ACTION_TIMES:
		r = attribute_set(t, a);
		break;
	case ACTION_COMMAND:
		r = command(t, a);
		break;
	}
	t->now = NULL;
	return result(t, r);
}

int executor_finish(struct executor *t)
{
	int r = current_done(t), settled = restore_barrier(t->restore);

	r = result(t, r ?: settled);
	return r ?: result(t, root_open(t));
}

int executor_sync(struct executor *t)
{
	return result(t, restore_sync(t->restore));
}
