// SPDX-License-Identifier: GPL-2.0-or-later
/* Framing, attributes and faults, on streams written by hand. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../stream/craft.h"

struct fixture {
	struct craft craft;
	struct block_source *pool;
	struct stream *stream;
	struct stream_command c;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	craft_new(&f->craft);
	assert_int_equal(block_pool_new(BLOCK_SIZE_MIN, 3, &f->pool), 0);
	assert_int_equal(stream_new(craft_read, &f->craft, f->pool, &f->stream), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	stream_free(f->stream);
	assert_int_equal(block_pool_used(f->pool), 0);
	block_pool_free(f->pool);
	craft_free(&f->craft);
	free(f);
	return 0;
}

static void expect(struct fixture *f, enum stream_op op)
{
	assert_int_equal(stream_next(f->stream, &f->c), 0);
	assert_int_equal(f->c.op, op);
}

static void expect_fault(struct fixture *f, enum stream_fault_code code, int error)
{
	assert_int_equal(stream_next(f->stream, &f->c), error);
	assert_int_equal(stream_fault(f->stream)->code, code);
	assert_int_equal(stream_fault(f->stream)->error, error);
	/* What cannot be recovered from stays. */
	if (!stream_fault_recoverable(stream_fault(f->stream)))
		assert_int_equal(stream_next(f->stream, &f->c), error);
}

static bool string_is(struct stream_string s, const char *text)
{
	return s.size == strlen(text) && !memcmp(s.data, text, s.size);
}

