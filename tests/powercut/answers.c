// SPDX-License-Identifier: GPL-2.0-or-later
#include "answers.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>

struct answer {
	TAILQ_ENTRY(answer) link;
	struct timespec due;
	void *item;
};

struct answers {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	TAILQ_HEAD(answer_list, answer) waiting; /* soonest first */
	bool stop;
	answer_fn fn;
	void *context;
};

static bool earlier(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

static void *answers_thread(void *arg)
{
	struct answers *answers = arg;
	struct answer *first;
	struct timespec now;

	pthread_mutex_lock(&answers->lock);
	for (;;) {
		first = TAILQ_FIRST(&answers->waiting);
		if (!first && answers->stop)
			break;
		if (!first) {
			pthread_cond_wait(&answers->changed, &answers->lock);
			continue;
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (!answers->stop && earlier(&now, &first->due)) {
			pthread_cond_timedwait(&answers->changed, &answers->lock, &first->due);
			continue;
		}
		TAILQ_REMOVE(&answers->waiting, first, link);
		pthread_mutex_unlock(&answers->lock);
		answers->fn(answers->context, first->item);
		free(first);
		pthread_mutex_lock(&answers->lock);
	}
	pthread_mutex_unlock(&answers->lock);
	return NULL;
}

struct answers *answers_new(answer_fn fn, void *context)
{
	struct answers *answers = calloc(1, sizeof(*answers));
	pthread_condattr_t attr;

	if (!answers)
		return NULL;
	pthread_mutex_init(&answers->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&answers->changed, &attr);
	TAILQ_INIT(&answers->waiting);
	answers->fn = fn;
	answers->context = context;
	if (pthread_create(&answers->thread, NULL, answers_thread, answers)) {
		free(answers);
		return NULL;
	}
	return answers;
}

int answers_schedule(struct answers *answers, void *item, uint64_t delay_ns)
{
	struct answer *answer = calloc(1, sizeof(*answer)), *at;

	if (!answer)
		return -ENOMEM;
	answer->item = item;
	clock_gettime(CLOCK_MONOTONIC, &answer->due);
	delay_ns += answer->due.tv_nsec;
	answer->due.tv_sec += delay_ns / 1000000000;
	answer->due.tv_nsec = delay_ns % 1000000000;
	pthread_mutex_lock(&answers->lock);
	TAILQ_FOREACH_REVERSE(at, &answers->waiting, answer_list, link)
	if (!earlier(&answer->due, &at->due))
		break;
	if (at)
		TAILQ_INSERT_AFTER(&answers->waiting, at, answer, link);
	else
		TAILQ_INSERT_HEAD(&answers->waiting, answer, link);
	pthread_cond_signal(&answers->changed);
	pthread_mutex_unlock(&answers->lock);
	return 0;
}

void answers_free(struct answers *answers)
{
	if (!answers)
		return;
	pthread_mutex_lock(&answers->lock);
	answers->stop = true;
	pthread_cond_signal(&answers->changed);
	pthread_mutex_unlock(&answers->lock);
	pthread_join(answers->thread, NULL);
	pthread_cond_destroy(&answers->changed);
	pthread_mutex_destroy(&answers->lock);
	free(answers);
}
