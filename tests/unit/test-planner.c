// SPDX-License-Identifier: GPL-2.0-or-later
/* What the planner makes of commands, as text; each test is one of its rules (planner.c). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../stream/craft.h"
#include "receive/planner.h"
#include "receive/tail.h"

static void put_set(FILE *out, const struct action *a)
{
	if (a->set & ACTION_OWNER)
		fprintf(out, " owner=%d:%d", (int)a->uid, (int)a->gid);
	if (a->set & ACTION_MODE)
		fprintf(out, " mode=%o", a->mode);
	if (a->set & ACTION_SET_TIMES)
		fprintf(out, " mtime=%d", (int)a->mtime.tv_sec);
}

static int record(void *userdata, const struct action *a)
{
	static const char *const names[] = { "make", "finish", "times", "do" };
	FILE *out = userdata;

	fprintf(out, "%s", names[a->type]);
	if (a->type == ACTION_MAKE || a->type == ACTION_COMMAND)
		fprintf(out, " %s", stream_op_name(a->command->op));
	fprintf(out, " %.*s", (int)a->path.size, a->path.data);
	if (a->type == ACTION_MAKE && a->path.data != a->command->path.data)
		fprintf(out, " for %.*s", (int)a->command->path.size, a->command->path.data);
	put_set(out, a);
	if (a->cut)
		fprintf(out, " cut");
	fputc('\n', out);
	return 0;
}

static char *plan(struct craft *w, bool literal)
{
	struct block_source *pool;
	struct stream_command c;
	struct planner *p;
	struct stream *s;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(block_pool_new(BLOCK_SIZE_MIN, 4, &pool), 0);
	assert_int_equal(stream_new(craft_read, w, pool, &s), 0);
	assert_int_equal(planner_new(literal, record, out, &p), 0);
	while (stream_next(s, &c) == 0)
		assert_int_equal(planner_push(p, &c), 0);
	assert_int_equal(stream_fault(s)->code, STREAM_FAULT_NONE);
	assert_int_equal(planner_flush(p), 0);
	planner_free(p);
	stream_free(s);
	assert_int_equal(block_pool_used(pool), 0); /* nothing is held any more */
	block_pool_free(pool);
	fclose(out);
	craft_free(w);
	return text;
}

#define EXPECT(w, text)                                                                            \
	do {                                                                                       \
		char *got_;                                                                        \
		craft(&(w), STREAM_C_END, "");                                                     \
		got_ = plan(&(w), false);                                                          \
		assert_string_equal(got_, text);                                                   \
		free(got_);                                                                        \
	} while (0)

static void begin(struct craft *w)
{
	craft_new(w);
	craft_header(w, 2);
}

static void make(struct craft *w, const char *path)
{
	craft(w, STREAM_C_MKFILE, "pi", "o300-1-0", 300ull);
	craft(w, STREAM_C_RENAME, "pt", "o300-1-0", path);
}

static void owner_mode_times(struct craft *w, const char *path, uint64_t mode, int64_t time)
{
	craft(w, STREAM_C_CHOWN, "pug", path, 1ull, 2ull);
	craft(w, STREAM_C_CHMOD, "pm", path, mode);
	craft(w, STREAM_C_UTIMES, "pT", path, time);
}

/* The kernel's usual order, all rules at once. */
static void test_usual(void **state)
{
	struct craft w;

	begin(&w);
	craft(&w, STREAM_C_MKDIR, "pi", "o299-1-0", 299ull);
	craft(&w, STREAM_C_RENAME, "pt", "o299-1-0", "d");
	craft(&w, STREAM_C_UTIMES, "pT", "", (int64_t)1);
	owner_mode_times(&w, "d", 02755, 5);
	make(&w, "d/f");
	craft(&w, STREAM_C_UTIMES, "pT", "d", (int64_t)6);
	craft(&w, STREAM_C_LINK, "pl", "d/g", "d/f");
	craft(&w, STREAM_C_WRITE, "pod", "d/f", 0ull, "data", (size_t)4);
	craft(&w, STREAM_C_TRUNCATE, "ps", "d/f", 4ull);
	owner_mode_times(&w, "d/f", 04711, 7);
	craft(&w, STREAM_C_UTIMES, "pT", "d", (int64_t)8);
	craft(&w, STREAM_C_UTIMES, "pT", "", (int64_t)9);
	EXPECT(w, "make mkdir d for o299-1-0 owner=1:2 mode=2755\n"
		  "finish d owner=1:2 mode=2755\n"
		  "make mkfile d/f for o300-1-0 owner=1:2 mode=4711\n"
		  "do link d/g\n"
		  "do write d/f\n"
		  "do truncate d/f\n"
		  "finish d/f owner=1:2 mode=4711 mtime=7\n"
		  "times d mtime=8\n"
		  "times  mtime=9\n"
		  "do end \n");
}

