// SPDX-License-Identifier: GPL-2.0-or-later
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "workers.h"

struct workers {
	pthread_mutex_t lock; /* guards the lists, also in lines, and stopping */
	pthread_cond_t wake;
	struct line_list todo; /* that have jobs */
	struct line own;
	struct job_list finished;
	bool stopping;

	int eventfd; /* readable while finished may be non-empty */
	struct event *event;
	unsigned int n_threads;
	pthread_t threads[];
};

static struct job *job_next(struct workers *w)
{
	struct line *line = STAILQ_FIRST(&w->todo);
	struct job *job;

	if (!line)
		return NULL;
	job = STAILQ_FIRST(&line->jobs);
	STAILQ_REMOVE_HEAD(&line->jobs, entry);
	STAILQ_REMOVE_HEAD(&w->todo, entry);
	if (!STAILQ_EMPTY(&line->jobs))
		STAILQ_INSERT_TAIL(&w->todo, line, entry);
	return job;
}

static void *worker_main(void *arg)
{
	struct workers *w = arg;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct job *job = job_next(w);
		bool first;

		if (!job && w->stopping)
			break;
		if (!job) {
			pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		pthread_mutex_unlock(&w->lock);

		job->run(job);

		pthread_mutex_lock(&w->lock);
		first = STAILQ_EMPTY(&w->finished);
		STAILQ_INSERT_TAIL(&w->finished, job, entry);
		if (first)
			eventfd_write(w->eventfd, 1);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void workers_finished(evutil_socket_t fd, short what, void *arg)
{
	struct workers *w = arg;
	struct job_list list = STAILQ_HEAD_INITIALIZER(list);
	struct job *job;
	eventfd_t count;

	eventfd_read(w->eventfd, &count);
	pthread_mutex_lock(&w->lock);
	STAILQ_CONCAT(&list, &w->finished);
	pthread_mutex_unlock(&w->lock);

	while ((job = STAILQ_FIRST(&list))) {
		STAILQ_REMOVE_HEAD(&list, entry);
		job->done(job);
	}
}

int workers_new(struct event_base *base, unsigned int threads, const char *name,
		struct workers **out)
{
	struct workers *w;
	sigset_t all, old;
	int r = 0;

	w = calloc(1, sizeof(*w) + threads * sizeof(w->threads[0]));
	if (!w)
		return -ENOMEM;
	STAILQ_INIT(&w->todo);
	STAILQ_INIT(&w->own.jobs);
	STAILQ_INIT(&w->finished);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);

	w->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->eventfd < 0) {
		r = -errno;
		goto fail;
	}
	w->event = event_new(base, w->eventfd, EV_READ | EV_PERSIST, workers_finished, w);
	if (!w->event || event_add(w->event, NULL) < 0) {
		r = -ENOMEM;
		goto fail;
	}

	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (; w->n_threads < threads; w->n_threads++) {
		r = -pthread_create(&w->threads[w->n_threads], NULL, worker_main, w);
		if (r < 0)
			break;
		pthread_setname_np(w->threads[w->n_threads], name);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r < 0)
		goto fail;

	*out = w;
	return 0;
fail:
	workers_free(w);
	return r;
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->wake);
	pthread_mutex_unlock(&w->lock);
	for (unsigned int i = 0; i < w->n_threads; i++)
		pthread_join(w->threads[i], NULL);
	if (w->event)
		event_free(w->event);
	if (w->eventfd >= 0)
		close(w->eventfd);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void workers_queue(struct workers *w, struct line *line, struct job *job)
{
	if (!line)
		line = &w->own;
	pthread_mutex_lock(&w->lock);
	if (STAILQ_EMPTY(&line->jobs))
		STAILQ_INSERT_TAIL(&w->todo, line, entry);
	STAILQ_INSERT_TAIL(&line->jobs, job, entry);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}
