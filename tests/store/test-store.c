// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * The store's decisions, with an engine that does what the test says: what is handed over
 * together, what is held back, who gets a lane, what happens to a write that failed. The files
 * are real; that the real engines write is tested elsewhere, on a real btrfs.
 */

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "store/engine.h"
#include "store/file.h"
#include "store/file_facts.h"
#include "store/inode.h"
#include "store/store.h"
#include "store/sync.h"
#include "store/user.h"
#include "wire/codes.h"

#define SECTOR 4096U
#define MANY   2200

struct item {
	struct extent extent;
	bool taken, written, safe, failed;
};

static struct {
	struct event_base *base;
	struct store *store;
	struct engine fake;
	struct engine *real;
	struct chain *chains[MANY]; /* submitted and not completed */
	unsigned int n_chains;
	struct file *file;
	struct item items[MANY];
	unsigned int n_items;
	char path[64];
	bool synced;
} t;

static void fake_submit(struct engine *engine, struct chain *chain)
{
	struct extent *e;

	TAILQ_FOREACH(e, &chain->extents, entry)
		engine_prepare(e);
	t.chains[t.n_chains++] = chain;
}

static const struct engine_ops fake_ops = { .submit = fake_submit };

static void relieved(void *arg)
{
}

static struct file *file_of(struct user *user, const char *path)
{
	const long types[] = { TMPFS_MAGIC, 0 };
	struct file_facts facts;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct file *file;

	assert_true(fd >= 0);
	assert_int_equal(file_examine(&fd, FILE_OPENED, false, types, &facts), 0);
	file = file_new(t.store, user, &facts);
	assert_non_null(file);
	return file;
}

static int set_up(void **state)
{
	static const long types[] = { TMPFS_MAGIC, 0 };
	struct store_options options = { .backend = STORE_IOCTL,
					 .blocking_threads = 4,
					 .cpu_threads = 1,
					 .batch = 8,
					 .user_held_bytes = 1 << 20,
					 .filesystem_types = types };
	struct user *user = user_get(1);

	memset(&t, 0, sizeof(t));
	t.base = event_base_new();
	assert_int_equal(store_new(t.base, &options, &t.store), 0);
	t.store->relieved = relieved;
	t.fake = (struct engine){ .ops = &fake_ops, .store = t.store };
	t.real = t.store->engine;
	t.store->engine = &t.fake;
	strcpy(t.path, "/dev/shm/extentd-store-XXXXXX");
	close(mkstemp(t.path));
	t.file = file_of(user, t.path);
	user_unref(user);
	return 0;
}

/* Lets the loop and the workers do what is there to do. */
static void settle_down(void)
{
	for (int i = 0; i < 20; i++) {
		event_base_loop(t.base, EVLOOP_NONBLOCK);
		usleep(2000);
	}
}

/* Completes the extents of a chain, in its order, with what a good write would return. */
static void complete_chain(unsigned int i)
{
	struct chain *chain = t.chains[i];
	unsigned int n = chain->n;

	memmove(&t.chains[i], &t.chains[i + 1], (--t.n_chains - i) * sizeof(t.chains[0]));
	while (n--) {
		struct extent *e = TAILQ_FIRST(&chain->extents);

		engine_completed(e, (int)(e->data_len - e->data_done));
	}
	settle_down();
}

static int tear_down(void **state)
{
	while (t.n_chains)
		complete_chain(0);
	store_settle_all(t.store);
	for (int i = 0; i < 100 && !store_idle(t.store); i++)
		settle_down();
	assert_true(store_idle(t.store));
	file_unref(t.file);
	for (int i = 0; i < 100 && t.store->n_closings; i++)
		settle_down();
	unlink(t.path);
	store_free(t.store);
	event_base_free(t.base);
	return 0;
}

