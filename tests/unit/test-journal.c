// SPDX-License-Identifier: GPL-2.0-or-later
/* The journal of a part: what is written is read; nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "receive/journal.h"
#include "stream/command.h"

static const struct journal sample = {
	.stream_uuid = "a stream's uuid",
	.stream_transid = 77,
	.begin = 0x1122334455667788,
	.subvolume = "the subvolume's",
	.checkpoint = "the checkpoint'",
	.offset = UINT64_MAX,
	.digest = 0x99aabbccddeeff00,
};

static void same(const struct journal *a, const struct journal *b)
{
	assert_memory_equal(a->stream_uuid, b->stream_uuid, 16);
	assert_memory_equal(a->subvolume, b->subvolume, 16);
	assert_memory_equal(a->checkpoint, b->checkpoint, 16);
	assert_int_equal(a->stream_transid, b->stream_transid);
	assert_int_equal(a->begin, b->begin);
	assert_int_equal(a->offset, b->offset);
	assert_int_equal(a->digest, b->digest);
}

static void test_bytes(void **state)
{
	uint8_t bytes[JOURNAL_SIZE + 1] = { 0 };
	struct journal j;

	journal_encode(&sample, bytes);
	assert_int_equal(journal_decode(bytes, JOURNAL_SIZE, &j), 0);
	same(&j, &sample);
	assert_int_equal(bytes[8], JOURNAL_VERSION);
	assert_int_equal(bytes[64], 77); /* little-endian, and where it always was */
	for (size_t bit = 0; bit < JOURNAL_SIZE * 8; bit++) {
		bytes[bit / 8] ^= 1 << bit % 8;
		assert_true(journal_decode(bytes, JOURNAL_SIZE, &j) < 0);
		if (bit / 32 == 2)
			assert_int_equal(journal_decode(bytes, JOURNAL_SIZE, &j), -EPROTONOSUPPORT);
		bytes[bit / 8] ^= 1 << bit % 8;
	}
	for (size_t size = 0; size <= JOURNAL_SIZE + 1; size++)
		if (size != JOURNAL_SIZE)
			assert_int_equal(journal_decode(bytes, size, &j), -EBADMSG);
}

/* The checksum is right, and yet it makes no sense. */
static void test_sense(void **state)
{
	struct journal j = sample;
	uint8_t bytes[JOURNAL_SIZE];

	j.offset = 0;
	journal_encode(&j, bytes);
	assert_int_equal(journal_decode(bytes, sizeof(bytes), &j), -EBADMSG);
	j = sample;
	memset(j.checkpoint, 0, 16);
	journal_encode(&j, bytes);
	assert_int_equal(journal_decode(bytes, sizeof(bytes), &j), -EBADMSG);
	j.offset = 0;
	journal_encode(&j, bytes);
	assert_int_equal(journal_decode(bytes, sizeof(bytes), &j), 0);
	assert_false(journal_has_checkpoint(&j));
}

static void test_file(void **state)
{
	char path[] = "/tmp/journal-XXXXXX";
	struct journal j = sample;
	int dir, fd;

	assert_non_null(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY);
	assert_true(dir >= 0);
	assert_int_equal(journal_load(dir, &j), -ENOENT);
	assert_int_equal(journal_store(dir, &sample), 0);
	j.offset = 4711;
	assert_int_equal(journal_store(dir, &j), 0);
	memset(&j, 0, sizeof(j));
	assert_int_equal(journal_load(dir, &j), 0);
	assert_int_equal(j.offset, 4711);
	assert_int_equal(faccessat(dir, JOURNAL_NAME ".new", F_OK, 0), -1);

	fd = openat(dir, JOURNAL_NAME, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "more", 4), 4);
	close(fd);
	assert_int_equal(journal_load(dir, &j), -EBADMSG);
	assert_int_equal(unlinkat(dir, JOURNAL_NAME, 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", dir, JOURNAL_NAME), 0);
	assert_int_equal(journal_load(dir, &j), -ELOOP);
	assert_int_equal(unlinkat(dir, JOURNAL_NAME, 0), 0);
	close(dir);
	rmdir(path);
}

/* Order, length, number and checksum of each command count. */
static void test_digest(void **state)
{
	struct stream_command a = { .length = 10, .op = 3, .crc = 5 }, b = a;
	uint64_t one = journal_digest(0, &a), two;

	b.crc++;
	two = journal_digest(0, &b);
	assert_true(one != two);
	assert_true(journal_digest(one, &b) != journal_digest(two, &a));
	b = a;
	b.length++;
	assert_true(journal_digest(0, &b) != one);
	b = a;
	b.op++;
	assert_true(journal_digest(0, &b) != one);
	assert_true(journal_digest(one, &a) != one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_sense),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
