// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes encoded extents straight to a btrfs, in one of the orders of settle.h or the naive one,
 * and marks what it holds for durable. No daemon: this is where the orders themselves are
 * compared, and where the control comes from.
 *
 * The extents are numbered through: file after file, offset after offset, pass after pass
 * (a pass rewrites all). Payloads are made before the clock starts.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "marks.h"
#include "naive.h"
#include "settle.h"

#define MAX_JOBS 32

struct plan {
	const char *dir, *order;
	unsigned int files, extents, passes; /* extents of one file */
	unsigned int batch, jobs, size;
	uint32_t first_version;
	bool shared_name;
};

struct writer {
	struct plan plan;
	const struct settle_order *order; /* NULL: naive */
	struct marks marks;
	struct encoded *extents;
	unsigned int n, pass;
	int *fds;
	_Atomic unsigned int acknowledged, refused;
};

struct job {
	struct writer *writer;
	unsigned int number;
	pthread_t thread;
	int r;
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void verdict(void *context, struct encoded *extent)
{
	struct writer *writer = context;

	marks_say(&writer->marks, "%c %u\n", extent->result ? 'E' : 'A', extent->version);
	if (extent->result)
		writer->refused++;
	else
		writer->acknowledged++;
}

static void announce(const struct writer *writer, const struct encoded *extents, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		marks_say(&writer->marks, "I %u %u %llu %u\n", extents[i].version, extents[i].file,
			  (unsigned long long)extents[i].offset, extents[i].length);
}

static int write_batch(struct writer *writer, struct encoded *extents, unsigned int n)
{
	int r = 0;

	announce(writer, extents, n);
	if (!writer->order)
		return naive_write(extents, n, verdict, writer);
	if (writer->pass)
		r = settle_prepare(extents, n);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < n; i++)
		encoded_write(&extents[i]);
	writer->order->settle(extents, n);
	for (unsigned int i = 0; i < n; i++)
		verdict(writer, &extents[i]);
	return 0;
}

static void *job_run(void *arg)
{
	struct job *job = arg;
	const struct plan *plan = &job->writer->plan;
	unsigned int n = job->writer->n;

	for (unsigned int at = job->number * plan->batch; at < n && !job->r;
	     at += plan->jobs * plan->batch)
		job->r = write_batch(job->writer, job->writer->extents + at,
				     n - at < plan->batch ? n - at : plan->batch);
	return NULL;
}

static int run_pass(struct writer *writer, double *elapsed)
{
	struct job jobs[MAX_JOBS] = { 0 };
	double start;
	int r = 0;

	for (unsigned int i = 0; i < writer->n; i++) {
		struct encoded *extent = &writer->extents[i];

		extent->file = i / writer->plan.extents;
		extent->fd = writer->fds[extent->file];
		extent->version = writer->plan.first_version + writer->pass * writer->n + i;
		extent->offset = (uint64_t)(i % writer->plan.extents) * writer->plan.size;
		extent->length = writer->plan.size;
		r = encoded_prepare(extent);
		if (r < 0)
			return r;
	}
	start = seconds();
	for (unsigned int i = 0; i < writer->plan.jobs; i++) {
		jobs[i].writer = writer;
		jobs[i].number = i;
		if (pthread_create(&jobs[i].thread, NULL, job_run, &jobs[i]))
			return -EAGAIN;
	}
	for (unsigned int i = 0; i < writer->plan.jobs; i++) {
		pthread_join(jobs[i].thread, NULL);
		if (jobs[i].r < 0)
			r = jobs[i].r;
	}
	*elapsed += seconds() - start;
	return r;
}

