// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is there in part: found where it lies, and the stream without it, byte for byte. And the
 * bandwidth that streams share.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "../stream/craft.h"
#include "base/cleanup.h"
#include "receive/journal.h"
#include "replicate/parts.h"
#include "stream/throttle.h"

#define WRITES	   200
#define WRITE_SIZE 30001

static struct craft stream;
static struct part at[WRITES + 2]; /* where each command ends, as the receiver has it */
static size_t commands;

static int stream_make(void **state)
{
	static uint8_t data[WRITE_SIZE];
	struct block_source *pool;
	struct stream_command c;
	struct stream *s;
	uint64_t digest = 0, offset = 0;

	craft_new(&stream);
	craft_header(&stream, 2);
	craft(&stream, STREAM_C_SUBVOL, "pU", "it", craft_uuid, UINT64_C(9));
	for (unsigned int i = 0; i < WRITES; i++) {
		memset(data, (int)i, sizeof(data));
		craft(&stream, STREAM_C_WRITE, "pod", "file", (uint64_t)i * WRITE_SIZE, data,
		      sizeof(data));
	}
	craft(&stream, STREAM_C_END, "");
	if (block_pool_new(BLOCK_SIZE_MIN, 4, &pool) || stream_new(craft_read, &stream, pool, &s))
		return -1;
	while (stream_next(s, &c) == 0) {
		offset += c.length;
		digest = journal_digest(digest, &c);
		at[commands++] = (struct part){ .offset = offset, .digest = digest };
	}
	stream_free(s);
	block_pool_free(pool);
	return commands == WRITES + 2 ? 0 : -1;
}

static int stream_unmake(void **state)
{
	craft_free(&stream);
	return 0;
}

struct writer {
	pthread_t thread;
	int to;
	size_t size;
};

static void *write_all(void *arg)
{
	struct writer *w = arg;

	for (size_t done = 0; done < w->size;) {
		ssize_t n = write(w->to, stream.data + done, w->size - done);

		if (n < 0)
			break;
		done += (size_t)n;
	}
	close(w->to);
	return NULL;
}

/* part_skip() in a stream that is cut off at size; what it gives and what is left, joined. */
static int skip_part(const struct part *part, size_t size, uint8_t **out, size_t *got)
{
	struct writer w = { .size = size };
	uint8_t *first = NULL, *all = malloc(CRAFT_SIZE + (1u << 20));
	size_t n = 0;
	ssize_t k;
	int ends[2], r;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	w.to = ends[1];
	assert_int_equal(pthread_create(&w.thread, NULL, write_all, &w), 0);
	r = part_skip(part, ends[0], &first, &n);
	if (!r) {
		memcpy(all, first, n);
		free(first);
	}
	while ((k = read(ends[0], all + n, CRAFT_SIZE - n)) > 0)
		n += r ? 0 : (size_t)k;
	pthread_join(w.thread, NULL);
	close(ends[0]);
	*got = n;
	*out = all;
	return r;
}

/* Header and first command, and then what lies behind the part: nothing else, nothing less. */
static void test_skip(void **state)
{
	size_t first = STREAM_HEADER_SIZE + at[0].offset, n;
	uint8_t *out;

	for (size_t i = 0; i < commands; i = i < 3 || i > commands - 4 ? i + 1 : i + 37) {
		size_t from = STREAM_HEADER_SIZE + at[i].offset;

		assert_int_equal(skip_part(&at[i], stream.size, &out, &n), 0);
		assert_int_equal(n, first + stream.size - from);
		assert_memory_equal(out, stream.data, first);
		assert_memory_equal(out + first, stream.data + from, stream.size - from);
		free(out);
	}
}

/* Another digest, a place inside a command, a stream that is shorter, and what is none. */
static void test_skip_foreign(void **state)
{
	struct part p = at[20];
	uint8_t *out;
	size_t n;

	p.digest ^= 1;
	assert_int_equal(skip_part(&p, stream.size, &out, &n), -ESTALE);
	free(out);
	p = at[20];
	p.offset--;
	assert_int_equal(skip_part(&p, stream.size, &out, &n), -ESTALE);
	free(out);
	p.offset = UINT64_MAX;
	assert_int_equal(skip_part(&p, stream.size, &out, &n), -ESTALE);
	free(out);
	for (size_t size = 0; size < STREAM_HEADER_SIZE + at[0].offset; size += 7) {
		assert_int_equal(skip_part(&at[20], size, &out, &n), -ESTALE);
		free(out);
	}
	assert_int_equal(skip_part(&at[20], STREAM_HEADER_SIZE + at[20].offset - 1, &out, &n),
			 -ESTALE);
	free(out);
	stream.data[STREAM_HEADER_SIZE + 2] ^= 0xff; /* a first command of megabytes */
	assert_int_equal(skip_part(&at[20], stream.size, &out, &n), -ESTALE);
	stream.data[STREAM_HEADER_SIZE + 2] ^= 0xff;
	free(out);
}