static void test_every_field(void **state)
{
	struct fixture *f = *state;
	struct craft *w = &f->craft;
	uint8_t salt[3] = { 1, 2, 3 };

	craft_header(w, 3);
	craft(w, STREAM_C_SNAPSHOT, "pUC", "snap", craft_uuid, 77ull, craft_parent_uuid, 66ull);
	craft(w, STREAM_C_MKNOD, "pimr", "o257-7-0", 257ull, 020644ull, 0x103ull);
	craft(w, STREAM_C_RENAME, "pt", "o257-7-0", "dev/null");
	craft(w, STREAM_C_SET_XATTR, "px", "dev", "user.a", "v\0w", (size_t)3);
	craft(w, STREAM_C_CHOWN, "pug", "dev", 1000ull, UINT64_MAX);
	craft_begin(w, STREAM_C_UTIMES);
	craft_string(w, STREAM_A_PATH, "");
	craft_time(w, STREAM_A_ATIME, -5, 999999999);
	craft_time(w, STREAM_A_MTIME, INT64_MAX, 0);
	craft_time(w, STREAM_A_CTIME, 3, 4);
	craft_end(w);
	craft_begin(w, STREAM_C_CLONE);
	craft_string(w, STREAM_A_PATH, "f");
	craft_u64(w, STREAM_A_FILE_OFFSET, 4096);
	craft_u64(w, STREAM_A_CLONE_LEN, 5ull << 32);
	craft_attribute(w, STREAM_A_CLONE_UUID, craft_uuid, 16);
	craft_u64(w, STREAM_A_CLONE_CTRANSID, 9);
	craft_string(w, STREAM_A_CLONE_PATH, "g/h");
	craft_u64(w, STREAM_A_CLONE_OFFSET, 8192);
	craft_end(w);
	craft_begin(w, STREAM_C_ENCODED_WRITE);
	craft_string(w, STREAM_A_PATH, "f");
	craft_u64(w, STREAM_A_FILE_OFFSET, 1);
	craft_u64(w, STREAM_A_UNENCODED_FILE_LEN, 2);
	craft_u64(w, STREAM_A_UNENCODED_LEN, 3);
	craft_u64(w, STREAM_A_UNENCODED_OFFSET, 4);
	craft_u32(w, STREAM_A_COMPRESSION, 2);
	craft_attribute(w, STREAM_A_DATA, "payload", 7);
	craft_end(w);
	craft_begin(w, STREAM_C_ENABLE_VERITY);
	craft_string(w, STREAM_A_PATH, "f");
	craft_attribute(w, STREAM_A_VERITY_ALGORITHM, "\1", 1);
	craft_u32(w, STREAM_A_VERITY_BLOCK_SIZE, 4096);
	craft_attribute(w, STREAM_A_VERITY_SALT, salt, 3);
	craft_attribute(w, STREAM_A_VERITY_SIG, NULL, 0);
	craft_end(w);
	craft(w, STREAM_C_END, "");

	expect(f, STREAM_C_SNAPSHOT);
	assert_int_equal(f->c.position, STREAM_HEADER_SIZE);
	assert_int_equal(f->c.version, 3);
	assert_memory_equal(f->c.uuid, craft_uuid, 16);
	assert_memory_equal(f->c.clone_uuid, craft_parent_uuid, 16);
	assert_int_equal(f->c.ctransid, 77);
	assert_int_equal(f->c.clone_ctransid, 66);
	expect(f, STREAM_C_MKNOD);
	assert_int_equal(f->c.mode, 020644);
	assert_int_equal(f->c.rdev, 0x103);
	assert_int_equal(f->c.ino, 257);
	expect(f, STREAM_C_RENAME);
	assert_true(string_is(f->c.path, "o257-7-0"));
	assert_true(string_is(f->c.path_to, "dev/null"));
	expect(f, STREAM_C_SET_XATTR);
	assert_true(string_is(f->c.xattr_name, "user.a"));
	assert_int_equal(f->c.xattr_data.size, 3);
	assert_memory_equal(f->c.xattr_data.data, "v\0w", 3);
	expect(f, STREAM_C_CHOWN);
	assert_int_equal(f->c.uid, 1000);
	assert_true(f->c.gid == UINT64_MAX);
	expect(f, STREAM_C_UTIMES);
	assert_int_equal(f->c.path.size, 0);
	assert_int_equal(f->c.atime.tv_sec, -5);
	assert_int_equal(f->c.atime.tv_nsec, 999999999);
	assert_true(f->c.mtime.tv_sec == INT64_MAX);
	assert_false(command_has(&f->c, STREAM_A_OTIME));
	expect(f, STREAM_C_CLONE);
	assert_true(f->c.clone_len == 5ull << 32);
	assert_true(string_is(f->c.clone_path, "g/h"));
	assert_int_equal(f->c.clone_offset, 8192);
	expect(f, STREAM_C_ENCODED_WRITE);
	assert_int_equal(f->c.unencoded_file_len, 2);
	assert_int_equal(f->c.unencoded_len, 3);
	assert_int_equal(f->c.unencoded_offset, 4);
	assert_int_equal(f->c.compression, 2);
	assert_int_equal(f->c.encryption, 0);
	assert_int_equal(f->c.data.size, 7);
	assert_memory_equal(f->c.data.data, "payload", 7);
	expect(f, STREAM_C_ENABLE_VERITY);
	assert_int_equal(f->c.verity_algorithm, 1);
	assert_int_equal(f->c.verity_block_size, 4096);
	assert_int_equal(f->c.verity_salt.size, 3);
	assert_int_equal(f->c.verity_sig.size, 0);
	expect(f, STREAM_C_END);
	assert_int_equal(stream_next(f->stream, &f->c), STREAM_DONE);
	assert_int_equal(stream_position(f->stream), w->size);
}

static void test_order_duplicates_unknown_attributes(void **state)
{
	struct fixture *f = *state;
	struct craft *w = &f->craft;

	craft_header(w, 1);
	craft_begin(w, STREAM_C_RENAME);
	craft_string(w, STREAM_A_PATH_TO, "wrong");
	craft_attribute(w, 36, "from the future", 15);
	craft_attribute(w, 0, "nothing", 7);
	craft_attribute(w, 0xffff, "", 0);
	craft_string(w, STREAM_A_PATH_TO, "right");
	craft_u32(w, STREAM_A_SIZE, 1); /* of no use here, so its wrong size is of none either */
	craft_string(w, STREAM_A_PATH, "from");
	craft_end(w);
	/* In version 1 DATA has a length like the others, and may stand anywhere. */
	craft_begin(w, STREAM_C_WRITE);
	craft_attribute(w, STREAM_A_DATA, "data", 4);
	craft_u64(w, STREAM_A_FILE_OFFSET, 1);
	craft_string(w, STREAM_A_PATH, "f");
	craft_end(w);

	expect(f, STREAM_C_RENAME);
	assert_true(string_is(f->c.path, "from"));
	assert_true(string_is(f->c.path_to, "right"));
	expect(f, STREAM_C_WRITE);
	assert_int_equal(f->c.data.size, 4);
	assert_int_equal(f->c.file_offset, 1);
	expect_fault(f, STREAM_FAULT_TRUNCATED, -ENODATA);
}

