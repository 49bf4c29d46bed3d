// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What changes under the reader's hands: whatever it is, it is named, and the stream is one that a
 * parser takes to its end. The change is made from inside, where the stream is written, so that it
 * comes at the same place each time.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "pack/listing.h"
#include "pack/pack.h"
#include "stream/encode.h"
#include "stream/path.h"
#include "stream/stream.h"

#define LARGE (24u << 20) /* more than is read ahead */

struct fixture {
	char root[64];
	struct stream_out stream;
	size_t at;
	struct copy_stats stats;
	char said[16384];
	void (*change)(void);
	size_t when; /* bytes of the stream before the change; or before the failure */
	int failure;
};

static int put(void *userdata, const void *head, size_t head_size, const void *data, size_t size)
{
	struct fixture *f = userdata;

	if (f->stream.size >= f->when && f->failure)
		return f->failure;
	if (f->stream.size >= f->when && f->change) {
		f->change();
		f->change = NULL;
	}
	assert_int_equal(stream_out_add(&f->stream, head, head_size), 0);
	assert_int_equal(stream_out_add(&f->stream, data, size), 0);
	return 0;
}

static void say(void *userdata, const char *text)
{
	struct fixture *f = userdata;

	strncat(f->said, text, sizeof(f->said) - strlen(f->said) - 2);
	strcat(f->said, "\n");
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->root, "/tmp/test-pack-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(chdir(f->root), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	assert_int_equal(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->root);
	assert_int_equal(system(command), 0);
	stream_out_free(&f->stream);
	free(f);
	return 0;
}

static void file_make(const char *name, size_t size)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	static uint8_t block[65536];

	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)(i * 2654435761u >> 11);
	while (size) {
		size_t n = size < sizeof(block) ? size : sizeof(block);

		assert_int_equal(write(fd, block, n), n);
		size -= n;
	}
	close(fd);
}

static int pack(struct fixture *f)
{
	struct pack_options o = {
		.name = "name", .write = put, .error = say, .userdata = f, .stats = &f->stats
	};
	char *sources[] = { f->root };

	return pack_run(&o, sources, 1);
}

static ssize_t stream_give(void *userdata, void *buffer, size_t size)
{
	struct fixture *f = userdata;

	size = size < f->stream.size - f->at ? size : f->stream.size - f->at;
	if (size)
		memcpy(buffer, f->stream.bytes + f->at, size);
	f->at += size;
	return (ssize_t)size;
}

/* Reads it to its end; the size that the file "large" has in it. */
static uint64_t well_formed(struct fixture *f)
{
	struct block_source *pool;
	struct stream_command c;
	struct stream *s;
	uint64_t size = 0;
	int r;

	assert_int_equal(block_pool_new(BLOCK_SIZE_MIN, 3, &pool), 0);
	assert_int_equal(stream_new(stream_give, f, pool, &s), 0);
	while (!(r = stream_next(s, &c))) {
		bool large = c.path.size == 5 && !memcmp(c.path.data, "large", 5);

		if (c.op == STREAM_C_WRITE && large && c.file_offset + c.data.size > size)
			size = c.file_offset + c.data.size;
		if (c.op == STREAM_C_TRUNCATE && large)
			size = c.size;
	}
	assert_int_equal(r, STREAM_DONE);
	stream_free(s);
	block_pool_free(pool);
	return size;
}

