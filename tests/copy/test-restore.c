// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When the restore core does what: real files in a temporary directory, and a session that
 * answers only when the test says so, with what the test says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "restore/restore.h"
#include "wire/codes.h"

#define REQUESTS_MAX 64

struct request {
	struct extent_completion c;
	extent_callback done;
	bool answered;
};

static struct fake {
	struct request requests[REQUESTS_MAX];
	unsigned int n, pending;
	struct extent_completion lost[8];
	unsigned int n_lost;
	int next_handle;
	bool answer_all; /* at the next turn */
} fake;

static int64_t fake_request(enum extent_kind kind, int file, extent_callback done, void *userdata)
{
	struct request *r = &fake.requests[fake.n++];

	assert_true(fake.n < REQUESTS_MAX);
	*r = (struct request){
		.c = { .id = fake.n, .kind = kind, .file = file, .userdata = userdata },
		.done = done
	};
	fake.pending++;
	return fake.n;
}

static void answer(unsigned int i, int result, unsigned int code)
{
	struct request *r = &fake.requests[i];

	if (r->answered)
		return;
	r->answered = true;
	r->c.result = result;
	r->c.code = code;
	r->c.form = EXTENT_ENCODED;
	fake.pending--;
	if (r->done)
		r->done(NULL, &r->c);
}

static unsigned int find(enum extent_kind kind, unsigned int nth)
{
	for (unsigned int i = 0; i < fake.n; i++)
		if (fake.requests[i].c.kind == kind && !nth--)
			return i;
	fail_msg("no such request");
	return 0;
}

static unsigned int count(enum extent_kind kind)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < fake.n; i++)
		n += fake.requests[i].c.kind == kind;
	return n;
}

/* libextent, as far as the core uses it */
void extent_get_limits(const struct extent_session *s, struct extent_limits *out)
{
	*out = (struct extent_limits){ .max_files = 8, .max_payload = 131072 };
}

int extent_process(struct extent_session *s)
{
	for (unsigned int i = 0; fake.answer_all && i < fake.n; i++)
		answer(i, 0, 0);
	return 0;
}

int extent_wait(struct extent_session *s, int timeout_ms)
{
	assert_true(fake.answer_all); /* or it would wait for ever */
	return extent_process(s);
}

unsigned int extent_pending(const struct extent_session *s)
{
	return fake.pending;
}

int extent_next_completion(struct extent_session *s, struct extent_completion *out)
{
	if (!fake.n_lost)
		return 0;
	*out = fake.lost[--fake.n_lost];
	return 1;
}

int64_t extent_open_fd(struct extent_session *s, int fd, const char *label, unsigned int flags,
		       extent_callback done, void *userdata, int *file)
{
	*file = fake.next_handle++ % 2; /* handles come back soon */
	return fake_request(EXTENT_OP_OPEN, *file, done, userdata);
}

int64_t extent_write(struct extent_session *s, const struct extent_write *w, extent_callback done,
		     void *userdata)
{
	int64_t id = fake_request(EXTENT_OP_WRITE, w->file, done, userdata);

	assert_int_equal(w->ack, EXTENT_WRITTEN);
	fake.requests[id - 1].c.offset = w->offset;
	fake.requests[id - 1].c.len = w->len;
	if (w->flags & EXTENT_BUFFER) /* is the library's from here on */
		free((void *)(uintptr_t)w->payload);
	return id;
}

int64_t extent_sync(struct extent_session *s, int file, extent_callback done, void *userdata)
{
	return fake_request(EXTENT_OP_SYNC, file, done, userdata);
}

int64_t extent_close(struct extent_session *s, int file, extent_callback done, void *userdata)
{
	return fake_request(EXTENT_OP_CLOSE, file, done, userdata);
}

void *extent_buffer_get(struct extent_session *s, size_t size)
{
	return malloc(size);
}

void extent_buffer_put(struct extent_session *s, void *buffer)
{
	free(buffer);
}

const char *extent_error_text(const struct extent_session *s)
{
	return "error";
}

const char *extent_code_text(unsigned int code)
{
	return wire_code_text(code);
}

/* The job under test */
struct fixture {
	char path[64];
	struct sink *sink;
	struct restore *restore;
	struct restore_dir *root;
	char failed[512], durable[512];
};

static void failed(void *userdata, enum restore_step step, const char *path, uint64_t offset,
		   uint64_t len, int error, const char *cause)
{
	struct fixture *f = userdata;
	size_t n = strlen(f->failed);

	snprintf(f->failed + n, sizeof(f->failed) - n, "%d %s %llu+%llu %d;", (int)step,
		 *path ? strrchr(path, '/') + 1 : "", (unsigned long long)offset,
		 (unsigned long long)len, error);
}