static void test_literal(void **state)
{
	struct craft w;
	char *got;

	begin(&w);
	make(&w, "f");
	owner_mode_times(&w, "f", 0644, 1);
	craft(&w, STREAM_C_END, "");
	got = plan(&w, true);
	assert_string_equal(got, "do mkfile o300-1-0\ndo rename o300-1-0\ndo chown f\ndo chmod f\n"
				 "do utimes f\ndo end \n");
	free(got);
}

/* R1: only the very next command can be the rename. */
static void test_rename_not_next(void **state)
{
	struct craft w;

	begin(&w);
	craft(&w, STREAM_C_MKDIR, "pi", "o300-1-0", 300ull);
	craft(&w, STREAM_C_MKFILE, "pi", "o300-1-0/x", 301ull);
	craft(&w, STREAM_C_RENAME, "pt", "o300-1-0", "d");
	EXPECT(w, "make mkdir o300-1-0\nmake mkfile o300-1-0/x\ndo rename o300-1-0\ndo end \n");
}

static void test_rename_of_another(void **state)
{
	struct craft w;

	begin(&w);
	craft(&w, STREAM_C_MKFILE, "pi", "o300-1-0", 300ull);
	craft(&w, STREAM_C_RENAME, "pt", "a", "b");
	EXPECT(w, "make mkfile o300-1-0\ndo rename a\ndo end \n");
}

static void test_second_rename(void **state)
{
	struct craft w;

	begin(&w);
	make(&w, "a");
	craft(&w, STREAM_C_RENAME, "pt", "a", "b");
	craft(&w, STREAM_C_CHMOD, "pm", "b", 0644ull);
	EXPECT(w, "make mkfile a for o300-1-0\ndo rename a\ndo chmod b\ndo end \n");
}

/* R3: orders in which the kernel would strip something. */
static void test_chown_after_chmod(void **state)
{
	struct craft w;

	begin(&w);
	make(&w, "f");
	craft(&w, STREAM_C_CHMOD, "pm", "f", 04755ull);
	craft(&w, STREAM_C_CHOWN, "pug", "f", 1ull, 2ull);
	EXPECT(w,
	       "make mkfile f for o300-1-0 mode=4755\nfinish f mode=4755\ndo chown f\ndo end \n");
}

static void test_acl_after_chmod(void **state)
{
	struct craft w;

	begin(&w);
	make(&w, "f");
	craft(&w, STREAM_C_SET_XATTR, "px", "f", "system.posix_acl_access", "a", (size_t)1);
	craft(&w, STREAM_C_CHMOD, "pm", "f", 0644ull);
	craft(&w, STREAM_C_SET_XATTR, "px", "f", "user.x", "a", (size_t)1);
	craft(&w, STREAM_C_SET_XATTR, "px", "f", "system.posix_acl_access", "a", (size_t)1);
	EXPECT(w, "make mkfile f for o300-1-0 mode=644\ndo set_xattr f\ndo set_xattr f\n"
		  "finish f mode=644\ndo set_xattr f\ndo end \n");
}

static void test_capability_then_data(void **state)
{
	struct craft w;

	begin(&w);
	make(&w, "f");
	craft(&w, STREAM_C_SET_XATTR, "px", "f", "security.capability", "c", (size_t)1);
	craft(&w, STREAM_C_WRITE, "pod", "f", 0ull, "x", (size_t)1);
	craft(&w, STREAM_C_UTIMES, "pT", "f", (int64_t)3);
	EXPECT(w, "make mkfile f for o300-1-0\ndo set_xattr f\ndo write f\ndo utimes f\ndo end \n");
}

static void test_capability_then_chown(void **state)
{
	struct craft w;

	begin(&w);
	make(&w, "f");
	craft(&w, STREAM_C_SET_XATTR, "px", "f", "security.capability", "c", (size_t)1);
	craft(&w, STREAM_C_CHOWN, "pug", "f", 1ull, 2ull);
	EXPECT(w, "make mkfile f for o300-1-0\ndo set_xattr f\ndo chown f\ndo end \n");
}

