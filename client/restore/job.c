// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "restore/job.h"

/* Half of what the process may open: sources, directories and a daemon's socket need the rest. */
static unsigned int window_size(const struct sink *sink)
{
	unsigned int window = RESTORE_WINDOW_FILES;
	struct rlimit rl;

	if (sink->files && window > sink->files / 2)
		window = sink->files / 2;
	if (!getrlimit(RLIMIT_NOFILE, &rl) && window > rl.rlim_cur / 4)
		window = (unsigned int)(rl.rlim_cur / 4);
	return window ? window : 1;
}

int restore_new(const struct restore_options *options, struct restore **out)
{
	struct restore *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->cwd < 0) {
		int err = -errno;

		free(r);
		return err;
	}
	r->opt = *options;
	r->sink = options->sink;
	r->window = window_size(options->sink);
	r->uid = geteuid();
	r->gid = getegid();
	r->umask = umask(0);
	umask(r->umask);
	TAILQ_INIT(&r->dirs);
	TAILQ_INIT(&r->active);
	TAILQ_INIT(&r->unsettled);
	TAILQ_INIT(&r->settling);
	*out = r;
	return 0;
}

int restore_quiesce(struct restore *r)
{
	return r->sink->quiesce ? r->sink->quiesce(r->sink) : 0;
}

static void files_drop(struct restore_files *files)
{
	while (!TAILQ_EMPTY(files)) {
		struct restore_file *file = TAILQ_FIRST(files);

		TAILQ_REMOVE(files, file, entry);
		file_put(file);
	}
}

struct restore *restore_free(struct restore *r)
{
	if (!r)
		return NULL;
	restore_quiesce(r);
	settle_drop(r);
	dir_cache_empty(r);
	files_drop(&r->active);
	files_drop(&r->unsettled);
	files_drop(&r->settling);
	for (unsigned int i = 0; i < r->filesystem_count; i++)
		close(r->filesystems[i].fd);
	close(r->cwd);
	free(r);
	return NULL;
}

const struct restore_stats *restore_stats(const struct restore *r)
{
	return &r->stats;
}

void job_failed(struct restore *r, enum restore_step step, struct restore_dir *dir,
		const char *name, uint64_t offset, uint64_t len, int error, const char *cause)
{
	char path[4096] = "";

	r->stats.failures++;
	if (!r->opt.failed)
		return;
	if (dir)
		restore_path(dir, name, path, sizeof(path));
	r->opt.failed(r->opt.userdata, step, path, offset, len, error, cause);
}

bool job_lacking(struct restore *r, enum restore_step step, struct restore_dir *dir,
		 const char *name, int err)
{
	char path[4096];

	if ((err != -EPERM && err != -EOPNOTSUPP) || !r->opt.lacking)
		return false;
	restore_path(dir, name, path, sizeof(path));
	r->opt.lacking(r->opt.userdata, step, path, -err);
	return true;
}

static int after(struct restore *r, int arrived)
{
	int err;

	if (arrived < 0 && !r->broken)
		r->broken = arrived;
	if (r->broken)
		return r->broken;
	err = settle_step(r);
	return err < 0 ? err : arrived;
}

int restore_poll(struct restore *r)
{
	return r->broken ? r->broken : after(r, r->sink->turn(r->sink, r, 0));
}

int restore_wait(struct restore *r, int timeout_ms)
{
	return r->broken ? r->broken : after(r, r->sink->turn(r->sink, r, timeout_ms));
}

int restore_barrier(struct restore *r)
{
	int err = 0;

	while (err >= 0 && r->finishing)
		err = restore_wait(r, -1);
	return err < 0 ? err : 0;
}