static void notify(struct extent *e, enum extent_event event)
{
	struct item *item = (struct item *)e;

	item->taken |= event == EXTENT_TAKEN;
	item->written |= event == EXTENT_WRITTEN;
	item->safe |= event == EXTENT_SAFE;
	item->failed |= event == EXTENT_FAILED;
}

/* A plain write of len bytes of value. */
static struct item *plain(struct file *file, uint64_t offset, uint32_t len, int value)
{
	struct item *item = &t.items[t.n_items++];

	item->extent = (struct extent){
		.file = file,
		.offset = offset,
		.len = len,
		.unencoded_len = len,
		.payload_len = len,
		.memory = store_hold(t.store, file->user, len),
		.memory_bytes = len,
		.prompt = true,
		.notify = notify,
	};
	memset(item->extent.memory, value, len);
	extent_start(&item->extent);
	return item;
}

/* 128 KiB of one byte, as zstd, to a file that is said to take it. */
static struct item *encoded(struct file *file, uint64_t offset)
{
	static char zeros[128 << 10];
	struct item *item = &t.items[t.n_items++];
	size_t n;

	item->extent = (struct extent){
		.file = file,
		.offset = offset,
		.len = sizeof(zeros),
		.unencoded_len = sizeof(zeros),
		.compression = BTRFS_ENCODED_IO_COMPRESSION_ZSTD,
		.memory = store_hold(t.store, file->user, 4096),
		.memory_bytes = 4096,
		.level = PAYLOAD_FULL,
		.notify = notify,
	};
	memset(zeros, 'z', sizeof(zeros));
	n = ZSTD_compress(item->extent.memory, 4096, zeros, sizeof(zeros), 1);
	assert_false(ZSTD_isError(n));
	item->extent.payload_len = (uint32_t)n;
	file->encoded = true;
	extent_start(&item->extent);
	return item;
}

static void disjoint_writes_share_a_chain(void **state)
{
	for (unsigned int i = 0; i < 20; i++)
		plain(t.file, (uint64_t)i * SECTOR, SECTOR, 'a');
	settle_down();
	/* Two chains for one inode, of a batch each; the rest waits for one to end. */
	assert_int_equal(t.n_chains, 2);
	assert_int_equal(t.chains[0]->n, 8);
	assert_int_equal(t.chains[1]->n, 8);
	/* Now somebody waits for a settle: it comes before the rest, and after what is under way.
	 */
	complete_chain(0);
	assert_int_equal(t.n_chains, 1);
	complete_chain(0);
	settle_down();
	assert_int_equal(t.n_chains, 1);
	assert_int_equal(t.chains[0]->n, 4);
}

static void overlapping_writes_wait_for_the_verdict(void **state)
{
	struct item *first = plain(t.file, 0, 2 * SECTOR, 'a');
	struct item *second = plain(t.file, SECTOR, 2 * SECTOR, 'b');
	struct item *third =
		plain(t.file, 2 * SECTOR, SECTOR, 'c'); /* only the second is in its way */
	struct item *other = plain(t.file, 8 * SECTOR, SECTOR, 'd');

	settle_down();
	assert_int_equal(t.n_chains, 1);
	assert_int_equal(t.chains[0]->n, 2);
	assert_int_equal(second->extent.state, EXTENT_CHECKING);
	assert_int_equal(third->extent.state, EXTENT_CHECKING);
	complete_chain(0);
	settle_down();
	assert_true(first->safe && other->safe);
	assert_int_equal(t.n_chains, 1);
	assert_ptr_equal(TAILQ_FIRST(&t.chains[0]->extents), &second->extent);
	complete_chain(0);
	settle_down();
	assert_true(second->safe);
	assert_ptr_equal(TAILQ_FIRST(&t.chains[0]->extents), &third->extent);
}

static void a_shared_sector_is_an_overlap(void **state)
{
	struct item *second;

	plain(t.file, 0, 5000, 'a');
	second = plain(t.file, 5000, 100, 'b');
	settle_down();
	assert_int_equal(t.n_chains, 1);
	assert_int_equal(t.chains[0]->n, 1);
	assert_int_equal(second->extent.state, EXTENT_CHECKING);
}