static void test_data_after_mode(void **state)
{
	struct craft w;

	begin(&w);
	make(&w, "f");
	craft(&w, STREAM_C_CHMOD, "pm", "f", 04755ull);
	craft(&w, STREAM_C_WRITE, "pod", "f", 0ull, "x", (size_t)1);
	EXPECT(w,
	       "make mkfile f for o300-1-0 mode=4755\nfinish f mode=4755\ndo write f\ndo end \n");
}

/* R4: the times of directories. */
static void test_times_once(void **state)
{
	struct craft w;

	begin(&w);
	for (int i = 1; i <= 5; i++)
		craft(&w, STREAM_C_UTIMES, "pT", "d", (int64_t)i);
	EXPECT(w, "times d mtime=5\ndo end \n");
}

static void test_times_follow_renames(void **state)
{
	struct craft w;

	begin(&w);
	craft(&w, STREAM_C_UTIMES, "pT", "a/b/c", (int64_t)1);
	craft(&w, STREAM_C_UTIMES, "pT", "x", (int64_t)2);
	craft(&w, STREAM_C_RENAME, "pt", "a/b", "x");
	craft(&w, STREAM_C_RENAME, "pt", "x", "y/z");
	EXPECT(w, "do rename a/b\ndo rename x\ntimes y/z/c mtime=1\ndo end \n");
}

static void test_times_go_with_what_is_removed(void **state)
{
	struct craft w;

	begin(&w);
	craft(&w, STREAM_C_UTIMES, "pT", "d", (int64_t)1);
	craft(&w, STREAM_C_RMDIR, "p", "d");
	craft(&w, STREAM_C_UTIMES, "pT", "f", (int64_t)1);
	craft(&w, STREAM_C_UNLINK, "p", "f");
	craft(&w, STREAM_C_UTIMES, "pT", "g", (int64_t)1);
	make(&w, "g");
	EXPECT(w, "do rmdir d\ndo unlink f\nmake mkfile g for o300-1-0\ndo end \n");
}

static void test_times_before_data_and_links(void **state)
{
	struct craft w;

	begin(&w);
	craft(&w, STREAM_C_UTIMES, "pT", "f", (int64_t)1);
	craft(&w, STREAM_C_WRITE, "pod", "f", 0ull, "x", (size_t)1);
	craft(&w, STREAM_C_UTIMES, "pT", "f", (int64_t)2); /* of the file written: at once */
	craft(&w, STREAM_C_UTIMES, "pT", "g", (int64_t)3);
	craft(&w, STREAM_C_LINK, "pl", "h", "g");
	craft(&w, STREAM_C_UNLINK, "p", "g");
	EXPECT(w, "times f mtime=1\ndo write f\ndo utimes f\ntimes g mtime=3\ndo link h\n"
		  "do unlink g\ndo end \n");
}

static void test_times_before_the_next_subvolume(void **state)
{
	struct craft w;

	begin(&w);
	craft(&w, STREAM_C_SUBVOL, "pU", "one", craft_uuid, 1ull);
	craft(&w, STREAM_C_UTIMES, "pT", "", (int64_t)1);
	craft(&w, STREAM_C_SUBVOL, "pU", "two", craft_uuid, 2ull);
	craft(&w, STREAM_C_UTIMES, "pT", "", (int64_t)2);
	EXPECT(w, "do subvol one\ntimes  mtime=1\ndo subvol two\ntimes  mtime=2\ndo end \n");
}

static void test_limit_of_later(void **state)
{
	struct craft w;
	char path[32], *got;
	size_t lines = 0;

	begin(&w);
	for (int i = 0; i <= PLANNER_LATER; i++) {
		snprintf(path, sizeof(path), "d%d", i);
		craft(&w, STREAM_C_UTIMES, "pT", path, (int64_t)i);
	}
	craft(&w, STREAM_C_RMDIR, "p", "x");
	craft(&w, STREAM_C_END, "");
	got = plan(&w, false);
	for (const char *p = got; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, PLANNER_LATER + 1 + 2);
	/* One more than fits: all were set before the next command. */
	assert_non_null(strstr(got, "\ndo rmdir x\ndo end \n"));
	free(got);
}

