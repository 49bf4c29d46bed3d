// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What clients of extentd do, in a few characteristic ways, while the disk under them is
 * recorded. One process is one client; several run side by side with disjoint versions and
 * files. Each errand is a function; the table names them.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "customer.h"
#include "dice.h"
#include "pattern.h"

#define WHOLE  ENCODED_MAX
#define BLOCK  PATTERN_BLOCK
#define INLINE 1900u /* bytes: compresses to less than max_inline (2048) */

/* Names carry the client's numbers, for clients share a directory. */
static void create(struct customer *customer, unsigned int i, struct customer_file *out)
{
	char path[128];

	snprintf(path, sizeof(path), "file-%u-%u", customer->next_file, i);
	customer_create(customer, path, out);
}

static void create_deep(struct customer *customer, unsigned int i, struct customer_file *out)
{
	char path[128];

	snprintf(path, sizeof(path), "dir-%u/deep-%u/file-%u", customer->next_file, i, i);
	customer_create(customer, path, out);
}

static uint64_t roll(struct customer *customer, uint64_t n)
{
	return dice_range(&customer->dice, 0, n);
}

static enum extent_ack any_ack(struct customer *customer)
{
	return EXTENT_ACCEPTED + roll(customer, 3);
}

/* Many small files, an extent or two each. */
static void errand_many(struct customer *customer, unsigned int amount)
{
	struct customer_file files[64];

	for (unsigned int i = 0; i < amount; i += ARRAY_SIZE(files)) {
		for (unsigned int k = 0; k < ARRAY_SIZE(files); k++) {
			create(customer, k, &files[k]);
			customer_write(customer, &files[k], 0, WHOLE, false, EXTENT_DURABLE);
			if (roll(customer, 4) == 0)
				customer_write(customer, &files[k], WHOLE, WHOLE, false,
					       EXTENT_DURABLE);
		}
		customer_drain(customer);
		for (unsigned int k = 0; k < ARRAY_SIZE(files); k++)
			customer_finish(customer, &files[k]);
	}
}

/* One file from front to back. */
static void errand_one(struct customer *customer, unsigned int amount)
{
	struct customer_file file;

	create(customer, 0, &file);
	for (unsigned int i = 0; i < amount; i++)
		customer_write(customer, &file, (uint64_t)i * WHOLE, WHOLE, false, EXTENT_DURABLE);
	customer_drain(customer);
	customer_finish(customer, &file);
}

/* Rewrites that overlap each other in all ways, many under way. */
static void errand_overlap(struct customer *customer, unsigned int amount)
{
	struct customer_file file;

	create(customer, 0, &file);
	for (unsigned int i = 0; i < 16; i++)
		customer_write(customer, &file, (uint64_t)i * WHOLE, WHOLE, false, EXTENT_DURABLE);
	for (unsigned int i = 0; i < amount; i++) {
		uint64_t first = roll(customer, 15 * 32);
		uint32_t blocks = 2 + roll(customer, 31);

		customer_write(customer, &file, first * BLOCK, blocks * BLOCK, false,
			       EXTENT_DURABLE);
	}
	customer_drain(customer);
	customer_finish(customer, &file);
}

/* Inline extents: the whole of a tiny file, some rewritten. */
static void errand_inline(struct customer *customer, unsigned int amount)
{
	struct customer_file file;

	for (unsigned int i = 0; i < amount; i++) {
		create(customer, i, &file);
		customer_write(customer, &file, 0, INLINE, false, EXTENT_DURABLE);
		if (roll(customer, 3) == 0)
			customer_write(customer, &file, 0, INLINE, false, EXTENT_DURABLE);
		if (roll(customer, 8) == 0)
			customer_drain(customer);
		customer_finish(customer, &file);
	}
	customer_drain(customer);
}

/* Compressed and plain extents in the same files, over each other too. */
static void mix(struct customer *customer, unsigned int n, unsigned int amount)
{
	struct customer_file files[8];

	for (unsigned int i = 0; i < n; i++)
		create(customer, i, &files[i]);
	for (unsigned int i = 0; i < amount; i++)
		customer_write(customer, &files[roll(customer, n)], roll(customer, 48 / n) * WHOLE,
			       WHOLE, roll(customer, 2), EXTENT_DURABLE);
	customer_drain(customer);
	for (unsigned int i = 0; i < n; i++)
		customer_finish(customer, &files[i]);
}

/* Few enough files that each is settled by itself. */
static void errand_mixed(struct customer *customer, unsigned int amount)
{
	mix(customer, 2, amount);
}

/* Enough of them for commits of the whole filesystem. */
static void errand_mixture(struct customer *customer, unsigned int amount)
{
	mix(customer, 8, amount);
}

/* The client truncates its file and punches holes in it between the writes. */
static void errand_truncate(struct customer *customer, unsigned int amount)
{
	struct customer_file file;

	create(customer, 0, &file);
	for (unsigned int i = 0; i < amount; i++) {
		uint64_t at = roll(customer, 24) * WHOLE;

		if (roll(customer, 10)) {
			customer_write(customer, &file, at, WHOLE, roll(customer, 8) == 0,
				       EXTENT_DURABLE);
			continue;
		}
		customer_drain(customer);
		marks_say(&customer->marks, "U %u %llu 1000000000000\n", file.number,
			  (unsigned long long)at);
		if (ftruncate(file.fd, at) < 0)
			customer_stop(customer, file.name);
	}
	customer_drain(customer);
	customer_finish(customer, &file);
}

