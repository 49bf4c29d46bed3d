// SPDX-License-Identifier: GPL-2.0-or-later
/* Histories made by hand, and what a cut must make of them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cutimage.h"
#include "ledger.h"

#define DISK   (64 * CUT_SECTOR)
#define BLOCKS 8 /* sectors of one write */

struct bench {
	char dir[64], history_path[96], cut_path[96];
	struct history history;
};

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	strcpy(bench->dir, "/tmp/cutimage-XXXXXX");
	assert_non_null(mkdtemp(bench->dir));
	snprintf(bench->history_path, sizeof(bench->history_path), "%s/history", bench->dir);
	snprintf(bench->cut_path, sizeof(bench->cut_path), "%s/cut", bench->dir);
	assert_int_equal(history_create(bench->history_path, &bench->history), 0);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	history_close(&bench->history);
	unlink(bench->history_path);
	unlink(bench->cut_path);
	rmdir(bench->dir);
	free(bench);
	return 0;
}

/* A write of BLOCKS sectors full of @letter at sector @at; its id. */
static uint64_t put(struct bench *bench, unsigned int at, char letter)
{
	static char data[BLOCKS * CUT_SECTOR];
	struct history_record record = { .type = HISTORY_WRITE,
					 .kind = KIND_DATA,
					 .offset = (uint64_t)at * CUT_SECTOR,
					 .length = sizeof(data) };

	memset(data, letter, sizeof(data));
	assert_int_equal(history_append(&bench->history, &record, data, NULL), 0);
	return record.id;
}

static uint64_t flush(struct bench *bench, unsigned int flags)
{
	struct history_record record = { .type = HISTORY_FLUSH,
					 .kind = KIND_FLUSH,
					 .flags = flags };

	assert_int_equal(history_append(&bench->history, &record, NULL, NULL), 0);
	return record.id;
}

static void done(struct bench *bench, uint64_t id, int error)
{
	struct history_record record = { .type = HISTORY_DONE, .id = id, .error = error };

	assert_int_equal(history_append(&bench->history, &record, NULL, NULL), 0);
}

/* Cuts at the end of the history so far; @found gets the first byte of each sector. */
static void cut(struct bench *bench, enum cut_mode mode, uint64_t seed, char found[64])
{
	static char disk[DISK];
	struct cutter cutter;
	int image, fd, error;

	image = open(bench->dir, O_TMPFILE | O_RDWR, 0600);
	assert_true(image >= 0);
	assert_int_equal(ftruncate(image, DISK), 0);
	cutter_init(&bench->history, image, &cutter);
	while (cutter_step(&cutter, &error))
		assert_int_equal(error, 0);
	assert_int_equal(cutter_cut(&cutter, mode, seed, bench->cut_path), 0);
	cutter_deinit(&cutter);
	close(image);
	fd = open(bench->cut_path, O_RDONLY);
	assert_int_equal(read(fd, disk, DISK), DISK);
	close(fd);
	for (int i = 0; i < 64; i++) {
		found[i] = disk[i * CUT_SECTOR] ? disk[i * CUT_SECTOR] : '.';
		/* A sector is whole, in whatever state. */
		for (unsigned int k = 1; k < CUT_SECTOR; k++)
			assert_int_equal(disk[i * CUT_SECTOR + k], disk[i * CUT_SECTOR]);
	}
}

static void test_a_flush_covers_what_was_answered_before_it_arrived(void **state)
{
	struct bench *bench = *state;
	char found[64];
	uint64_t a = put(bench, 0, 'a'), b = put(bench, 8, 'b'), f;

	done(bench, a, 0);
	f = flush(bench, 0);
	done(bench, b, 0);
	done(bench, f, 0);
	cut(bench, CUT_drop, 1, found);
	assert_memory_equal(found, "aaaaaaaa........", 16);
	cut(bench, CUT_keep, 1, found);
	assert_memory_equal(found, "aaaaaaaabbbbbbbb", 16);
}

static void test_a_flush_without_an_answer_covers_nothing(void **state)
{
	struct bench *bench = *state;
	char found[64];
	uint64_t a = put(bench, 0, 'a');

	done(bench, a, 0);
	flush(bench, 0);
	cut(bench, CUT_drop, 1, found);
	assert_memory_equal(found, "........", 8);
}

static void test_lying_and_failed_flushes_cover_nothing(void **state)
{
	struct bench *bench = *state;
	char found[64];
	uint64_t a = put(bench, 0, 'a');

	done(bench, a, 0);
	done(bench, flush(bench, HISTORY_LIE), 0);
	done(bench, flush(bench, 0), -EIO);
	cut(bench, CUT_drop, 1, found);
	assert_memory_equal(found, "........", 8);
}

static void test_a_refused_write_never_lands(void **state)
{
	struct bench *bench = *state;
	char found[64];
	uint64_t a = put(bench, 0, 'a');

	done(bench, a, -EIO);
	done(bench, flush(bench, 0), 0);
	cut(bench, CUT_keep, 1, found);
	assert_memory_equal(found, "........", 8);
}

static void test_overlaps_land_in_the_order_of_answers(void **state)
{
	struct bench *bench = *state;
	char found[64];
	uint64_t a = put(bench, 0, 'a'), b = put(bench, 4, 'b');

	done(bench, b, 0);
	done(bench, a, 0);
	cut(bench, CUT_keep, 1, found);
	assert_memory_equal(found, "aaaaaaaabbbb....", 16);
	done(bench, flush(bench, 0), 0);
	cut(bench, CUT_drop, 1, found);
	assert_memory_equal(found, "aaaaaaaabbbb....", 16);
}