/* Names on the way to a path take memory too: a stream decides how many. */
static void test_limit_of_depth(void **state)
{
	enum { COMPONENTS = 2000, PATHS = 4 * PLANNER_LATER / COMPONENTS + 2 };
	char path[2 * COMPONENTS + 16], *got;
	struct craft w;

	begin(&w);
	for (int i = 0; i < PATHS; i++) {
		int at = snprintf(path, sizeof(path), "%d", i);

		for (int n = 1; n < COMPONENTS; n++)
			at += sprintf(path + at, "/a");
		if (i % 2) {
			craft(&w, STREAM_C_MKDIR, "pi", path, 300ull);
			craft(&w, STREAM_C_UTIMES, "pT", path, (int64_t)i);
		} else {
			craft(&w, STREAM_C_UTIMES, "pT", path, (int64_t)i);
		}
	}
	craft(&w, STREAM_C_RMDIR, "p", "x");
	craft(&w, STREAM_C_END, "");
	got = plan(&w, false);
	assert_in_range(strstr(got, "times ") - got, 0, strstr(got, "do rmdir x") - got);
	free(got);
}

/* The window: what does not fit is emitted, and the rest follows command by command. */
static void test_limit_of_commands(void **state)
{
	struct craft w;
	char *got;

	begin(&w);
	make(&w, "f");
	for (int i = 0; i < PLANNER_COMMANDS; i++)
		craft(&w, STREAM_C_WRITE, "pod", "f", (uint64_t)i, "x", (size_t)1);
	owner_mode_times(&w, "f", 0644, 1);
	craft(&w, STREAM_C_END, "");
	got = plan(&w, false);
	assert_true(!strncmp(got, "make mkfile f for o300-1-0\ndo write f\n", 38));
	assert_non_null(strstr(got, "do write f\ndo chown f\ndo chmod f\ndo utimes f\ndo end \n"));
	free(got);
}

static void test_limit_of_bytes(void **state)
{
	static char data[100000];
	struct craft w;
	char *got;

	begin(&w);
	make(&w, "f");
	for (int i = 0; i < 6; i++)
		craft(&w, STREAM_C_WRITE, "pod", "f", (uint64_t)i, data, sizeof(data));
	craft(&w, STREAM_C_CHMOD, "pm", "f", 0644ull);
	craft(&w, STREAM_C_END, "");
	got = plan(&w, false);
	assert_true(!strncmp(got, "make mkfile f for o300-1-0\n", 27));
	assert_non_null(strstr(got, "do chmod f\n"));
	free(got);
}

static void test_special_inodes(void **state)
{
	struct craft w;

	begin(&w);
	craft(&w, STREAM_C_SYMLINK, "pil", "o300-1-0", 300ull, "/x");
	craft(&w, STREAM_C_RENAME, "pt", "o300-1-0", "l");
	craft(&w, STREAM_C_CHOWN, "pug", "l", 1ull, 2ull);
	craft(&w, STREAM_C_UTIMES, "pT", "l", (int64_t)4);
	craft(&w, STREAM_C_MKNOD, "pimr", "o301-1-0", 301ull, 020600ull, 5ull);
	craft(&w, STREAM_C_RENAME, "pt", "o301-1-0", "n");
	craft(&w, STREAM_C_WRITE, "pod", "n", 0ull, "x", (size_t)1); /* not of a device */
	EXPECT(w, "make symlink l for o300-1-0 owner=1:2\nfinish l owner=1:2 mtime=4\n"
		  "make mknod n for o301-1-0\ndo write n\ndo end \n");
}

static void write_encoded(struct craft *w, const char *path, uint64_t at, uint64_t len)
{
	craft_begin(w, STREAM_C_ENCODED_WRITE);
	craft_string(w, STREAM_A_PATH, path);
	craft_u64(w, STREAM_A_FILE_OFFSET, at);
	craft_u64(w, STREAM_A_UNENCODED_FILE_LEN, len);
	craft_u64(w, STREAM_A_UNENCODED_LEN, 131072);
	craft_u64(w, STREAM_A_UNENCODED_OFFSET, 0);
	craft_u32(w, STREAM_A_COMPRESSION, 2);
	craft_attribute(w, STREAM_A_DATA, "payload", 7);
	craft_end(w);
}

