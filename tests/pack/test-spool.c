// SPDX-License-Identifier: GPL-2.0-or-later
/* All of the stream to each reader, whatever its pace; and what becomes of those who do not read.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "deliver/spool.h"

#define CHUNK (1u << 20)

struct fixture {
	struct spool *spool;
	int fd; /* the spool's own */
};

static uint8_t chunk[CHUNK];

static void begin(struct fixture *f, uint64_t limit, double patience, unsigned int readers)
{
	f->fd = dup(STDERR_FILENO); /* the next one that is free is the spool's */
	close(f->fd);
	assert_int_equal(spool_new(NULL, limit, patience, readers, &f->spool), 0);
}

static uint64_t allocated(const struct fixture *f)
{
	struct stat st;

	assert_int_equal(fstat(f->fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static uint8_t byte_at(uint64_t position)
{
	return (uint8_t)(position * 2654435761u >> 13);
}

struct reading {
	struct spool *spool;
	unsigned int reader;
	size_t most;
	useconds_t pause;
	uint64_t got;
	bool right;
};

static void *read_all(void *arg)
{
	struct reading *r = arg;
	uint8_t *buffer = malloc(r->most);
	ssize_t n;

	r->right = true;
	while ((n = spool_read(r->spool, r->reader, buffer, r->most)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			r->right &= buffer[i] == byte_at(r->got + (uint64_t)i);
		r->got += (uint64_t)n;
		usleep(r->pause);
	}
	free(buffer);
	return NULL;
}

static void everybody_gets_everything(void **state)
{
	enum { READERS = 3, CHUNKS = 32 };
	struct reading r[READERS];
	pthread_t threads[READERS];
	struct fixture f;
	uint64_t most = 0;

	begin(&f, SPOOL_LIMIT_LEAST, 60, READERS);
	for (unsigned int i = 0; i < READERS; i++) {
		r[i] = (struct reading){ f.spool, i, 300000 / (i + 1) + i, i * 2000 };
		assert_int_equal(pthread_create(&threads[i], NULL, read_all, &r[i]), 0);
	}
	for (uint64_t k = 0; k < CHUNKS; k++) {
		size_t head = 1 + k * 1000;
		int e;

		for (size_t i = 0; i < CHUNK; i++)
			chunk[i] = byte_at(k * CHUNK + i);
		while ((e = spool_write(f.spool, chunk, head, chunk + head, CHUNK - head)) ==
		       -EAGAIN)
			;
		assert_int_equal(e, 0);
		most = allocated(&f) > most ? allocated(&f) : most;
	}
	spool_end(f.spool);
	for (unsigned int i = 0; i < READERS; i++) {
		pthread_join(threads[i], NULL);
		assert_true(r[i].right);
		assert_int_equal(r[i].got, (uint64_t)CHUNKS * CHUNK);
	}
	assert_true(most <= SPOOL_LIMIT_LEAST);
	spool_free(f.spool);
}

static void a_full_spool_takes_no_more(void **state)
{
	struct fixture f;
	uint8_t byte;

	begin(&f, SPOOL_LIMIT_LEAST, 60, 1);
	for (unsigned int i = 0; i < SPOOL_LIMIT_LEAST / 2 / CHUNK; i++)
		assert_int_equal(spool_write(f.spool, chunk, CHUNK, NULL, 0), 0);
	assert_int_equal(spool_write(f.spool, chunk, 1, NULL, 0), -EAGAIN);
	assert_int_equal(spool_read(f.spool, 0, &byte, 1), 1);
	assert_int_equal(spool_write(f.spool, chunk, 1, chunk, 1), -EAGAIN);
	assert_int_equal(spool_write(f.spool, chunk, 1, NULL, 0), 0);
	/* One that is alone holds nobody up: it is waited for. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(spool_write(f.spool, chunk, 1, NULL, 0), -EAGAIN);
	assert_false(*spool_dropped(f.spool, 0));
	spool_leave(f.spool, 0);
	assert_int_equal(spool_read(f.spool, 0, &byte, 1), 0);
	assert_int_equal(spool_write(f.spool, chunk, 1, NULL, 0), -EPIPE);
	spool_free(f.spool);
}

static void who_holds_up_others_is_dropped(void **state)
{
	struct fixture f;
	uint64_t left;
	uint8_t byte;
	int e, tries = 0;

	begin(&f, SPOOL_LIMIT_LEAST, 0.5, 2);
	for (left = SPOOL_LIMIT_LEAST / 2; left; left -= CHUNK)
		assert_int_equal(spool_write(f.spool, chunk, CHUNK, NULL, 0), 0);
	/* As long as nobody has read everything, nobody is held up. */
	for (int i = 0; i < 8; i++)
		assert_int_equal(spool_write(f.spool, chunk, CHUNK, NULL, 0), -EAGAIN);
	assert_false(*spool_dropped(f.spool, 0) || *spool_dropped(f.spool, 1));
	for (left = SPOOL_LIMIT_LEAST / 2; left;) /* the second one has all of it */
		left -= (uint64_t)spool_read(f.spool, 1, chunk, CHUNK);
	/* It is patient with one that takes a little now and then, */
	for (int i = 0; i < 6; i++) {
		assert_int_equal(spool_write(f.spool, chunk, CHUNK, NULL, 0), -EAGAIN);
		assert_int_equal(spool_read(f.spool, 0, &byte, 1), 1);
	}
	assert_false(*spool_dropped(f.spool, 0));
	/* and not with one that does not. */
	while ((e = spool_write(f.spool, chunk, CHUNK, NULL, 0)) == -EAGAIN)
		assert_true(++tries < 50);
	assert_int_equal(e, 0);
	assert_true(*spool_dropped(f.spool, 0));
	assert_false(*spool_dropped(f.spool, 1));
	assert_int_equal(spool_read(f.spool, 0, &byte, 1), 0);
	assert_int_equal(spool_read(f.spool, 1, chunk, CHUNK), CHUNK);
	spool_free(f.spool);
}

static void who_goes_back_finds_what_is_kept(void **state)
{
	const uint64_t all = 4 * SPOOL_LIMIT_LEAST, kept = all - SPOOL_LIMIT_LEAST / 4;
	uint8_t first[SPOOL_FIRST_BYTES];
	struct fixture f;
	uint64_t at = 0;
	ssize_t n;

	begin(&f, SPOOL_LIMIT_LEAST, 60, 1);
	assert_int_equal(spool_first(f.spool, first), 0);
	for (uint64_t k = 0; k < all / CHUNK; k++) {
		for (size_t i = 0; i < CHUNK; i++)
			chunk[i] = byte_at(k * CHUNK + i);
		assert_int_equal(spool_write(f.spool, chunk, 1000, chunk + 1000, CHUNK - 1000), 0);
		assert_int_equal(spool_read(f.spool, 0, chunk, CHUNK), CHUNK);
	}
	spool_pause(f.spool, 0);
	assert_int_equal(spool_read(f.spool, 0, chunk, 1), 0);
	/* For one that has paused, room is kept: it may want what it had. */
	assert_int_equal(spool_write(f.spool, chunk, CHUNK, chunk, CHUNK), -EAGAIN);
	assert_int_equal(spool_seek(f.spool, 0, 0), -ESTALE);
	assert_int_equal(spool_seek(f.spool, 0, all + 1), -ESTALE);
	assert_int_equal(spool_seek(f.spool, 0, kept), 0);
	spool_end(f.spool);
	for (at = kept; (n = spool_read(f.spool, 0, chunk, 12345)) > 0; at += (uint64_t)n)
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(chunk[i], byte_at(at + (uint64_t)i));
	assert_int_equal(at, all);
	assert_int_equal(spool_first(f.spool, first), SPOOL_FIRST_BYTES);
	for (size_t i = 0; i < SPOOL_FIRST_BYTES; i++)
		assert_int_equal(first[i], byte_at(i));
	spool_free(f.spool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_gets_everything),
		cmocka_unit_test(a_full_spool_takes_no_more),
		cmocka_unit_test(who_goes_back_finds_what_is_kept),
		cmocka_unit_test(who_holds_up_others_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