static void test_a_discard_is_a_write_of_zeros(void **state)
{
	struct bench *bench = *state;
	struct history_record record = { .type = HISTORY_DISCARD, .length = 2 * CUT_SECTOR };
	char found[64];

	done(bench, put(bench, 0, 'a'), 0);
	done(bench, flush(bench, 0), 0);
	assert_int_equal(history_append(&bench->history, &record, NULL, NULL), 0);
	done(bench, record.id, 0);
	cut(bench, CUT_drop, 1, found);
	assert_memory_equal(found, "aaaaaaaa", 8);
	cut(bench, CUT_keep, 1, found);
	assert_memory_equal(found, "..aaaaaa", 8);
}

/* Over many seeds each mode must show what it is for, and never touch what is durable. */
static void test_modes_show_what_they_are_for(void **state)
{
	struct bench *bench = *state;
	unsigned int some = 0, flying = 0, older = 0, torn = 0;
	char found[64];
	uint64_t a;

	done(bench, put(bench, 0, 'd'), 0);
	done(bench, flush(bench, 0), 0);
	done(bench, put(bench, 8, 'x'), 0);
	a = put(bench, 16, 'a');
	done(bench, a, 0);
	done(bench, put(bench, 16, 'b'), 0);
	put(bench, 24, 'f');
	for (uint64_t seed = 1; seed <= 200; seed++) {
		cut(bench, CUT_random, seed, found);
		assert_memory_equal(found, "dddddddd", 8);
		some += found[8] == 'x' && found[16] == '.';
		flying += found[24] == 'f';
		assert_true(found[24] == found[31]);
		cut(bench, CUT_reorder, seed, found);
		older += found[16] == 'a' && found[8] == 'x';
		cut(bench, CUT_torn, seed, found);
		assert_memory_equal(found, "dddddddd", 8);
		torn += memcmp(found + 24, "ffffffff", 8) && memcmp(found + 24, "........", 8);
	}
	assert_true(some > 5 && flying > 20 && older > 5 && torn > 20);
}

static void test_a_seed_repeats_its_cut(void **state)
{
	struct bench *bench = *state;
	char one[64], two[64];

	for (unsigned int i = 0; i < 8; i++)
		done(bench, put(bench, 8 * i, 'a' + i), 0);
	cut(bench, CUT_torn, 7, one);
	cut(bench, CUT_torn, 7, two);
	assert_memory_equal(one, two, 64);
}

static void say(struct ledger *ledger, const char *text)
{
	assert_int_equal(ledger_take(ledger, text, strlen(text)), 0);
}

static void test_the_ledger_allows_the_acknowledged_or_later(void **state)
{
	struct ledger ledger;

	assert_int_equal(ledger_init(&ledger), 0);
	say(&ledger, "F 0 name\nI 1 0 0 8192\nI 2 0 0 4096\n");
	assert_true(ledger_allows(&ledger, 0, 0, 1));
	assert_true(ledger.files[0].blocks[0].loose);
	say(&ledger, "A 2\n");
	assert_false(ledger_allows(&ledger, 0, 0, 1));
	assert_true(ledger_allows(&ledger, 0, 0, 2));
	assert_true(ledger_allows(&ledger, 0, 1, 1));
	say(&ledger, "A 1\n");
	assert_true(ledger_allows(&ledger, 0, 0, 2)); /* 1 was asked for before 2 */
	assert_false(ledger.files[0].blocks[1].loose);
	say(&ledger, "I 3 0 0 4096\nE 3\n");
	assert_true(ledger.files[0].blocks[0].loose);
	assert_true(ledger_allows(&ledger, 0, 0, 2) && ledger_allows(&ledger, 0, 0, 3));
	say(&ledger, "I 4 0 4096 4096\nA 4\nU 0 4096 18446744073709551615\n");
	assert_true(ledger.files[0].blocks[1].loose);
	ledger_deinit(&ledger);
}

static void test_the_ledger_pins_names(void **state)
{
	struct ledger ledger;

	assert_int_equal(ledger_init(&ledger), 0);
	say(&ledger, "F 0 old\nI 1 0 0 4096\nA 1\nR 0 new\n");
	assert_int_equal(ledger.files[0].n_names, 2);
	say(&ledger, "I 2 0 4096 4096\nN 0 new\nA 2\nI 3 0 8192 4096\n");
	assert_int_equal(ledger.files[0].n_names, 2);
	say(&ledger, "A 3\n");
	assert_int_equal(ledger.files[0].n_names, 1);
	assert_string_equal(ledger.files[0].names[0], "new");
	assert_true(ledger_take(&ledger, "A 2\n", 4) < 0);
	assert_true(ledger_take(&ledger, "Z\n", 2) < 0);
	ledger_deinit(&ledger);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_flush_covers_what_was_answered_before_it_arrived),
		T(test_a_flush_without_an_answer_covers_nothing),
		T(test_lying_and_failed_flushes_cover_nothing),
		T(test_a_refused_write_never_lands),
		T(test_overlaps_land_in_the_order_of_answers),
		T(test_a_discard_is_a_write_of_zeros),
		T(test_modes_show_what_they_are_for),
		T(test_a_seed_repeats_its_cut),
		cmocka_unit_test(test_the_ledger_allows_the_acknowledged_or_later),
		cmocka_unit_test(test_the_ledger_pins_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
