// SPDX-License-Identifier: GPL-2.0-or-later
#include <time.h>

#include "stream/throttle.h"

#define BURST_SECONDS 0.1  /* what is not used in that time is lost */
#define LEAST_BYTES   4096 /* a page: less would only cost calls */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void refill(struct throttle *t)
{
	double s = now(), burst = (double)t->rate * BURST_SECONDS;

	if (burst < LEAST_BYTES)
		burst = LEAST_BYTES;
	t->credit += (s - t->last) * (double)t->rate;
	if (t->credit > burst)
		t->credit = burst;
	t->last = s;
}

void throttle_init(struct throttle *t, uint64_t rate)
{
	pthread_mutex_init(&t->lock, NULL);
	t->rate = rate;
	t->credit = 0;
	t->last = now();
}

size_t throttle_allows(struct throttle *t, size_t most)
{
	size_t n = 0;

	pthread_mutex_lock(&t->lock);
	refill(t);
	if (t->credit >= LEAST_BYTES)
		n = t->credit < (double)most ? (size_t)t->credit : most;
	pthread_mutex_unlock(&t->lock);
	return n;
}

void throttle_used(struct throttle *t, size_t n)
{
	pthread_mutex_lock(&t->lock);
	t->credit -= (double)n;
	pthread_mutex_unlock(&t->lock);
}

unsigned int throttle_pause_ms(struct throttle *t)
{
	unsigned int ms = 0;

	pthread_mutex_lock(&t->lock);
	refill(t);
	if (t->credit < LEAST_BYTES)
		ms = (unsigned int)((LEAST_BYTES - t->credit) * 1000 / (double)t->rate) + 1;
	pthread_mutex_unlock(&t->lock);
	return ms;
}