static void grow(void)
{
	int fd = open("large", O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_int_equal(write(fd, "more", 4), 4);
	close(fd);
}

static void shrink(void)
{
	assert_int_equal(truncate("large", LARGE - 5000), 0);
}

static void cut_off(void) /* far below what was read ahead */
{
	assert_int_equal(truncate("large", 10), 0);
}

static void rewrite(void)
{
	int fd = open("large", O_WRONLY | O_CLOEXEC);

	usleep(20000); /* a tick of the kernel's clock: times are no finer */
	assert_int_equal(pwrite(fd, "else", 4, 0), 4);
	close(fd);
}

static void vanish(void)
{
	assert_int_equal(unlink("zz-later"), 0);
	assert_int_equal(rmdir("zz-directory"), 0);
}

static void become_others(void)
{
	assert_int_equal(unlink("zz-later"), 0);
	assert_int_equal(mkdir("zz-later", 0755), 0);
	assert_int_equal(rmdir("zz-directory"), 0);
	assert_int_equal(symlink("/", "zz-directory"), 0);
}

static void changes_are_named(void **state)
{
	static const struct {
		void (*change)(void);
		const char *said, *also; /* NULL: nothing, for the walk comes to it later */
		uint64_t size;
	} cases[] = {
		{ grow, "large: at byte 25165824: grew while it was read", "", LARGE },
		{ shrink, "shrank while it was read", "", LARGE - 5000 },
		{ cut_off, "shrank while it was read", "", 10 },
		{ rewrite, "changed while it was read", "", LARGE },
		{ vanish, "zz-later: cannot be looked at: No such file",
		  "zz-directory: cannot be looked at: No such file", LARGE },
		{ become_others, NULL, NULL, LARGE },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t size;
		int r;

		assert_int_equal(system("rm -rf large zz-later zz-directory"), 0);
		file_make("large", LARGE);
		file_make("zz-later", 100);
		assert_int_equal(mkdir("zz-directory", 0755), 0);
		f->said[0] = '\0';
		f->stats = (struct copy_stats){ 0 };
		f->stream.size = f->at = 0;
		f->change = cases[i].change;
		f->when = 1u << 20;
		r = pack(f);
		assert_null(f->change);
		size = well_formed(f);
		assert_int_equal(size, cases[i].size);
		if (!cases[i].said) {
			assert_string_equal(f->said, "");
			assert_int_equal(r, 0);
			continue;
		}
		assert_int_equal(r, 1);
		assert_int_equal(f->stats.errors, *cases[i].also ? 2 : 1);
		assert_non_null(strstr(f->said, cases[i].said));
		assert_non_null(strstr(f->said, cases[i].also));
	}
}

/* Where it cannot be written, it does not end as if it were whole. */
static void a_failure_ends_it(void **state)
{
	static const size_t places[] = { 0, 1, 300000, 20000000 };
	struct fixture *f = *state;

	file_make("large", LARGE);
	file_make("zz-later", 100);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct block_source *pool;
		struct stream_command c;
		struct stream *s;
		int r;

		f->stream.size = f->at = 0;
		f->when = places[i];
		f->failure = -EPIPE;
		assert_int_equal(pack(f), -EPIPE);
		assert_int_equal(block_pool_new(BLOCK_SIZE_MIN, 3, &pool), 0);
		assert_int_equal(stream_new(stream_give, f, pool, &s), 0);
		while (!(r = stream_next(s, &c)))
			assert_int_not_equal(c.op, STREAM_C_END);
		assert_true(r < 0);
		stream_free(s);
		block_pool_free(pool);
	}
}

/* As deep as a path can be, and one more. */
static void too_deep_is_left_out(void **state)
{
	struct fixture *f = *state;
	char name[201];
	int levels = 0;

	memset(name, 'd', 200);
	name[200] = '\0';
	for (; levels < 25; levels++) {
		assert_int_equal(mkdir(name, 0755), 0);
		assert_int_equal(chdir(name), 0);
	}
	assert_int_equal(chdir(f->root), 0);
	assert_int_equal(pack(f), 1);
	well_formed(f);
	assert_non_null(strstr(f->said, "is too deep in the tree"));
	assert_int_equal(f->stats.errors, 1);
	assert_in_range(f->stats.directories, 18, 20);
}

static void a_name_is_listed_once(void **state)
{
	struct listing l = { NULL };

	assert_int_equal(listing_add(&l, 7, "b"), 0);
	assert_int_equal(listing_add(&l, 5, "a"), 0);
	assert_int_equal(listing_add(&l, 9, "b"), 0);
	assert_int_equal(listing_add(&l, 1, "c"), 0);
	listing_settle(&l);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.list[0]->name, "c");
	assert_string_equal(l.list[1]->name, "a");
	assert_string_equal(l.list[2]->name, "b");
	listing_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(changes_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failure_ends_it, setup, teardown),
		cmocka_unit_test_setup_teardown(too_deep_is_left_out, setup, teardown),
		cmocka_unit_test(a_name_is_listed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