static char top[] = "/tmp/extentd-parts-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static void partial(int dir, const char *name, const struct journal *j)
{
	_cleanup_(closep) int fd = -1;

	assert_int_equal(mkdirat(dir, name, 0700), 0);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(journal_store(fd, j), 0);
}

/* Those that can be gone on with, those that begin anew, and none that is damaged or not ours. */
static void test_take(void **state)
{
	struct journal j = { .stream_transid = 9 };
	_cleanup_(closep) int dir = -1, damaged = -1;
	struct part *parts, *back;
	size_t n, m;
	json_t *json;

	assert_non_null(mkdtemp(top));
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(parts_take(dir, &parts, &n), 0);
	assert_int_equal(n, 0);
	free(parts);

	memset(j.stream_uuid, 'b', 16);
	partial(dir, ".begun.partial", &j);
	memset(j.stream_uuid, 'c', 16);
	memset(j.checkpoint, 'x', 16);
	j.offset = 1000;
	j.digest = 77;
	partial(dir, ".checkpointed.partial", &j);
	partial(dir, "visible.partial", &j);
	partial(dir, ".other", &j);
	partial(dir, ".damaged.partial", &j);
	damaged = openat(dir, ".damaged.partial/" JOURNAL_NAME, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(damaged, "?", 1, 40), 1);
	assert_int_equal(mkdirat(dir, ".empty.partial", 0700), 0);
	assert_int_equal(symlinkat(".checkpointed.partial", dir, ".link.partial"), 0);
	assert_int_equal(mknodat(dir, ".file.partial", S_IFREG | 0600, 0), 0);

	assert_int_equal(parts_take(dir, &parts, &n), 0);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		bool has = parts[i].stream[0] == 'c';

		assert_true(has || parts[i].stream[0] == 'b');
		assert_int_equal(parts[i].transid, 9);
		assert_int_equal(parts[i].offset, has ? 1000 : 0);
		assert_int_equal(parts[i].digest, has ? 77 : 0);
	}
	json = parts_to_json(parts, n);
	assert_int_equal(parts_from_json(json, &back, &m), 0);
	assert_int_equal(m, n);
	assert_memory_equal(back, parts, n * sizeof(*parts));
	json_decref(json);
	free(back);
	free(parts);
}

static int remove_top(void **state)
{
	return nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct sharer {
	pthread_t thread;
	struct throttle *t;
	double until;
	size_t sent;
};

static void *share(void *arg)
{
	struct sharer *s = arg;

	while (now() < s->until) {
		size_t n = throttle_allows(s->t, 50000);

		if (n) {
			throttle_used(s->t, n);
			s->sent += n;
		} else {
			unsigned int ms = throttle_pause_ms(s->t);
			const struct timespec pause = { .tv_nsec = 1000000L * ms };

			nanosleep(&pause, NULL);
		}
	}
	return NULL;
}

/* Several together get the rate, and not each of them; a late one no more than the burst. */
static void test_throttle(void **state)
{
	const size_t rate = 4000000;
	struct sharer s[3];
	struct throttle t;
	double begin = now(), seconds;
	size_t sum = 0;

	throttle_init(&t, rate);
	for (int i = 0; i < 3; i++) {
		s[i] = (struct sharer){ .t = &t, .until = begin + 0.5 };
		assert_int_equal(pthread_create(&s[i].thread, NULL, share, &s[i]), 0);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(s[i].thread, NULL);
		sum += s[i].sent;
	}
	seconds = now() - begin;
	assert_true((double)sum <= (double)rate * (seconds + 0.1) + 3 * 50000);
	assert_true((double)sum >= (double)rate * 0.1); /* on however busy a machine */

	throttle_used(&t, rate); /* more than there was: it is paid back */
	assert_int_equal(throttle_allows(&t, 1), 0);
	assert_in_range(throttle_pause_ms(&t), 700, 1100);
	nanosleep(&(struct timespec){ .tv_sec = 1, .tv_nsec = 300000000 }, NULL);
	assert_in_range(throttle_allows(&t, SIZE_MAX), 1, rate / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_skip_foreign),
		cmocka_unit_test_setup_teardown(test_take, NULL, remove_top),
		cmocka_unit_test(test_throttle),
	};

	return cmocka_run_group_tests(tests, stream_make, stream_unmake);
}