static void test_unknown_commands(void **state)
{
	struct fixture *f = *state;
	struct craft *w = &f->craft;
	char text[256];

	craft_header(w, 1);
	craft(w, 0, "p", "placeholder");
	craft(w, STREAM_COMMAND_IGNORABLE | 5, "p", "annotation");
	craft(w, STREAM_C_UNLINK, "p", "f");
	craft(w, STREAM_COMMAND_COUNT, "p", "x");
	craft(w, STREAM_C_UNLINK, "p", "g");
	craft(w, STREAM_COMMAND_IGNORABLE - 1, "p", "x");
	craft(w, STREAM_C_END, "");

	expect(f, STREAM_C_UNLINK);
	expect_fault(f, STREAM_FAULT_COMMAND, -EOPNOTSUPP);
	stream_fault_format(stream_fault(f->stream), text, sizeof(text));
	assert_string_equal(text, "stream offset 81, command unknown (27): unknown command");
	expect(f, STREAM_C_UNLINK);
	assert_true(string_is(f->c.path, "g"));
	expect_fault(f, STREAM_FAULT_COMMAND, -EOPNOTSUPP);
	expect(f, STREAM_C_END);
}

static void test_concatenated(void **state)
{
	struct fixture *f = *state;
	struct craft *w = &f->craft;

	for (uint32_t v = 1; v <= STREAM_VERSION_MAX; v++) {
		craft_header(w, v);
		craft(w, STREAM_C_SUBVOL, "pU", "s", craft_uuid, 1ull);
		craft(w, STREAM_C_WRITE, "pod", "f", 0ull, "data", (size_t)4);
		craft(w, STREAM_C_END, "");
	}
	for (uint32_t v = 1; v <= STREAM_VERSION_MAX; v++) {
		expect(f, STREAM_C_SUBVOL);
		assert_int_equal(f->c.version, v);
		assert_int_equal(f->c.stream, v - 1);
		expect(f, STREAM_C_WRITE);
		assert_int_equal(f->c.data.size, 4);
		expect(f, STREAM_C_END);
	}
	assert_int_equal(stream_next(f->stream, &f->c), STREAM_DONE);
	assert_int_equal(stream_next(f->stream, &f->c), STREAM_DONE);
	craft_raw(w, "trailing", 8);
	expect_fault(f, STREAM_FAULT_TRUNCATED, -ENODATA);
}

static void test_header(void **state)
{
	struct fixture *f = *state;

	craft_raw(&f->craft, "btrfs-strean\0\1\0\0\0", STREAM_HEADER_SIZE);
	expect_fault(f, STREAM_FAULT_MAGIC, -EBADMSG);
}

static void test_no_input(void **state)
{
	expect_fault(*state, STREAM_FAULT_TRUNCATED, -ENODATA);
}

static void test_version_zero(void **state)
{
	struct fixture *f = *state;

	craft_header(&f->craft, 0);
	expect_fault(f, STREAM_FAULT_VERSION, -EPROTONOSUPPORT);
}

static void test_version_beyond(void **state)
{
	struct fixture *f = *state;

	craft_header(&f->craft, STREAM_VERSION_MAX + 1);
	expect_fault(f, STREAM_FAULT_VERSION, -EPROTONOSUPPORT);
	assert_int_equal(stream_fault(f->stream)->found, STREAM_VERSION_MAX + 1);
}

