/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_WORKERS_H
#define EXTENTD_STORE_WORKERS_H

#include <sys/queue.h>

struct event_base;
struct line;
struct workers;

/*
 * Threads for what may block (opening, syncing, mapping) or takes long (decoding). A job belongs
 * to the pool from workers_queue() until done() is called in the loop's thread; meanwhile only
 * run(), in a worker thread, may touch what the job owns. That hand-over is the only
 * synchronisation in the daemon.
 */
struct job {
	STAILQ_ENTRY(job) entry;
	void (*run)(struct job *job);
	void (*done)(struct job *job);
};
STAILQ_HEAD(job_list, job);
STAILQ_HEAD(line_list, line);

/*
 * Jobs of one user, for one pool. Lines have their turn in a circle, a job at a time: who queues a
 * thousand does not delay the one job of another. Guarded by the pool while it holds jobs.
 */
struct line {
	struct job_list jobs;
	STAILQ_ENTRY(line) entry;
};

int workers_new(struct event_base *base, unsigned int threads, const char *name,
		struct workers **out);

/* Finishes all queued jobs without calling their done(), then joins. NULL is allowed. */
void workers_free(struct workers *workers);

/* line: NULL for the pool's own, of those that are limited in another way (see writer.h). */
void workers_queue(struct workers *workers, struct line *line, struct job *job);

#endif
