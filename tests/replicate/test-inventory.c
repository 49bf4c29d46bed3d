// SPDX-License-Identifier: GPL-2.0-or-later
/* Which snapshots stand for the same content, what two sides have in common, and the way there. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "replicate/inventory.h"

/* A subvolume by one letter for each UUID; '-': none. */
static struct replica make(uint64_t id, const char uuids[3], uint64_t otransid, uint64_t ctransid,
			   uint64_t stransid)
{
	struct replica r = { .id = id,
			     .otransid = otransid,
			     .ctransid = ctransid,
			     .stransid = stransid,
			     .otime = 1000 + (int64_t)id,
			     .read_only = true,
			     .path = (char *)"snapshots/it" };
	uint8_t *const at[] = { r.uuid, r.parent_uuid, r.received_uuid };

	for (int i = 0; i < 3; i++)
		if (uuids[i] != '-')
			memset(at[i], uuids[i], 16);
	return r;
}

/* Ours: the origin o, and its snapshots a, b, c, in the order of time. */
static struct inventory ours(struct replica list[4])
{
	list[0] = make(256, "o--", 5, 99, 0);
	list[0].read_only = false;
	list[1] = make(257, "ao-", 10, 10, 0);
	list[2] = make(258, "bo-", 20, 20, 0);
	list[3] = make(259, "co-", 30, 30, 0);
	return (struct inventory){ .list = list, .count = 4 };
}

static void test_same(void **state)
{
	struct replica mine = make(257, "ao-", 10, 10, 0), copy = make(300, "x-a", 50, 51, 10);

	assert_true(replica_same(&mine, &copy));
	copy.stransid = 9; /* of what it was before somebody wrote to it */
	assert_false(replica_same(&mine, &copy));
	copy.stransid = 10;
	copy.read_only = false; /* not complete, or written to */
	assert_false(replica_same(&mine, &copy));
	copy = make(300, "x-b", 50, 51, 10);
	assert_false(replica_same(&mine, &copy));
	copy = make(300, "x--", 50, 51, 10);
	assert_false(replica_same(&mine, &copy));
	/* What was itself received is known by the name of what it came from. */
	mine = make(257, "mop", 10, 10, 7);
	copy = make(300, "x-p", 50, 51, 10);
	assert_true(replica_same(&mine, &copy));
	copy = make(300, "x-m", 50, 51, 10);
	assert_false(replica_same(&mine, &copy));
}

static void test_common(void **state)
{
	struct replica mine[4], theirs[3];
	struct inventory a = ours(mine), b = { .list = theirs };

	assert_null(inventory_common(&a, &mine[3], &b));
	theirs[b.count++] = make(400, "x-a", 60, 61, 10);
	assert_ptr_equal(inventory_common(&a, &mine[3], &b), &mine[1]);
	theirs[b.count++] = make(401, "y-b", 70, 71, 20);
	assert_ptr_equal(inventory_common(&a, &mine[3], &b), &mine[2]); /* the newest */
	assert_ptr_equal(inventory_common(&a, &mine[2], &b), &mine[1]); /* older than itself */
	assert_ptr_equal(inventory_copy(&b, &mine[2]), &theirs[1]);
	assert_null(inventory_copy(&b, &mine[3]));
	theirs[1].read_only = false;
	assert_ptr_equal(inventory_common(&a, &mine[3], &b), &mine[1]);
	theirs[1].read_only = true;
	mine[2].read_only = false; /* ours was made writable: it is no parent */
	assert_ptr_equal(inventory_common(&a, &mine[3], &b), &mine[1]);
	mine[1].path = NULL; /* being deleted */
	assert_null(inventory_common(&a, &mine[3], &b));
}

/* A subvolume of another origin is no parent, although they have it. */
static void test_unrelated(void **state)
{
	struct replica mine[] = { make(257, "zq-", 10, 10, 0), make(259, "co-", 30, 30, 0) };
	struct replica theirs[] = { make(400, "x-z", 60, 61, 10) };
	struct inventory a = { .list = mine, .count = 2 }, b = { .list = theirs, .count = 1 };

	assert_null(inventory_common(&a, &mine[1], &b));
	memset(mine[0].parent_uuid, 'o', 16);
	assert_ptr_equal(inventory_common(&a, &mine[1], &b), &mine[0]);
	/* The origin itself, as a read-only subvolume of which the other is a snapshot. */
	memset(mine[0].parent_uuid, 0, 16);
	memset(mine[1].parent_uuid, 'z', 16);
	assert_ptr_equal(inventory_common(&a, &mine[1], &b), &mine[0]);
}