/* Every level of acknowledgement, and SYNCs of a file or of all. */
static void errand_levels(struct customer *customer, unsigned int amount)
{
	struct customer_file files[8];

	for (unsigned int k = 0; k < ARRAY_SIZE(files); k++)
		create(customer, k, &files[k]);
	for (unsigned int i = 0; i < amount; i++) {
		struct customer_file *file = &files[roll(customer, ARRAY_SIZE(files))];

		customer_write(customer, file, roll(customer, 16) * WHOLE, WHOLE,
			       roll(customer, 6) == 0, any_ack(customer));
		if (roll(customer, 12) == 0)
			customer_sync(customer, roll(customer, 2) ? file : NULL);
	}
	customer_drain(customer);
	customer_sync(customer, NULL);
	for (unsigned int k = 0; k < ARRAY_SIZE(files); k++)
		customer_finish(customer, &files[k]);
}

/* Writes that nobody asks to have durable, until a file "go" is there: then all of them. */
static void errand_lazy(struct customer *customer, unsigned int amount)
{
	struct customer_file files[4];
	char go[512];

	for (unsigned int k = 0; k < ARRAY_SIZE(files); k++)
		create(customer, k, &files[k]);
	for (unsigned int i = 0; i < amount; i++)
		customer_write(customer, &files[i % ARRAY_SIZE(files)],
			       (uint64_t)(i / ARRAY_SIZE(files)) * WHOLE, WHOLE, i % 5 == 0,
			       1 + i % EXTENT_WRITTEN);
	customer_drain(customer);
	customer_finish(customer, &files[0]); /* what was written to it may still be lost */
	snprintf(go, sizeof(go), "%s/go", customer->dir);
	for (unsigned int i = 0; i < 600 && access(go, F_OK) < 0; i++)
		usleep(100000);
	customer_sync(customer, NULL);
	for (unsigned int k = 1; k < ARRAY_SIZE(files); k++)
		customer_finish(customer, &files[k]);
}

/* Files in new directories; renamed before some of the writes and after others. */
static void errand_names(struct customer *customer, unsigned int amount)
{
	struct customer_file file;

	for (unsigned int i = 0; i < amount; i++) {
		char from[512], to[512], name[128];

		create_deep(customer, i, &file);
		customer_write(customer, &file, 0, WHOLE, false, EXTENT_DURABLE);
		if (roll(customer, 2))
			customer_drain(customer);
		if (roll(customer, 2)) {
			snprintf(name, sizeof(name), "%.100s-renamed", file.name);
			snprintf(from, sizeof(from), "%s/%s", customer->dir, file.name);
			snprintf(to, sizeof(to), "%s/%s", customer->dir, name);
			marks_say(&customer->marks, "R %u %s\n", file.number, name);
			if (rename(from, to) < 0)
				customer_stop(customer, from);
			marks_say(&customer->marks, "N %u %s\n", file.number, name);
			customer_write(customer, &file, WHOLE, WHOLE, false, EXTENT_DURABLE);
		}
		if (roll(customer, 4) == 0)
			customer_drain(customer);
		customer_finish(customer, &file);
	}
	customer_drain(customer);
}

#define ERRANDS(X)                                                                                 \
	X(many)                                                                                    \
	X(one) X(overlap) X(inline) X(mixed) X(mixture) X(truncate) X(levels) X(lazy) X(names)

static const struct errand {
	const char *name;
	void (*run)(struct customer *customer, unsigned int amount);
} errands[] = {
#define ENTRY(name) { #name, errand_##name },
	ERRANDS(ENTRY)
#undef ENTRY
};

static unsigned int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static int usage(const char *name)
{
	fprintf(stderr,
		"usage: %s --socket=PATH --dir=DIR --marks=FILE --errand=NAME [--amount=N]\n"
		"	[--seed=N] [--client=N] [--aborts]\nerrands:",
		name);
	for (size_t i = 0; i < ARRAY_SIZE(errands); i++)
		fprintf(stderr, " %s", errands[i].name);
	fprintf(stderr, "\n");
	return 2;
}

/* Client N uses versions and file numbers from N times these. */
#define VERSIONS_EACH 65536u
#define FILES_EACH    8192u

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", 1, NULL, 's' }, { "dir", 1, NULL, 'd' },	{ "marks", 1, NULL, 'm' },
		{ "errand", 1, NULL, 'e' }, { "amount", 1, NULL, 'a' }, { "seed", 1, NULL, 'r' },
		{ "client", 1, NULL, 'c' }, { "aborts", 0, NULL, 'b' }, { 0 }
	};
	const char *socket = NULL, *dir = NULL, *marks = NULL, *name = "";
	unsigned int amount = 100, client = 0;
	static struct customer customer;
	unsigned int before = descriptors(), after;
	uint64_t seed = 1;
	bool aborts = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			socket = optarg;
			break;
		case 'd':
			dir = optarg;
			break;
		case 'm':
			marks = optarg;
			break;
		case 'e':
			name = optarg;
			break;
		case 'a':
			amount = strtoul(optarg, NULL, 0);
			break;
		case 'r':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'b':
			aborts = true;
			break;
		case 'c':
			client = strtoul(optarg, NULL, 0);
			break;
		default:
			return usage(argv[0]);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(errands) && socket && dir; i++) {
		if (strcmp(errands[i].name, name))
			continue;
		customer_open(&customer, socket, dir, marks, seed + 1000003 * client,
			      1 + client * VERSIONS_EACH, client * FILES_EACH);
		customer.aborts = aborts;
		errands[i].run(&customer, amount);
		customer_close(&customer);
		after = descriptors();
		if (after != before)
			errx(1, "the library left %u descriptors open", after - before);
		printf("errand=%s client=%u acknowledged=%lu failed=%lu lost=%lu broken=%lu\n",
		       name, client, customer.acknowledged, customer.failed, customer.lost,
		       customer.session_number);
		return 0;
	}
	return usage(argv[0]);
}