/* R6 (tail.c): the truncation must be of that path, and to that very byte. */
static void test_shrinking_tail(void **state)
{
	struct craft w;

	begin(&w);
	write_encoded(&w, "f", 0, 4096);
	write_encoded(&w, "f", 4096, 100);
	craft(&w, STREAM_C_TRUNCATE, "ps", "f", 4196ull);
	write_encoded(&w, "g", 4096, 100);
	craft(&w, STREAM_C_TRUNCATE, "ps", "g", 4197ull);
	write_encoded(&w, "g", 4096, 100);
	craft(&w, STREAM_C_TRUNCATE, "ps", "f", 4196ull);
	write_encoded(&w, "g", 4096, 4096);
	craft(&w, STREAM_C_TRUNCATE, "ps", "g", 8192ull);
	write_encoded(&w, "g", UINT64_MAX - 4095, 4097); /* ends at byte 1, seemingly */
	craft(&w, STREAM_C_TRUNCATE, "ps", "g", 1ull);
	EXPECT(w, "do encoded_write f\ndo encoded_write f cut\ndo truncate f\n"
		  "do encoded_write g\ndo truncate g\n"
		  "do encoded_write g\ndo truncate f\n"
		  "do encoded_write g\ndo truncate g\n"
		  "do encoded_write g\ndo truncate g\n"
		  "do end \n");
}

/* R6: what may stand between the extent and its truncation. */
static void test_tail_goes_on(void **state)
{
	struct craft w;

	begin(&w);
	write_encoded(&w, "f", 8192, 100);
	craft(&w, STREAM_C_WRITE, "pod", "f", 8188ull, "data", (size_t)4);
	write_encoded(&w, "f", 0, 50); /* no tail: nothing ends there */
	craft(&w, STREAM_C_SET_XATTR, "px", "f", "user.x", "v", (size_t)1);
	owner_mode_times(&w, "f", 0600, 7);
	craft(&w, STREAM_C_UTIMES, "pT", "", (int64_t)8);
	craft(&w, STREAM_C_TRUNCATE, "ps", "f", 8292ull);
	write_encoded(&w, "f", 8192, 100); /* nothing is left of the one before */
	craft(&w, STREAM_C_TRUNCATE, "ps", "f", 8292ull);
	EXPECT(w, "do encoded_write f cut\ndo write f\ndo encoded_write f\ndo set_xattr f\n"
		  "do chown f\ndo chmod f\ndo utimes f\ndo truncate f\n"
		  "do encoded_write f cut\ndo truncate f\n"
		  "times  mtime=8\ndo end \n");
}

/* R6: what may not, for it could tell the difference. */
static void test_tail_ends(void **state)
{
	struct craft w;

	begin(&w);
	write_encoded(&w, "f", 8192, 100);
	craft(&w, STREAM_C_WRITE, "pod", "f", 8189ull, "data", (size_t)4); /* a byte too far */
	craft(&w, STREAM_C_TRUNCATE, "ps", "f", 8292ull);
	write_encoded(&w, "f", 8192, 100);
	craft(&w, STREAM_C_WRITE, "pod", "g", 0ull, "x", (size_t)1); /* f by another name? */
	craft(&w, STREAM_C_TRUNCATE, "ps", "f", 8292ull);
	write_encoded(&w, "f", 8192, 100);
	craft(&w, STREAM_C_RENAME, "pt", "f", "g");
	craft(&w, STREAM_C_TRUNCATE, "ps", "f", 8292ull);
	write_encoded(&w, "f", 8192, 100); /* of these two the second is the tail */
	write_encoded(&w, "f", 12288, 100);
	craft(&w, STREAM_C_TRUNCATE, "ps", "f", 12388ull);
	write_encoded(&w, "f", 8192, 100);
	craft_begin(&w, STREAM_C_CLONE);
	craft_string(&w, STREAM_A_PATH, "g");
	craft_u64(&w, STREAM_A_FILE_OFFSET, 0);
	craft_u64(&w, STREAM_A_CLONE_LEN, 4096);
	craft_attribute(&w, STREAM_A_CLONE_UUID, craft_uuid, 16);
	craft_u64(&w, STREAM_A_CLONE_CTRANSID, 1);
	craft_string(&w, STREAM_A_CLONE_PATH, "f");
	craft_u64(&w, STREAM_A_CLONE_OFFSET, 0);
	craft_end(&w);
	craft(&w, STREAM_C_TRUNCATE, "ps", "f", 8292ull);
	EXPECT(w, "do encoded_write f\ndo write f\ndo truncate f\n"
		  "do encoded_write f\ndo write g\ndo truncate f\n"
		  "do encoded_write f\ndo rename f\ndo truncate f\n"
		  "do encoded_write f\ndo encoded_write f cut\ndo truncate f\n"
		  "do encoded_write f\ndo clone g\ndo truncate f\n"
		  "do end \n");
}