static void test_part(void **state)
{
	struct part parts[2] = { { .transid = 10, .offset = 5 }, { .transid = 30, .offset = 7 } };
	struct inventory b = { .parts = parts, .part_count = 2 };
	struct replica mine[4];

	ours(mine);
	memset(parts[0].stream, 'a', 16);
	memset(parts[1].stream, 'c', 16);
	assert_ptr_equal(inventory_part(&b, &mine[3]), &parts[1]);
	assert_null(inventory_part(&b, &mine[2]));
	parts[1].transid = 31; /* of another state of it */
	assert_null(inventory_part(&b, &mine[3]));
}

static void test_json(void **state)
{
	struct part part = { .transid = 9, .offset = 1234567890123, .digest = 0xfedcba9876543210 };
	struct replica mine[4];
	struct inventory a = ours(mine), back;
	json_t *json;
	char *text;

	mine[1].path = (char *)"a/with \"quotes\" and \303\244";
	mine[3].path = NULL;
	mine[3].stransid = UINT64_C(1) << 62;
	memset(a.filesystem, 'f', 16);
	a.free = UINT64_C(1) << 50;
	memset(part.stream, 's', 16);
	a.parts = &part;
	a.part_count = 1;
	json = inventory_to_json(&a);
	text = json_dumps(json, 0);
	json_decref(json);
	assert_non_null(text);
	assert_int_equal(inventory_from_json(text, &back), 0);
	free(text);
	assert_int_equal(back.count, 4);
	assert_int_equal(back.free, a.free);
	assert_memory_equal(back.filesystem, a.filesystem, 16);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(back.list[i].id, mine[i].id);
		assert_int_equal(back.list[i].otransid, mine[i].otransid);
		assert_int_equal(back.list[i].ctransid, mine[i].ctransid);
		assert_int_equal(back.list[i].stransid, mine[i].stransid);
		assert_int_equal(back.list[i].otime, mine[i].otime);
		assert_int_equal(back.list[i].read_only, mine[i].read_only);
		assert_memory_equal(back.list[i].uuid, mine[i].uuid, 16);
		assert_memory_equal(back.list[i].parent_uuid, mine[i].parent_uuid, 16);
		assert_memory_equal(back.list[i].received_uuid, mine[i].received_uuid, 16);
	}
	assert_string_equal(back.list[1].path, mine[1].path);
	assert_int_equal(back.part_count, 1);
	assert_memory_equal(back.parts, &part, sizeof(part));
	inventory_free(&back);
}

/* What comes from the other side is believed as far as it makes sense. */
static void test_foreign(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{\"filesystem\": null, \"free\": 1}",
		"{\"filesystem\": null, \"free\": 1, \"snapshots\": {}}",
		"{\"filesystem\": 5, \"free\": 1, \"snapshots\": []}",
		"{\"filesystem\": \"61616161\", \"free\": 1, \"snapshots\": []}",
		"{\"filesystem\": null, \"free\": 1, \"snapshots\": [{}]}",
		"{\"filesystem\": null, \"free\": 1, \"snapshots\": [], \"parts\": [{}]}",
		"{\"filesystem\": null, \"free\": 1, \"snapshots\": [], \"parts\": "
		"[{\"stream_uuid\": "
		"\"61616161-6161-6161-6161-616161616161\", \"transid\": 1, \"offset\": -1, "
		"\"digest\": \"0\"}]}",
	};
	struct inventory i;

	for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
		assert_int_equal(inventory_from_json(texts[k], &i), -EPROTO);
	assert_int_equal(
		inventory_from_json("{\"filesystem\": null, \"free\": 1, \"snapshots\": []}", &i),
		0);
	assert_int_equal(i.count, 0);
	assert_int_equal(i.part_count, 0);
	inventory_free(&i);
}

static void test_uuid(void **state)
{
	static const char *const bad[] = { "",
					   "6161",
					   "61616161-6161-6161-6161-61616161616",
					   "61616161-6161-6161-6161-6161616161611",
					   "61616161x6161-6161-6161-616161616161",
					   "6161616g-6161-6161-6161-616161616161" };
	uint8_t a[16], b[16];
	char text[UUID_TEXT];

	for (int i = 0; i < 16; i++)
		a[i] = (uint8_t)(i * 17);
	assert_string_equal(uuid_print(a, text), "00112233-4455-6677-8899-aabbccddeeff");
	assert_int_equal(uuid_parse(text, b), 0);
	assert_memory_equal(a, b, 16);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(uuid_parse(bad[i], b), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),	  cmocka_unit_test(test_common),
		cmocka_unit_test(test_unrelated), cmocka_unit_test(test_part),
		cmocka_unit_test(test_json),	  cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_uuid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