static void durable(void *userdata, const char *path, uint64_t offset, uint64_t len)
{
	struct fixture *f = userdata;
	size_t n = strlen(f->durable);

	snprintf(f->durable + n, sizeof(f->durable) - n, "%s %llu;", strrchr(path, '/') + 1,
		 (unsigned long long)offset);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct restore_options o = { .failed = failed, .durable = durable, .userdata = f };

	fake = (struct fake){ 0 };
	setenv("EXTENTD_SMALL_BYTES", "0", 1); /* all through the session */
	if (sink_extent_new(NULL, &f->sink) < 0)
		return -1;
	o.sink = f->sink;
	strcpy(f->path, "/tmp/extentd-restore-XXXXXX");
	if (!mkdtemp(f->path) || restore_new(&o, &f->restore) < 0)
		return -1;
	*state = f;
	return restore_root(f->restore, open(f->path, O_RDONLY | O_DIRECTORY), f->path, &f->root);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	restore_dir_put(f->root);
	restore_free(f->restore);
	f->sink->free(f->sink);
	snprintf(command, sizeof(command), "rm -rf %s", f->path);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static const struct restore_attr wanted = {
	.set = RESTORE_SET_MODE | RESTORE_SET_TIMES | RESTORE_SET_SIZE,
	.mode = 04711,
	.mtime = { 1000000000, 5 },
	.atime = { 1000000000, 6 },
	.size = 131072,
};

static struct restore_file *begin(struct fixture *f, const char *name, unsigned int extents)
{
	struct restore_file *file;
	static char bytes[100];

	assert_int_equal(restore_file_create(f->root, name, &wanted, &file), 0);
	for (unsigned int i = 0; i < extents; i++) {
		struct extent_write w = {
			.offset = i * 131072ULL,
			.len = 131072,
			.unencoded_len = 131072,
			.payload = bytes,
			.payload_len = sizeof(bytes),
			.compression = EXTENT_ZSTD,
		};

		assert_int_equal(restore_write(file, &w), 0);
	}
	return file;
}

static struct stat look(struct fixture *f, const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	assert_int_equal(lstat(path, &st), 0);
	return st;
}

/* Neither times nor setuid before the last write is in the kernel, and both then. */
static void test_attributes_last(void **state)
{
	struct fixture *f = *state;

	restore_file_finish(begin(f, "a", 2), &wanted);
	assert_int_equal(count(EXTENT_OP_CLOSE), 1);
	answer(find(EXTENT_OP_WRITE, 1), 0, 0);
	assert_int_equal(look(f, "a").st_mode & 07777, 0711);
	assert_int_not_equal(look(f, "a").st_mtim.tv_sec, 1000000000);
	assert_int_equal(restore_files_open(f->restore), 1);
	answer(find(EXTENT_OP_WRITE, 0), 0, 0);
	assert_int_equal(restore_barrier(f->restore), 0);
	assert_int_equal(look(f, "a").st_mode & 07777, 04711);
	assert_int_equal(look(f, "a").st_mtim.tv_sec, 1000000000);
	assert_int_equal(restore_files_open(f->restore), 0);
	assert_string_equal(f->durable, ""); /* and nobody said that it is safe */
}

/* What a SYNC does not cover is not told; a lost extent is named and struck out. */
static void test_lost(void **state)
{
	struct fixture *f = *state;
	unsigned int last, sync;

	restore_file_finish(begin(f, "a", 2), &wanted);
	restore_file_finish(begin(f, "b", 1), &wanted);
	/* The third file has the first one's handle: the ids tell them apart. */
	restore_file_finish(begin(f, "c", 1), &wanted);
	for (unsigned int i = 0; i < 3; i++)
		answer(find(EXTENT_OP_WRITE, i), 0, 0);
	usleep(1100000);
	assert_true(restore_poll(f->restore) >= 0);
	assert_int_equal(count(EXTENT_OP_SYNC), 1);
	sync = find(EXTENT_OP_SYNC, 0);
	last = find(EXTENT_OP_WRITE, 3); /* after the SYNC was asked for */
	answer(last, 0, 0);

	fake.lost[fake.n_lost++] = fake.requests[find(EXTENT_OP_WRITE, 1)].c;
	fake.lost[0].kind = EXTENT_OP_LOST;
	fake.lost[0].result = -EIO;
	fake.lost[0].code = WIRE_E_LOST;
	assert_true(restore_poll(f->restore) >= 0);
	assert_string_equal(f->failed, "2 a 131072+131072 5;");
	answer(sync, -EIO, WIRE_E_UNSETTLED);
	assert_true(restore_poll(f->restore) >= 0);
	assert_string_equal(f->durable, "a 0;b 0;");

	fake.answer_all = true;
	assert_int_equal(restore_sync(f->restore), -EIO); /* once */
	assert_string_equal(f->durable, "a 0;b 0;c 0;");
	assert_int_equal(restore_sync(f->restore), 0);
}

/* A SYNC that fails as a whole vouches for nothing. */
static void test_sync_failed(void **state)
{
	struct fixture *f = *state;

	restore_file_finish(begin(f, "a", 1), &wanted);
	answer(find(EXTENT_OP_WRITE, 0), 0, 0);
	usleep(1100000);
	assert_true(restore_poll(f->restore) >= 0);
	answer(find(EXTENT_OP_SYNC, 0), -EROFS, WIRE_E_SYNC_FAILED);
	assert_true(restore_poll(f->restore) >= 0);
	assert_string_equal(f->durable, "");
	assert_string_equal(f->failed, "8  0+0 30;");
	fake.answer_all = true;
	assert_int_equal(restore_sync(f->restore), -EROFS);
}

static void test_write_failed(void **state)
{
	struct fixture *f = *state;
	struct restore_file *file = begin(f, "a", 2);

	answer(find(EXTENT_OP_OPEN, 0), 0, 0);
	answer(find(EXTENT_OP_WRITE, 0), -ENOSPC, WIRE_E_WRITE_FAILED);
	answer(find(EXTENT_OP_WRITE, 1), 0, 0);
	assert_string_equal(f->failed, "1 a 0+131072 28;");
	assert_int_equal(restore_file_settle(file), -ENOSPC);
	restore_file_finish(file, &wanted);
	fake.answer_all = true;
	assert_int_equal(restore_sync(f->restore), 0);
	assert_string_equal(f->durable, "a 131072;");
	assert_int_equal(restore_stats(f->restore)->failures, 1);
}

/* An OPEN that fails is told once, and not again for each of its writes. */
static void test_open_failed(void **state)
{
	struct fixture *f = *state;

	restore_file_finish(begin(f, "a", 3), &wanted);
	answer(find(EXTENT_OP_OPEN, 0), -EOPNOTSUPP, WIRE_E_NODATACOW);
	for (unsigned int i = 0; i < 3; i++)
		answer(find(EXTENT_OP_WRITE, i), -EBADF, WIRE_E_HANDLE);
	assert_string_equal(f->failed, "0 a 0+0 95;");
	assert_int_equal(restore_barrier(f->restore), 0);
	assert_int_equal(restore_files_open(f->restore), 0);
}

/* No more files than the window has, where others can be waited for. */
static void test_window(void **state)
{
	struct fixture *f = *state;
	char name[] = "a";

	assert_int_equal(restore_window(f->restore), 4);
	for (unsigned int i = 0; i < 4; i++, name[0]++)
		restore_file_finish(begin(f, name, 1), &wanted);
	assert_int_equal(restore_files_open(f->restore), 4);
	fake.answer_all = true;
	restore_file_finish(begin(f, name, 1), &wanted);
	assert_in_range(restore_files_open(f->restore), 1, 4);
	assert_int_equal(restore_sync(f->restore), 0);
}

static void test_names(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "/a", "a/" };
	struct fixture *f = *state;
	struct restore_file *file;
	struct restore_dir *dir;
	char path[256], cut[8];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(restore_file_create(f->root, bad[i], NULL, &file), -EINVAL);
		assert_int_equal(restore_file_open(f->root, bad[i], false, &file), -EINVAL);
		assert_int_equal(restore_dir_make(f->root, bad[i], 0755, &dir), -EINVAL);
		assert_int_equal(restore_dir_open(f->root, bad[i], &dir), -EINVAL);
	}
	assert_int_equal(symlinkat("/etc", restore_dir_fd(f->root), "link"), 0);
	assert_int_equal(restore_dir_open(f->root, "link", &dir), -ENOTDIR);
	assert_int_equal(restore_file_open(f->root, "link", true, &file), -ELOOP);
	assert_int_equal(restore_path(f->root, "x", path, sizeof(path)), 0);
	assert_string_equal(path + strlen(path) - 2, "/x");
	assert_int_equal(restore_path(f->root, "x", cut, sizeof(cut)), -ENAMETOOLONG);
	assert_string_equal(cut, "x");
}

