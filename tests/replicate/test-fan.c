// SPDX-License-Identifier: GPL-2.0-or-later
/* One pipe into several: each reader gets every byte or is told apart, whatever the others do. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "replicate/fan.h"
#include "replicate/gather.h"
#include "replicate/send.h"
#include "replicate/settings.h"

#define BYTES (8u << 20) /* many times what the pipes hold */

static void nap(unsigned int ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static uint8_t pattern(size_t at)
{
	return (uint8_t)((at * 2654435761u) >> 13);
}

struct producer {
	pthread_t thread;
	int to;
	size_t bytes, written;
};

static void *produce(void *arg)
{
	struct producer *p = arg;
	uint8_t some[70000];
	size_t odd = 1;

	while (p->written < p->bytes) {
		size_t n = odd = odd * 7 % sizeof(some) + 1; /* of all sizes */
		ssize_t r;

		n = n < p->bytes - p->written ? n : p->bytes - p->written;
		for (size_t i = 0; i < n; i++)
			some[i] = pattern(p->written + i);
		r = write(p->to, some, n);
		if (r < 0)
			break;
		p->written += (size_t)r;
	}
	close(p->to);
	return NULL;
}

struct consumer {
	pthread_t thread;
	int from;
	size_t bytes; /* that it got */
	size_t most;  /* after so many it closes, or stops reading: */
	bool stops;
	unsigned int pause_ms; /* after each read */
	bool wrong;
};

static void *consume(void *arg)
{
	struct consumer *c = arg;
	static _Thread_local uint8_t some[65536];
	ssize_t n;

	while (c->bytes < c->most && (n = read(c->from, some, sizeof(some))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			c->wrong |= some[i] != pattern(c->bytes + (size_t)i);
		c->bytes += (size_t)n;
		if (c->pause_ms)
			nap(c->pause_ms);
	}
	if (!c->stops)
		close(c->from);
	return NULL;
}

static void pipe_large(int ends[2])
{
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fcntl(ends[1], F_SETPIPE_SZ, SEND_PIPE_BYTES);
}

/* Runs a fan to n consumers; how they ended. */
static size_t fan_to(struct consumer *c, size_t n, double patience, enum fan_end *ends)
{
	struct fan_member members[SETTINGS_TARGETS] = { 0 };
	struct producer p = { .bytes = BYTES };
	struct fan f = { .members = members, .count = n, .patience = patience };
	int in[2], out[2];

	pipe_large(in);
	p.to = in[1];
	f.from = in[0];
	for (size_t i = 0; i < n; i++) {
		pipe_large(out);
		members[i].to = out[1];
		c[i].from = out[0];
		assert_int_equal(pthread_create(&c[i].thread, NULL, consume, &c[i]), 0);
	}
	assert_int_equal(pthread_create(&p.thread, NULL, produce, &p), 0);
	assert_int_equal(fan_run(&f), 0);
	for (size_t i = 0; i < n; i++) {
		pthread_join(c[i].thread, NULL);
		if (c[i].stops)
			close(c[i].from);
		ends[i] = members[i].end;
		assert_false(c[i].wrong);
		assert_int_equal(members[i].to, -1);
	}
	pthread_join(p.thread, NULL);
	return p.written;
}

static void test_all_get_all(void **state)
{
	enum fan_end ends[SETTINGS_TARGETS];
	struct consumer c[SETTINGS_TARGETS];

	for (size_t n = 1; n <= SETTINGS_TARGETS; n = n == 1   ? 3
						      : n == 3 ? SETTINGS_TARGETS
							       : n + 1) {
		for (size_t i = 0; i < n; i++)
			c[i] = (struct consumer){ .most = SIZE_MAX };
		assert_int_equal(fan_to(c, n, 60, ends), BYTES);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(ends[i], FAN_ALL);
			assert_int_equal(c[i].bytes, BYTES);
		}
	}
}

/* Slower, but not by so much that it matters: all wait for it. */
static void test_slow(void **state)
{
	struct consumer c[2] = { { .most = SIZE_MAX }, { .most = SIZE_MAX, .pause_ms = 1 } };
	enum fan_end ends[2];

	assert_int_equal(fan_to(c, 2, 60, ends), BYTES);
	assert_int_equal(ends[0], FAN_ALL);
	assert_int_equal(ends[1], FAN_ALL);
	assert_int_equal(c[1].bytes, BYTES);
}

static void test_one_closes(void **state)
{
	struct consumer c[3] = { { .most = SIZE_MAX }, { .most = 300000 }, { .most = SIZE_MAX } };
	enum fan_end ends[3];

	assert_int_equal(fan_to(c, 3, 60, ends), BYTES);
	assert_int_equal(ends[1], FAN_CLOSED);
	for (int i = 0; i < 3; i += 2) {
		assert_int_equal(ends[i], FAN_ALL);
		assert_int_equal(c[i].bytes, BYTES);
	}
}

/* One that reads no more is left behind, once the patience is over and not before. */
static void test_one_hangs(void **state)
{
	struct consumer c[3] = { { .most = SIZE_MAX },
				 { .most = 300000, .stops = true },
				 { .most = SIZE_MAX } };
	struct timespec a, b;
	enum fan_end ends[3];

	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(fan_to(c, 3, 0.5, ends), BYTES);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_int_equal(ends[1], FAN_BEHIND);
	assert_true(b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9 >= 0.5);
	for (int i = 0; i < 3; i += 2) {
		assert_int_equal(ends[i], FAN_ALL);
		assert_int_equal(c[i].bytes, BYTES);
	}
}

/* By itself nobody is slow. */
static void test_alone(void **state)
{
	struct consumer c[2] = { { .most = SIZE_MAX, .pause_ms = 2 }, { .most = 1 } };
	enum fan_end ends[2];

	assert_int_equal(fan_to(c, 2, 0.01, ends), BYTES);
	assert_int_equal(ends[0], FAN_ALL);
	assert_int_equal(c[0].bytes, BYTES);
}

static void test_all_leave(void **state)
{
	struct consumer c[2] = { { .most = 1 }, { .most = 100000 } };
	enum fan_end ends[2];

	assert_true(fan_to(c, 2, 60, ends) < BYTES); /* the source is not read on for nobody */
	assert_int_equal(ends[0], FAN_CLOSED);
	assert_int_equal(ends[1], FAN_CLOSED);
}

/* Instead of the kernel's send: counted, and with the bytes of the pattern. */
struct send {
	struct producer p;
	int result;
};

static unsigned int sends;
static int send_result;

int send_begin(int subvolume, uint64_t parent, struct send **out, int *stream)
{
	struct send *s = calloc(1, sizeof(*s));
	int ends[2];

	assert_non_null(s);
	pipe_large(ends);
	s->p = (struct producer){ .to = ends[1], .bytes = 3u << 20 };
	s->result = send_result;
	*stream = ends[0];
	*out = s;
	__atomic_add_fetch(&sends, 1, __ATOMIC_RELAXED);
	return -pthread_create(&s->p.thread, NULL, produce, &s->p);
}

void send_gather(void)
{
	nap(1);
}

int send_end(struct send *s)
{
	int r = s->result;

	pthread_join(s->p.thread, NULL);
	free(s);
	return r;
}

struct target {
	pthread_t thread;
	struct gathering *g;
	uint64_t parent;
	size_t most;
	bool shared;
	int result;
	size_t bytes;
};

static void *target_run(void *arg)
{
	struct target *t = arg;
	struct consumer c = { .most = t->most ?: SIZE_MAX };
	struct feed *feed;

	assert_int_equal(gather(t->g, STDIN_FILENO, 7, t->parent, &feed, &c.from, &t->shared), 0);
	consume(&c);
	assert_false(c.wrong);
	t->bytes = c.bytes;
	t->result = feed_end(feed);
	return NULL;
}

static void targets_run(struct target *t, size_t n)
{
	struct gathering g;

	sends = 0;
	gathering_init(&g, n + 1);
	for (size_t i = 0; i < n; i++) {
		t[i].g = &g;
		assert_int_equal(pthread_create(&t[i].thread, NULL, target_run, &t[i]), 0);
	}
	nap(100);
	assert_int_equal(sends, 0); /* all wait for the last one, which needs nothing */
	gathering_pass(&g);
	for (size_t i = 0; i < n; i++)
		pthread_join(t[i].thread, NULL);
	assert_true(LIST_EMPTY(&g.groups));
}

static void test_gather(void **state)
{
	struct target t[5] = {
		{ .parent = 1 }, { .parent = 2 }, { .parent = 1 }, { .parent = 3 }, { .parent = 1 }
	};

	send_result = 0;
	targets_run(t, 5);
	assert_int_equal(sends, 3);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(t[i].bytes, 3u << 20);
		assert_int_equal(t[i].shared, t[i].parent == 1);
		assert_int_equal(t[i].result, 0);
	}
}

/* The kernel's failure is everybody's; who left before has its own reason. */
static void test_gather_fails(void **state)
{
	struct target t[3] = { { .parent = 1 }, { .parent = 1, .most = 1000 }, { .parent = 1 } };

	send_result = -EIO;
	targets_run(t, 3);
	assert_int_equal(sends, 1);
	assert_int_equal(t[0].result, -EIO);
	assert_int_equal(t[1].result, -EPIPE);
	assert_int_equal(t[2].result, -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_get_all), cmocka_unit_test(test_slow),
		cmocka_unit_test(test_one_closes),  cmocka_unit_test(test_one_hangs),
		cmocka_unit_test(test_alone),	    cmocka_unit_test(test_all_leave),
		cmocka_unit_test(test_gather),	    cmocka_unit_test(test_gather_fails),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
