/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STREAM_THROTTLE_H
#define EXTENTD_STREAM_THROTTLE_H

/* A bandwidth that several threads share. */

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct throttle {
	pthread_mutex_t lock;
	uint64_t rate; /* bytes a second */
	double credit; /* bytes that may be sent now; negative after one that was too large */
	double last;   /* seconds, when credit was right */
};

void throttle_init(struct throttle *t, uint64_t rate);
/* Bytes that may be sent now, at most most; 0: not now. */
size_t throttle_allows(struct throttle *t, size_t most);
void throttle_used(struct throttle *t, size_t n);
/* How long to wait until something may be sent. */
unsigned int throttle_pause_ms(struct throttle *t);

#endif