/* A WRITE whose size on the wire is exactly total. */
static void craft_sized(struct craft *w, size_t total)
{
	size_t fixed;
	uint8_t *fill = calloc(1, total);

	craft_begin(w, STREAM_C_WRITE);
	craft_string(w, STREAM_A_PATH, "f");
	craft_u64(w, STREAM_A_FILE_OFFSET, 0);
	fixed = w->size - w->command + (w->version < 2 ? 4 : 2);
	craft_attribute(w, STREAM_A_DATA, fill, total - fixed);
	craft_end(w);
	free(fill);
}

static void test_limit_v1(void **state)
{
	struct fixture *f = *state;

	craft_header(&f->craft, 1);
	craft_sized(&f->craft, STREAM_COMMAND_MAX_V1);
	craft_sized(&f->craft, STREAM_COMMAND_MAX_V1 + 1);
	expect(f, STREAM_C_WRITE);
	assert_int_equal(f->c.length, STREAM_COMMAND_MAX_V1);
	expect_fault(f, STREAM_FAULT_LENGTH, -EMSGSIZE);
}

static void test_limit_v2(void **state)
{
	struct fixture *f = *state;

	craft_header(&f->craft, 2);
	craft_sized(&f->craft, STREAM_COMMAND_MAX);
	craft_sized(&f->craft, STREAM_COMMAND_MAX);
	craft_sized(&f->craft, STREAM_COMMAND_MAX + 1);
	expect(f, STREAM_C_WRITE);
	expect(f, STREAM_C_WRITE);
	assert_int_equal(f->c.length, STREAM_COMMAND_MAX);
	expect_fault(f, STREAM_FAULT_LENGTH, -EMSGSIZE);
}

static void test_limit_overflow(void **state)
{
	struct fixture *f = *state;
	uint8_t header[STREAM_COMMAND_HEADER] = { 0xff, 0xff, 0xff, 0xff, 15 };

	craft_header(&f->craft, 2);
	craft_raw(&f->craft, header, sizeof(header));
	expect_fault(f, STREAM_FAULT_LENGTH, -EMSGSIZE);
	assert_true(stream_fault(f->stream)->found == 0xffffffffull + STREAM_COMMAND_HEADER);
}

/* Whatever single bit of a command is wrong, nothing of it is believed. */
static void test_every_bit_is_covered(void **state)
{
	struct fixture *f = *state;
	struct craft *w = &f->craft;
	size_t end;

	craft_header(w, 2);
	craft(w, STREAM_C_RENAME, "pt", "from", "to");
	end = w->size;
	craft(w, STREAM_C_END, "");
	for (size_t bit = 8 * STREAM_HEADER_SIZE; bit < 8 * end; bit++) {
		struct stream *s;

		w->data[bit / 8] ^= 1 << bit % 8;
		w->read = 0;
		assert_int_equal(stream_new(craft_read, w, f->pool, &s), 0);
		assert_true(stream_next(s, &f->c) < 0);
		assert_false(stream_fault_recoverable(stream_fault(s)));
		assert_int_equal(stream_fault(s)->position, STREAM_HEADER_SIZE);
		stream_free(s);
		w->data[bit / 8] ^= 1 << bit % 8;
	}
}

static void test_every_truncation(void **state)
{
	struct fixture *f = *state;
	struct craft *w = &f->craft;
	size_t full;

	craft_header(w, 2);
	craft(w, STREAM_C_RENAME, "pt", "from", "to");
	craft(w, STREAM_C_END, "");
	full = w->size;
	for (w->size = 0; w->size <= full; w->size++) {
		struct stream *s;
		int r;

		w->read = 0;
		assert_int_equal(stream_new(craft_read, w, f->pool, &s), 0);
		while ((r = stream_next(s, &f->c)) == 0)
			;
		assert_int_equal(r, w->size == full ? STREAM_DONE : -ENODATA);
		stream_free(s);
	}
	w->size = full;
}