static int open_files(struct writer *writer)
{
	char path[4096];

	for (unsigned int i = 0; i < writer->plan.files; i++) {
		snprintf(path, sizeof(path), "%s/%s-%u", writer->plan.dir, writer->plan.order, i);
		writer->fds[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		if (writer->fds[i] < 0)
			return -errno;
		marks_say(&writer->marks, "F %u %s-%u\n", i, writer->plan.order, i);
	}
	return 0;
}

static int usage(const char *name)
{
	fprintf(stderr,
		"usage: %s --dir=DIR --order=naive|fallocate|fiemap|syncfs|nowait|fsync\n"
		"	[--marks=FILE] [--files=N] [--extents=N] [--passes=N] [--batch=N]\n"
		"	[--jobs=N] [--size=BYTES] [--first-version=N]\n",
		name);
	return 2;
}

static int parse(int argc, char **argv, struct plan *plan, const char **marks)
{
	static const struct option options[] = { { "dir", 1, NULL, 'd' },
						 { "order", 1, NULL, 'o' },
						 { "marks", 1, NULL, 'm' },
						 { "files", 1, NULL, 'f' },
						 { "extents", 1, NULL, 'e' },
						 { "passes", 1, NULL, 'p' },
						 { "batch", 1, NULL, 'b' },
						 { "jobs", 1, NULL, 'j' },
						 { "size", 1, NULL, 's' },
						 { "first-version", 1, NULL, 'v' },
						 { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned int number = optarg ? strtoul(optarg, NULL, 0) : 0;

		switch (c) {
		case 'd':
			plan->dir = optarg;
			break;
		case 'o':
			plan->order = optarg;
			break;
		case 'm':
			*marks = optarg;
			break;
		case 'f':
			plan->files = number;
			break;
		case 'e':
			plan->extents = number;
			break;
		case 'p':
			plan->passes = number;
			break;
		case 'b':
			plan->batch = number;
			break;
		case 'j':
			plan->jobs = number;
			break;
		case 's':
			plan->size = number;
			break;
		case 'v':
			plan->first_version = number;
			break;
		default:
			return -EINVAL;
		}
	}
	if (!plan->dir || !plan->order || !plan->files || !plan->extents || !plan->batch ||
	    !plan->jobs || plan->jobs > MAX_JOBS || !plan->size || plan->size > ENCODED_MAX)
		return -EINVAL;
	return 0;
}

int main(int argc, char **argv)
{
	struct writer writer = { .plan = { .files = 1,
					   .extents = 200,
					   .passes = 1,
					   .batch = 32,
					   .jobs = 1,
					   .size = ENCODED_MAX,
					   .first_version = 1 } };
	const char *marks = NULL;
	double elapsed = 0;
	int r;

	if (parse(argc, argv, &writer.plan, &marks) < 0)
		return usage(argv[0]);
	writer.order = settle_order_find(writer.plan.order);
	if (!writer.order && strcmp(writer.plan.order, "naive"))
		return usage(argv[0]);
	writer.n = writer.plan.files * writer.plan.extents;
	writer.extents = calloc(writer.n, sizeof(*writer.extents));
	writer.fds = calloc(writer.plan.files, sizeof(*writer.fds));
	if (!writer.extents || !writer.fds)
		return 1;
	writer.marks = marks_open(marks);
	r = open_files(&writer);
	for (; !r && writer.pass < writer.plan.passes; writer.pass++)
		r = run_pass(&writer, &elapsed);
	if (r < 0) {
		fprintf(stderr, "writer: %s: order %s failed: %s\n", writer.plan.dir,
			writer.plan.order, strerror(-r));
		return 1;
	}
	printf("order=%s batch=%u jobs=%u files=%u extents=%u us_per_extent=%.1f acknowledged=%u "
	       "refused=%u fallbacks=%lu\n",
	       writer.plan.order, writer.plan.batch, writer.plan.jobs, writer.plan.files,
	       writer.n * writer.plan.passes, elapsed * 1e6 / (writer.n * writer.plan.passes),
	       writer.acknowledged, writer.refused, settle_fallbacks);
	for (unsigned int i = 0; i < writer.n; i++)
		encoded_release(&writer.extents[i]);
	return 0;
}
