/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_COPY_SOURCE_H
#define EXTENTD_COPY_SOURCE_H

/* What data.c (jobs) and source.c (files and their pieces) share. */

#include "copy/data.h"
#include "copy/pieces.h"

#define COPY_JOBS	64
#define COPY_TURN_FILES 8    /* begun between two looks at what has arrived */
#define SECTOR_MIN	4096 /* what btrfs's sector sizes are multiples of */
#define COPY_FLUSH_JOBS 8
#define COPY_HANDLES	1024 /* of files that the daemon reads */

struct source {
	TAILQ_ENTRY(source) entry;
	struct restore_file *file;
	struct restore_attr attr;
	char *path;
	int fd;
	int handle; /* of the daemon, that reads it; or -1 */
	struct data *data;
	dev_t dev;
	ino_t ino;
	uint64_t size;
	enum fetch_how how;
	unsigned int jobs;
	bool planned; /* no piece will be added */
	bool failed;
};
TAILQ_HEAD(sources, source);

struct data {
	struct data_options opt;
	struct fetch_ring *ring;
	struct fetch_pool *pool;
	bool ring_refused; /* the kernel has no encoded reads in rings */
	dev_t dev;	   /* what is known of the last source's filesystem */
	bool dev_known, dev_encoded;
	enum fetch_how otherwise; /* where nothing can be read encoded */
	uint32_t max;		  /* bytes of a piece and of a payload */
	struct sources sources;
	struct fetch_jobs idle, stalled, arrived;
	bool daemon_reads; /* it knows how */
	bool by_daemon;	   /* what is encoded is read by it */
	int to_close[COPY_HANDLES];
	unsigned int n_to_close;
	unsigned int unflushed;
	unsigned int begun; /* files, for the rhythm of COPY_TURN_FILES */
	struct fetch_job jobs[COPY_JOBS];
	struct pieces pieces; /* of the source that is being planned */
};

/* data.c */
int data_wait(struct data *data); /* until anything happens; >= 0 or the errno that ends all */
int job_write(struct data *data, struct fetch_job *job);

/* daemon.c. False: no credits or buffers are left for now. */
bool daemon_read(struct data *data, struct fetch_job *job);
struct fetch_job *daemon_next(struct data *data);
void daemon_close(struct data *data, int handle);
void daemon_close_rest(struct data *data);

/* source.c. A piece waits for a free job. An ended source gives its file away. */
int source_piece(struct data *data, struct source *s, const struct piece *piece);
void source_end(struct data *data, struct source *s);
void source_failed(struct data *data, struct source *s, uint64_t offset, int error,
		   const char *cause);
void source_free(struct source *s);

#endif
