/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERCUT_ANSWERS_H
#define POWERCUT_ANSWERS_H

/*
 * Answers that are due later: a thread that calls back at their time. The order of answers with
 * the same time is the order of scheduling.
 */

#include <stdint.h>

struct answers;

typedef void (*answer_fn)(void *context, void *item);

/* NULL when memory or the thread is missing. */
struct answers *answers_new(answer_fn fn, void *context);
/* Hands @item over until it is called back. Returns 0 or -ENOMEM. */
int answers_schedule(struct answers *answers, void *item, uint64_t delay_ns);
/* Calls back what is still waiting, at once, and ends the thread. */
void answers_free(struct answers *answers);

#endif
