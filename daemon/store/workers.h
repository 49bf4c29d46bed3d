/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_WORKERS_H
#define EXTENTD_STORE_WORKERS_H

#include <sys/queue.h>

struct event_base;
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

int workers_new(struct event_base *base, unsigned int threads, const char *name,
		struct workers **out);

/* Finishes all queued jobs without calling their done(), then joins. NULL is allowed. */
void workers_free(struct workers *workers);

void workers_queue(struct workers *workers, struct job *job);

#endif
