// SPDX-License-Identifier: GPL-2.0-or-later

/* How many extents a user may have handed over, when he is alone and when he is not. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/extent.h"
#include "store/file.h"
#include "store/filesystem.h"
#include "store/turn.h"
#include "store/user.h"

#define MANY (TURN_EXTENTS + 1)

static struct filesystem fs, elsewhere;
static struct user users[2];

static int begin(void **state)
{
	fs = elsewhere = (struct filesystem){ 0 };
	TAILQ_INIT(&fs.turns);
	TAILQ_INIT(&elsewhere.turns);
	return 0;
}

static void start(struct extent *e, struct file *file)
{
	*e = (struct extent){ .file = file };
	turn_begin(e);
}

static void a_user_alone_has_no_limit(void **state)
{
	struct file file = { .turn = turn_get(&fs, &users[0]) };
	struct extent e[MANY];

	for (int i = 0; i < MANY; i++) {
		start(&e[i], &file);
		assert_true(turn_left(&e[i]));
		turn_take(&e[i]);
	}
	for (int i = 0; i < MANY; i++)
		turn_end(&e[i]);
	assert_int_equal(fs.writers, 0);
	turn_unref(file.turn);
	assert_true(TAILQ_EMPTY(&fs.turns));
}

static void two_take_turns(void **state)
{
	struct file file = { .turn = turn_get(&fs, &users[0]) };
	struct file again = { .turn = turn_get(&fs, &users[0]) }; /* one turn for all his files */
	struct file other = { .turn = turn_get(&fs, &users[1]) };
	struct extent e[MANY], his;

	start(&his, &other);
	for (int i = 0; i < MANY; i++)
		start(&e[i], i % 2 ? &file : &again);
	for (int i = 0; i < TURN_EXTENTS; i++) {
		assert_true(turn_left(&e[i]));
		turn_take(&e[i]);
	}
	assert_false(turn_left(&e[TURN_EXTENTS]));
	assert_true(turn_left(&his));

	turn_take(&e[0]); /* tried again: it counts once, and does not wait for itself */
	assert_true(turn_left(&e[0]));
	assert_false(turn_left(&e[TURN_EXTENTS]));
	turn_end(&e[0]);
	assert_true(turn_left(&e[TURN_EXTENTS]));

	/* It goes on for a while: the other one comes back for the next. */
	turn_take(&e[TURN_EXTENTS]);
	turn_end(&his);
	start(&e[0], &file);
	assert_false(turn_left(&e[0]));
	fs.turns_until -= TURN_SECONDS + 1;
	assert_true(turn_left(&e[0]));

	turn_unref(file.turn);
	turn_unref(again.turn);
	turn_unref(other.turn);
	assert_true(TAILQ_EMPTY(&fs.turns));
}

static void what_was_held_counts_more(void **state)
{
	enum { FEW = TURN_EXTENTS / TURN_HELD };
	struct file file = { .turn = turn_get(&fs, &users[0]) };
	struct file other = { .turn = turn_get(&fs, &users[1]) };
	struct extent e[FEW + 1], his;

	start(&his, &other);
	for (int i = 0; i <= FEW; i++) {
		assert_true(turn_left(&(struct extent){ .file = &file }) == (i < FEW));
		start(&e[i], &file);
		e[i].held = true;
		if (i < FEW)
			turn_take(&e[i]);
	}
	turn_end(&e[0]);
	assert_true(turn_left(&e[FEW]));
	turn_take(&e[FEW]);
	for (int i = 1; i <= FEW; i++)
		turn_end(&e[i]);
	assert_int_equal(file.turn->taken, 0);
	turn_end(&his);
	turn_unref(file.turn);
	turn_unref(other.turn);
}

static void one_filesystem_does_not_delay_another(void **state)
{
	struct file file = { .turn = turn_get(&fs, &users[0]) };
	struct file other = { .turn = turn_get(&fs, &users[1]) };
	struct file far = { .turn = turn_get(&elsewhere, &users[0]) };
	struct extent e[MANY], his, there;

	start(&his, &other);
	for (int i = 0; i < MANY; i++) {
		start(&e[i], &file);
		turn_take(&e[i]);
	}
	start(&there, &far);
	assert_false(turn_left(&(struct extent){ .file = &file }));
	assert_true(turn_left(&there));
	turn_unref(file.turn);
	turn_unref(other.turn);
	turn_unref(far.turn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_user_alone_has_no_limit, begin),
		cmocka_unit_test_setup(two_take_turns, begin),
		cmocka_unit_test_setup(what_was_held_counts_more, begin),
		cmocka_unit_test_setup(one_filesystem_does_not_delay_another, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