/* The linker puts this in the place of tsearch(3), see meson.build. */
static bool no_memory;
void *__real_tsearch(const void *key, void **root, int (*compare)(const void *, const void *));
void *__wrap_tsearch(const void *key, void **root, int (*compare)(const void *, const void *));
void *__wrap_tsearch(const void *key, void **root, int (*compare)(const void *, const void *))
{
	return no_memory ? NULL : __real_tsearch(key, root, compare);
}

static void *let_the_first_go(void *arg)
{
	engine_completed(&t.items[0].extent, -EIO);
	event_base_loop(t.base, EVLOOP_NONBLOCK);
	return NULL;
}

/* However many wait for each other, one that fails does not fail the others from within. */
static void a_long_queue_takes_no_stack(void **state)
{
	enum { QUEUE = MANY - 100, STACK = 128 << 10 };
	pthread_attr_t small;
	pthread_t thread;
	unsigned int failed = 0;

	for (unsigned int i = 0; i < QUEUE; i++)
		plain(t.file, 0, SECTOR, 'q');
	settle_down();
	assert_int_equal(t.n_chains, 1);
	assert_int_equal(t.file->inode->n_held, QUEUE - 1);
	t.n_chains = 0;
	no_memory = true;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	assert_int_equal(pthread_create(&thread, &small, let_the_first_go, NULL), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&small);
	settle_down();
	no_memory = false;
	for (unsigned int i = 1; i < QUEUE; i++)
		failed += t.items[i].failed && t.items[i].extent.code == WIRE_E_NO_MEMORY;
	assert_int_equal(failed, QUEUE - 1);
	assert_int_equal(t.file->inode->n_held, 0);
}

/* Each of them in its turn, also where their ranges only meet by way of others. */
static void a_held_write_waits_for_all_before_it(void **state)
{
	static const struct {
		unsigned int from, sectors;
	} ranges[] = { { 0, 2 }, { 4, 2 }, { 8, 2 }, { 1, 8 }, { 3, 1 }, { 2, 2 }, { 20, 1 } };
	struct item *items[ARRAY_SIZE(ranges)];

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		items[i] = plain(t.file, ranges[i].from * SECTOR, ranges[i].sectors * SECTOR, 'a');
	settle_down();
	assert_int_equal(t.file->inode->n_held, 3);
	assert_int_equal(items[3]->extent.before, 3);
	assert_int_equal(items[4]->extent.before, 1);
	assert_int_equal(items[5]->extent.before, 2);
	assert_true(extent_cancel(&items[3]->extent));
	settle_down();
	assert_true(items[4]->extent.reserved);
	assert_false(items[5]->extent.reserved);
	assert_int_equal(t.file->inode->n_held, 1);
	while (t.n_chains)
		complete_chain(0);
	settle_down();
	while (t.n_chains)
		complete_chain(0);
	assert_true(items[5]->safe && items[4]->safe && items[0]->safe);
}

static void a_failed_write_lets_the_next_one_go(void **state)
{
	struct item *first = plain(t.file, 0, SECTOR, 'a');
	struct item *second = plain(t.file, 0, SECTOR, 'b');

	settle_down();
	t.n_chains = 0;
	engine_completed(&first->extent, -EIO);
	settle_down();
	assert_true(first->failed && !first->written);
	assert_int_equal(first->extent.code, WIRE_E_WRITE_FAILED);
	assert_int_equal(first->extent.kernel_errno, EIO);
	assert_int_equal(t.n_chains, 1);
	assert_ptr_equal(TAILQ_FIRST(&t.chains[0]->extents), &second->extent);
}

static void synced(struct sync *sync)
{
	t.synced = true;
}

