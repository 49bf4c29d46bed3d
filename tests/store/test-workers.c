// SPDX-License-Identifier: GPL-2.0-or-later

/* In which order one worker takes jobs, and that all of them come back. */

#include <event2/event.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "store/workers.h"

#define MANY 50

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static char order[2 * MANY + 8];
static unsigned int n_run, n_done;

struct named {
	struct job job;
	char name;
};

static void run(struct job *job)
{
	pthread_mutex_lock(&gate);
	order[n_run++] = ((struct named *)job)->name;
	pthread_mutex_unlock(&gate);
}

static void done(struct job *job)
{
	n_done++;
}

static void queue(struct workers *w, struct line *line, struct named *job, char name)
{
	*job = (struct named){ .job = { .run = run, .done = done }, .name = name };
	workers_queue(w, line, &job->job);
}

static void lines_have_their_turn(void **state)
{
	static struct named jobs[MANY + 5];
	struct event_base *base = event_base_new();
	struct workers *w;
	struct line a, b;
	unsigned int n = 0;

	STAILQ_INIT(&a.jobs);
	STAILQ_INIT(&b.jobs);
	assert_int_equal(workers_new(base, 1, "test", &w), 0);
	pthread_mutex_lock(&gate); /* the worker may take one and no more */
	while (n < MANY)
		queue(w, &a, &jobs[n++], 'a');
	queue(w, &b, &jobs[n++], 'b');
	queue(w, NULL, &jobs[n++], 'o');
	queue(w, &b, &jobs[n++], 'B');
	pthread_mutex_unlock(&gate);
	while (n_done < n)
		event_base_loop(base, EVLOOP_ONCE);

	/* The first may have been taken before the others came: then its line is last again. */
	assert_true(strchr(order, 'b') - order <= 2);
	assert_true(strchr(order, 'o') - order <= 3);
	assert_true(strchr(order, 'B') - order <= 5);
	assert_int_equal(strlen(order), n);

	/* Lines that were empty work again. */
	queue(w, &b, &jobs[0], 'x');
	queue(w, &a, &jobs[1], 'y');
	workers_free(w); /* finishes them */
	assert_int_equal(strlen(order), n + 2);
	event_base_free(base);
}

/* Of as many users as there are, who have queued much, each delays the one job of another by one.
 */
static void many_lines_delay_by_one_each(void **state)
{
	enum { LINES = 7, EACH = 10 };
	static struct named jobs[LINES * EACH + 1];
	struct event_base *base = event_base_new();
	struct line lines[LINES], last;
	struct workers *w;
	unsigned int n = 0;

	n_run = n_done = 0;
	memset(order, 0, sizeof(order));
	STAILQ_INIT(&last.jobs);
	assert_int_equal(workers_new(base, 1, "test", &w), 0);
	pthread_mutex_lock(&gate);
	for (unsigned int i = 0; i < LINES; i++) {
		STAILQ_INIT(&lines[i].jobs);
		for (int j = 0; j < EACH; j++)
			queue(w, &lines[i], &jobs[n++], (char)('0' + i));
	}
	queue(w, &last, &jobs[n++], 'x');
	pthread_mutex_unlock(&gate);
	workers_free(w);

	assert_int_equal(strlen(order), n);
	assert_true(strchr(order, 'x') - order <= LINES + 1); /* one may have been taken before */
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_have_their_turn),
		cmocka_unit_test(many_lines_delay_by_one_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