static void test_attribute_faults(void **state)
{
	struct fixture *f = *state;
	struct craft *w = &f->craft;
	char text[256];

	craft_header(w, 2);
	craft(w, STREAM_C_RENAME, "p", "from"); /* PATH_TO missing */
	craft_begin(w, STREAM_C_TRUNCATE);
	craft_string(w, STREAM_A_PATH, "f");
	craft_u32(w, STREAM_A_SIZE, 7);
	craft_end(w);
	craft_begin(w, STREAM_C_UNLINK);
	craft_raw(w, "\x0f\0\5\0four", 8); /* one byte more than there is */
	craft_end(w);
	craft_begin(w, STREAM_C_UNLINK);
	craft_string(w, STREAM_A_PATH, "f");
	craft_raw(w, "\x0f", 1);
	craft_end(w);
	craft_begin(w, STREAM_C_UNLINK);
	craft_string(w, STREAM_A_PATH, "f");
	craft_raw(w, "\x0f\0\0", 3);
	craft_end(w);
	craft_begin(w, STREAM_C_UNLINK);
	craft_attribute(w, STREAM_A_PATH, "a\0b", 3);
	craft_end(w);
	craft_begin(w, STREAM_C_UTIMES);
	craft_string(w, STREAM_A_PATH, "f");
	craft_time(w, STREAM_A_ATIME, 0, 1000000000);
	craft_time(w, STREAM_A_MTIME, 0, 0);
	craft_time(w, STREAM_A_CTIME, 0, 0);
	craft_end(w);
	craft(w, STREAM_C_END, "");

	expect_fault(f, STREAM_FAULT_ATTRIBUTE_MISSING, -EBADMSG);
	stream_fault_format(stream_fault(f->stream), text, sizeof(text));
	assert_string_equal(
		text, "stream offset 17, command rename (9), attribute PATH_TO: attribute missing");
	expect_fault(f, STREAM_FAULT_ATTRIBUTE_SIZE, -EBADMSG);
	assert_int_equal(stream_fault(f->stream)->attribute, STREAM_A_SIZE);
	assert_int_equal(stream_fault(f->stream)->found, 4);
	expect_fault(f, STREAM_FAULT_ATTRIBUTE_LENGTH, -EBADMSG);
	expect_fault(f, STREAM_FAULT_ATTRIBUTE_LENGTH, -EBADMSG);
	expect_fault(f, STREAM_FAULT_ATTRIBUTE_LENGTH, -EBADMSG);
	expect_fault(f, STREAM_FAULT_STRING, -EBADMSG);
	expect_fault(f, STREAM_FAULT_TIME, -EBADMSG);
	expect(f, STREAM_C_END);
	assert_int_equal(stream_next(f->stream, &f->c), STREAM_DONE);
}

/* A byte at a time, over block borders, and with commands kept beyond their block. */
static void test_blocks_and_short_reads(void **state)
{
	struct fixture *f = *state;
	struct craft *w = &f->craft;
	uint8_t data[100000];
	struct stream_command kept = { 0 };
	int commands = 0;

	craft_header(w, 2);
	for (int i = 0; i < 40; i++) {
		memset(data, i, sizeof(data));
		craft(w, STREAM_C_WRITE, "pod", "file", (uint64_t)i, data, sizeof(data) - i);
	}
	craft(w, STREAM_C_END, "");
	w->chunk = 7777;
	while (stream_next(f->stream, &f->c) == 0) {
		if (f->c.op == STREAM_C_WRITE) {
			assert_int_equal(f->c.file_offset, commands);
			assert_int_equal(f->c.data.size, sizeof(data) - commands);
			assert_int_equal(f->c.data.data[0], commands);
			assert_int_equal(f->c.data.data[f->c.data.size - 1], commands);
		}
		if (++commands == 5) {
			kept = f->c;
			block_ref(kept.block);
		}
	}
	assert_int_equal(commands, 41);
	assert_int_equal(block_pool_used(f->pool), 2);
	memset(data, 4, sizeof(data));
	assert_memory_equal(kept.data.data, data, kept.data.size);
	assert_true(string_is(kept.path, "file"));
	block_unref(kept.block);
}