static void what_is_not_prompt_settles_when_asked(void **state)
{
	struct item *item = plain(t.file, 0, SECTOR, 'a');
	struct sync sync = { .file = t.file, .notify = synced };

	item->extent.prompt = false; /* not looked at before the write has completed */
	settle_down();
	complete_chain(0);
	assert_true(item->written && !item->safe);
	t.synced = false;
	sync_start(&sync);
	settle_down();
	assert_true(t.synced);
	assert_true(item->safe);
	assert_int_equal(sync.code, 0);
}

/* The name goes between the write and the settle: of the file by itself, or of its filesystem. */
static void settle_without_a_name(bool prompt)
{
	struct item *item = plain(t.file, 0, SECTOR, 'a');
	struct sync sync = { .fs = t.file->inode->fs, .notify = synced };

	item->extent.prompt = prompt;
	settle_down();
	assert_int_equal(t.n_chains, 1);
	unlink(t.path);
	complete_chain(0);
	if (!prompt)
		sync_start(&sync);
	for (int i = 0; i < 100 && !item->failed && !item->safe; i++)
		settle_down();
	assert_true(item->failed);
	assert_int_equal(item->extent.code, WIRE_E_UNLINKED);
}

static void a_file_without_a_name_is_not_durable(void **state)
{
	settle_without_a_name(true);
}

static void a_file_without_a_name_is_not_durable_by_a_commit(void **state)
{
	settle_without_a_name(false);
}