/* The window: behind it, the truncation is not seen any more. */
static void test_limit_of_tail(void **state)
{
	for (int n = TAIL_COMMANDS - 1; n <= TAIL_COMMANDS; n++) {
		struct craft w;
		char *got;

		begin(&w);
		write_encoded(&w, "f", 8192, 100);
		for (int i = 0; i < n; i++)
			craft(&w, STREAM_C_CHMOD, "pm", "f", 0600ull);
		craft(&w, STREAM_C_TRUNCATE, "ps", "f", 8292ull);
		craft(&w, STREAM_C_END, "");
		got = plan(&w, false);
		assert_int_equal(!strncmp(got, "do encoded_write f cut\n", 23), n < TAIL_COMMANDS);
		free(got);
	}
}

/* A checkpoint: what is held comes out, as it is. */
static void test_tail_and_flush(void **state)
{
	struct block_source *pool;
	struct stream_command c;
	struct planner *p;
	struct stream *s;
	struct craft w;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	begin(&w);
	write_encoded(&w, "f", 4096, 100);
	craft(&w, STREAM_C_TRUNCATE, "ps", "f", 4196ull);
	assert_int_equal(block_pool_new(BLOCK_SIZE_MIN, 2, &pool), 0);
	assert_int_equal(stream_new(craft_read, &w, pool, &s), 0);
	assert_int_equal(planner_new(false, record, out, &p), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stream_next(s, &c), 0);
		assert_int_equal(planner_push(p, &c), 0);
		assert_int_equal(planner_flush(p), 0);
	}
	planner_free(p);
	stream_free(s);
	assert_int_equal(block_pool_used(pool), 0);
	block_pool_free(pool);
	fclose(out);
	assert_string_equal(text, "do encoded_write f\ndo truncate f\n");
	free(text);
	craft_free(&w);
}

static int refuse(void *userdata, const struct action *a)
{
	return -EDQUOT;
}

static void test_errors_come_back(void **state)
{
	struct block_source *pool;
	struct stream_command c;
	struct planner *p;
	struct stream *s;
	struct craft w;

	begin(&w);
	make(&w, "f");
	craft(&w, STREAM_C_UNLINK, "p", "g");
	assert_int_equal(block_pool_new(BLOCK_SIZE_MIN, 2, &pool), 0);
	assert_int_equal(stream_new(craft_read, &w, pool, &s), 0);
	assert_int_equal(planner_new(false, refuse, NULL, &p), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stream_next(s, &c), 0);
		assert_int_equal(planner_push(p, &c), 0);
	}
	assert_int_equal(stream_next(s, &c), 0);
	assert_int_equal(planner_push(p, &c), -EDQUOT);
	planner_free(p);
	stream_free(s);
	assert_int_equal(block_pool_used(pool), 0);
	block_pool_free(pool);
	craft_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_literal),
		cmocka_unit_test(test_rename_not_next),
		cmocka_unit_test(test_rename_of_another),
		cmocka_unit_test(test_second_rename),
		cmocka_unit_test(test_chown_after_chmod),
		cmocka_unit_test(test_acl_after_chmod),
		cmocka_unit_test(test_capability_then_data),
		cmocka_unit_test(test_capability_then_chown),
		cmocka_unit_test(test_data_after_mode),
		cmocka_unit_test(test_times_once),
		cmocka_unit_test(test_times_follow_renames),
		cmocka_unit_test(test_times_go_with_what_is_removed),
		cmocka_unit_test(test_times_before_data_and_links),
		cmocka_unit_test(test_times_before_the_next_subvolume),
		cmocka_unit_test(test_limit_of_later),
		cmocka_unit_test(test_limit_of_depth),
		cmocka_unit_test(test_limit_of_commands),
		cmocka_unit_test(test_limit_of_bytes),
		cmocka_unit_test(test_special_inodes),
		cmocka_unit_test(test_shrinking_tail),
		cmocka_unit_test(test_tail_goes_on),
		cmocka_unit_test(test_tail_ends),
		cmocka_unit_test(test_limit_of_tail),
		cmocka_unit_test(test_tail_and_flush),
		cmocka_unit_test(test_errors_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