/* More directories than descriptors, deeper than the cache, and one that is not ours any more. */
static void test_directories(void **state)
{
	struct fixture *f = *state;
	struct restore_dir *dirs[700], *dir = f->root;
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		char name[8];

		snprintf(name, sizeof(name), "%zu", i);
		assert_int_equal(restore_dir_make(i % 2 ? f->root : dir, name, 0755, &dirs[i]), 0);
		dir = dirs[i];
	}
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		assert_true(restore_dir_fd(dirs[i]) >= 0);
		assert_int_equal(fstat(restore_dir_fd(dirs[i]), &st), 0);
	}
	/* dirs[0] has left the cache: somebody exchanges it. */
	assert_int_equal(renameat(restore_dir_fd(f->root), "0", restore_dir_fd(f->root), "x"), 0);
	assert_int_equal(mkdirat(restore_dir_fd(f->root), "0", 0755), 0);
	assert_int_equal(restore_dir_fd(dirs[0]), -ESTALE);
	assert_int_equal(restore_dir_moved(dirs[0], f->root, "x"), 0);
	assert_true(restore_dir_fd(dirs[0]) >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		restore_dir_put(dirs[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_attributes_last), TEST(test_lost),	    TEST(test_sync_failed),
		TEST(test_write_failed),    TEST(test_open_failed), TEST(test_window),
		TEST(test_names),	    TEST(test_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