/* What nobody holds is read into again while the cache has it: all lies near the block's start. */
static void test_one_block_is_enough(void **state)
{
	static uint8_t payload[100000];
	struct fixture *f = *state;
	const uint8_t *block = NULL;

	craft_header(&f->craft, 2);
	for (unsigned int i = 0; i < 60; i++) {
		memset(payload, (int)i, sizeof(payload));
		craft(&f->craft, STREAM_C_WRITE, "pod", "f", (uint64_t)i, payload, sizeof(payload));
	}
	craft(&f->craft, STREAM_C_END, "");
	for (unsigned int i = 0; i < 60; i++) {
		expect(f, STREAM_C_WRITE);
		memset(payload, (int)i, sizeof(payload));
		assert_int_equal(f->c.data.size, sizeof(payload));
		assert_memory_equal(f->c.data.data, payload, sizeof(payload));
		block = block ?: f->c.block->data;
		assert_ptr_equal(f->c.block->data, block);
		assert_in_range((const uint8_t *)f->c.data.data - block, 0, 512 << 10);
	}
	expect(f, STREAM_C_END);
}

static void test_memory_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct craft *w = &f->craft;
	struct block *kept[8];
	int n = 0, r;

	craft_header(w, 2);
	for (int i = 0; i < 6; i++)
		craft_sized(w, STREAM_COMMAND_MAX - 1);
	while ((r = stream_next(f->stream, &f->c)) == 0)
		kept[n++] = block_ref(f->c.block);
	assert_int_equal(r, -ENOBUFS); /* three blocks are all there are */
	assert_int_equal(stream_fault(f->stream)->code, STREAM_FAULT_MEMORY);
	assert_int_equal(n, 3);
	while (n)
		block_unref(kept[--n]);
}

static ssize_t read_fails(void *userdata, void *buffer, size_t size)
{
	int *calls = userdata;

	errno = (*calls)++ ? EIO : EINTR;
	return -1;
}

static void test_read_error(void **state)
{
	struct fixture *f = *state;
	struct stream *s;
	char text[128];
	int calls = 0;

	assert_int_equal(stream_new(read_fails, &calls, f->pool, &s), 0);
	assert_int_equal(stream_next(s, &f->c), -EIO);
	assert_int_equal(calls, 2);
	stream_fault_format(stream_fault(s), text, sizeof(text));
	assert_string_equal(text, "stream offset 0: the input cannot be read (Input/output error)");
	stream_free(s);
}

static void test_pipe(void **state)
{
	struct fixture *f = *state;
	struct stream *s;
	int fds[2];

	craft_header(&f->craft, 1);
	craft(&f->craft, STREAM_C_END, "");
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], f->craft.data, f->craft.size), f->craft.size);
	close(fds[1]);
	assert_int_equal(stream_new_fd(fds[0], f->pool, &s), 0);
	assert_int_equal(stream_next(s, &f->c), 0);
	assert_int_equal(stream_next(s, &f->c), STREAM_DONE);
	stream_free(s);
	close(fds[0]);
}

static void test_names(void **state)
{
	for (int i = 1; i < STREAM_COMMAND_COUNT; i++)
		assert_string_not_equal(stream_op_name(i), "unknown");
	for (int i = 1; i < STREAM_ATTRIBUTE_COUNT; i++)
		assert_string_not_equal(stream_attribute_name(i), "unknown");
	assert_string_equal(stream_op_name(0), "unknown");
	assert_string_equal(stream_op_name(STREAM_COMMAND_COUNT), "unknown");
	assert_string_equal(stream_attribute_name(STREAM_ATTRIBUTE_COUNT), "unknown");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_field),
		TEST(test_order_duplicates_unknown_attributes),
		TEST(test_unknown_commands),
		TEST(test_concatenated),
		TEST(test_header),
		TEST(test_no_input),
		TEST(test_version_zero),
		TEST(test_version_beyond),
		TEST(test_limit_v1),
		TEST(test_limit_v2),
		TEST(test_limit_overflow),
		TEST(test_every_bit_is_covered),
		TEST(test_every_truncation),
		TEST(test_attribute_faults),
		TEST(test_blocks_and_short_reads),
		TEST(test_one_block_is_enough),
		TEST(test_memory_is_bounded),
		TEST(test_read_error),
		TEST(test_pipe),
		TEST(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
