// SPDX-License-Identifier: GPL-2.0-or-later
#include <fts.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/scan.h"

struct scan {
	pthread_t thread;
	char **paths; /* ours, ends with NULL; the strings are the caller's */
	atomic_bool stop;
	_Atomic uint64_t total;
};

static void *scan_main(void *arg)
{
	struct scan *scan = arg;
	FTS *fts = fts_open(scan->paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	uint64_t total = 0;
	FTSENT *e;

	while (fts && !scan->stop && (e = fts_read(fts)))
		if (e->fts_info == FTS_F && S_ISREG(e->fts_statp->st_mode))
			total += (uint64_t)e->fts_statp->st_size / e->fts_statp->st_nlink;
	if (fts)
		fts_close(fts);
	if (!scan->stop)
		scan->total = total;
	return NULL;
}

struct scan *scan_new(char *const paths[], unsigned int n)
{
	struct scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return NULL;
	scan->paths = calloc(n + 1, sizeof(*scan->paths));
	if (scan->paths)
		memcpy(scan->paths, paths, n * sizeof(*paths));
	if (!scan->paths || pthread_create(&scan->thread, NULL, scan_main, scan)) {
		free(scan->paths);
		free(scan);
		return NULL;
	}
	return scan;
}

uint64_t scan_total(const struct scan *scan)
{
	return scan ? scan->total : 0;
}

struct scan *scan_free(struct scan *scan)
{
	if (!scan)
		return NULL;
	scan->stop = true;
	pthread_join(scan->thread, NULL);
	free(scan->paths);
	free(scan);
	return NULL;
}