static void one_user_leaves_lanes_to_the_others(void **state)
{
	struct user *hog = user_get(2), *other = user_get(3);
	struct file *files[4], *last;
	char path[96];

	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s.%d", t.path, i);
		files[i] = file_of(hog, path);
		plain(files[i], 0, SECTOR, 'h');
		settle_down(); /* or they would share one */
	}
	assert_int_equal(t.n_chains, 2); /* half of four threads */

	snprintf(path, sizeof(path), "%s.o", t.path);
	last = file_of(other, path);
	plain(last, 0, SECTOR, 'o');
	settle_down();
	assert_int_equal(t.n_chains, 3);
	assert_ptr_equal(t.chains[2]->user, other);

	while (t.n_chains)
		complete_chain(0);
	for (int i = 0; i < 100 && !store_idle(t.store); i++)
		settle_down();
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s.%d", t.path, i);
		file_unref(files[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s.o", t.path);
	file_unref(last);
	unlink(path);
	user_unref(hog);
	user_unref(other);
}

static void cancel_stops_what_the_kernel_does_not_have(void **state)
{
	struct item *first = plain(t.file, 0, SECTOR, 'a');
	struct item *held = plain(t.file, 0, SECTOR, 'b');
	struct item *ready;

	settle_down();
	for (unsigned int i = 1; i < 10; i++) {
		plain(t.file, i * SECTOR, SECTOR, 'x');
		settle_down();
	}
	ready = plain(t.file, 20 * SECTOR, SECTOR, 'c');
	settle_down();
	assert_int_equal(ready->extent.state, EXTENT_READY);
	assert_true(held->extent.held); /* so it counts more, see turn.h */
	assert_false(first->extent.held || ready->extent.held);

	assert_false(extent_cancel(&first->extent));
	assert_true(extent_cancel(&held->extent));
	assert_true(extent_cancel(&ready->extent));
	assert_int_equal(held->extent.code, WIRE_E_CANCELLED);
	assert_true(held->failed && ready->failed);
	assert_false(extent_cancel(&held->extent));
}

static void a_short_plain_write_goes_on(void **state)
{
	struct item *item = plain(t.file, 0, 3 * SECTOR, 'a');

	settle_down();
	t.n_chains = 0;
	engine_completed(&item->extent, 2 * SECTOR);
	settle_down();
	assert_false(item->written);
	assert_int_equal(t.n_chains, 1);
	assert_int_equal(item->extent.data_done, 2 * SECTOR);
	complete_chain(0);
	assert_true(item->written);
}

static void a_short_encoded_write_is_an_error(void **state)
{
	struct item *item = encoded(t.file, 0);

	settle_down();
	assert_int_equal(t.n_chains, 1);
	t.n_chains = 0;
	engine_completed(&item->extent, 0);
	settle_down();
	assert_true(item->failed);
	assert_int_equal(item->extent.code, WIRE_E_SHORT_WRITE);
}

static void what_the_kernel_will_not_take_is_decoded(void **state)
{
	struct item *item = encoded(t.file, 0);

	settle_down();
	assert_int_equal(t.n_chains, 1);
	assert_int_equal(item->extent.form, WIRE_FORM_ENCODED);
	assert_int_equal(item->extent.args.unencoded_len, 128 << 10);
	t.n_chains = 0;
	engine_completed(&item->extent, -EINVAL);
	settle_down();
	assert_int_equal(t.n_chains, 1);
	assert_int_equal(item->extent.form, WIRE_FORM_DECODED);
	assert_int_equal(item->extent.data_len, 128 << 10);
	assert_int_equal(item->extent.data[0], 'z');
	assert_int_equal(item->extent.data[(128 << 10) - 1], 'z');
	complete_chain(0);
	assert_true(item->written);
}

static void kernels_without_the_command_get_threads(void **state)
{
	struct item *item = encoded(t.file, 0);

	t.store->ring = &t.fake; /* as if it were */
	settle_down();
	assert_int_equal(t.n_chains, 1);
	t.n_chains = 0;
	engine_completed(&item->extent, -EOPNOTSUPP);
	assert_ptr_equal(t.store->engine, t.store->threads);
	t.store->engine = &t.fake;
	t.store->ring = NULL;
	settle_down();
	/* Tried again as it was, not decoded. */
	assert_int_equal(t.n_chains, 1);
	assert_int_equal(item->extent.form, WIRE_FORM_ENCODED);
	complete_chain(0);
	assert_true(item->written);
}

static void an_error_of_another_write_is_survived(void **state)
{
	struct item *item = encoded(t.file, 0);

	for (int i = 0; i < 2; i++) {
		settle_down();
		assert_int_equal(t.n_chains, 1);
		assert_false(item->failed);
		t.n_chains = 0;
		engine_completed(&item->extent, -EIO);
	}
	settle_down();
	assert_true(item->failed); /* it was its own after all */
	assert_int_equal(item->extent.kernel_errno, EIO);
}

static void memory_is_counted_and_bounded(void **state)
{
	struct user *user = t.file->user;
	void *memory;

	assert_true(store_has_room(t.store, user, 64 << 20)); /* one, whatever its size */
	memory = store_hold(t.store, user, 1 << 20);
	assert_false(store_has_room(t.store, user, 1));
	store_release(t.store, user, memory, 1 << 20);
	assert_true(store_has_room(t.store, user, 1));
	assert_int_equal(t.store->held_bytes, 0);
}

int main(void)
{
#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		test(disjoint_writes_share_a_chain),
		test(overlapping_writes_wait_for_the_verdict),
		test(a_shared_sector_is_an_overlap),
		test(a_held_write_waits_for_all_before_it),
		test(a_long_queue_takes_no_stack),
		test(a_failed_write_lets_the_next_one_go),
		test(what_is_not_prompt_settles_when_asked),
		test(a_file_without_a_name_is_not_durable),
		test(a_file_without_a_name_is_not_durable_by_a_commit),
		test(one_user_leaves_lanes_to_the_others),
		test(cancel_stops_what_the_kernel_does_not_have),
		test(a_short_plain_write_goes_on),
		test(a_short_encoded_write_is_an_error),
		test(what_the_kernel_will_not_take_is_decoded),
		test(kernels_without_the_command_get_threads),
		test(an_error_of_another_write_is_survived),
		test(memory_is_counted_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
