// SPDX-License-Identifier: GPL-2.0-or-later
/* What libextent says and does towards a daemon that behaves. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/peer.h"
#include "wire/codes.h"

static char payload[4096];

static struct extent_write a_write(int file)
{
	return (struct extent_write){ .file = file,
				      .offset = 8192,
				      .len = 65536,
				      .unencoded_len = 131072,
				      .unencoded_offset = 4096,
				      .payload = payload,
				      .payload_len = sizeof(payload),
				      .compression = EXTENT_ZSTD,
				      .ack = EXTENT_DURABLE };
}

static struct extent_completion taken(struct extent_session *s)
{
	struct extent_completion c;

	assert_int_equal(extent_next_completion(s, &c), 1);
	return c;
}

static void test_hello(void **state)
{
	struct extent_limits l;
	struct peer p;
	struct extent_session *s = peer_session(&p, NULL);

	extent_get_limits(s, &l);
	assert_int_equal(l.credit_requests, 8);
	assert_int_equal(l.credit_bytes, 1 << 20);
	assert_int_equal(l.max_files, 4);
	assert_int_equal(l.max_payload, 1 << 17);
	assert_int_equal(l.validation, 2);
	assert_true(l.descriptors);
	assert_int_equal(extent_events(s), POLLIN);
	extent_disconnect(s);
	peer_close(&p);
}

static void test_no_descriptors(void **state)
{
	struct wire_hello_reply l = peer_limits;
	struct extent_session *s;
	struct peer p;
	int file;

	setenv("EXTENTD_NO_DESCRIPTORS", "1", 1);
	l.features = 0;
	s = peer_session(&p, &l);
	unsetenv("EXTENTD_NO_DESCRIPTORS");
	assert_int_equal(extent_open_fd(s, 0, NULL, 0, NULL, NULL, &file), -EOPNOTSUPP);
	assert_non_null(strstr(extent_error_text(s), "open by path"));
	extent_disconnect(s);
	peer_close(&p);
}

static void test_open_descriptor(void **state)
{
	struct peer p;
	struct extent_session *s = peer_session(&p, NULL);
	struct extent_file_info info;
	union wire_frame f;
	struct stat a, b;
	int file, fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int64_t id = extent_open_fd(s, fd, "/some/where", EXTENT_NODATACOW, NULL, NULL, &file);

	assert_true(id > 0);
	fstat(fd, &a);
	close(fd); /* the library has its own by now */
	assert_int_equal(extent_events(s), POLLIN | POLLOUT);
	assert_int_equal(extent_process(s), 0);
	assert_int_equal(extent_events(s), POLLIN);

	peer_take(&p, WIRE_TYPE_OPEN, &f);
	assert_int_equal(f.open.h.id, id);
	assert_int_equal(f.open.handle, file);
	assert_int_equal(f.open.open_flags, WIRE_OPEN_DESCRIPTOR | WIRE_OPEN_NODATACOW);
	assert_int_equal(p.tail_len, 11);
	assert_memory_equal(p.tail, "/some/where", 11);
	assert_true(p.descriptor >= 0);
	fstat(p.descriptor, &b);
	assert_int_equal(a.st_rdev, b.st_rdev);

	assert_int_equal(extent_file_info(s, file, &info), -EAGAIN);
	peer_opened(&p, &f.open);
	assert_int_equal(extent_process(s), 1);
	assert_int_equal(extent_file_info(s, file, &info), 0);
	assert_int_equal(info.sector_size, 4096);
	assert_int_equal(info.size, 12345);
	assert_int_equal(taken(s).kind, EXTENT_OP_OPEN);
	extent_disconnect(s);
	peer_close(&p);
}

static void test_open_path(void **state)
{
	struct peer p;
	struct extent_session *s = peer_session(&p, NULL);
	char cwd[4096], expected[4200];
	union wire_frame f;
	int file;
	mode_t old = umask(027);

	assert_true(extent_open_path(s, "a/b", EXTENT_CREATE | EXTENT_TRUNCATE, 0666, NULL, NULL,
				     &file) > 0);
	umask(old);
	extent_process(s);
	peer_take(&p, WIRE_TYPE_OPEN, &f);
	assert_int_equal(f.open.mode, 0640);
	assert_int_equal(f.open.open_flags, WIRE_OPEN_CREATE | WIRE_OPEN_TRUNCATE);
	assert_int_equal(p.descriptor, -1);
	snprintf(expected, sizeof(expected), "%s/a/b", getcwd(cwd, sizeof(cwd)));
	assert_int_equal(p.tail_len, strlen(expected));
	assert_memory_equal(p.tail, expected, p.tail_len);
	extent_disconnect(s);
	peer_close(&p);
}

/* Before the arena is acknowledged a payload goes inline, afterwards by reference. */
static void test_write(void **state)
{
	struct extent_completion c;
	union wire_frame f;
	struct peer p;
	int file;
	struct extent_session *s = peer_session_file(&p, &file);
	struct extent_write w = a_write(file);
	uint8_t *shared, *buffer;
	int64_t id, arena;

	memset(payload, 'x', sizeof(payload));
	id = extent_write(s, &w, NULL, &w);
	assert_true(id > 0);
	memset(payload, 'y', sizeof(payload)); /* it was copied */
	assert_int_equal(extent_process(s), 0);

	peer_take(&p, WIRE_TYPE_ARENA, &f);
	arena = (int64_t)f.arena.h.id;
	assert_int_equal(f.arena.arena, 0);
	assert_int_equal(f.arena.size, 1 << 20);
	assert_true(p.descriptor >= 0);
	assert_int_equal(fcntl(p.descriptor, F_GET_SEALS) & F_SEAL_SHRINK, F_SEAL_SHRINK);
	shared = mmap(NULL, f.arena.size, PROT_READ, MAP_SHARED, p.descriptor, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);

	peer_take(&p, WIRE_TYPE_WRITE_, &f);
	assert_int_equal(f.write.h.id, id);
	assert_int_equal(f.write.arena, WIRE_NO_ARENA);
	assert_int_equal(f.write.offset, 8192);
	assert_int_equal(f.write.len, 65536);
	assert_int_equal(f.write.unencoded_len, 131072);
	assert_int_equal(f.write.unencoded_offset, 4096);
	assert_int_equal(f.write.compression, EXTENT_ZSTD);
	assert_int_equal(f.write.ack, WIRE_DURABLE);
	assert_int_equal(p.tail_len, sizeof(payload));
	assert_int_equal(p.tail[17], 'x');

	assert_int_equal(extent_pending(s), 1);
	peer_ack_ok(&p, (uint64_t)arena, 0);
	peer_ack_ok(&p, (uint64_t)id, WIRE_DURABLE);
	assert_int_equal(extent_process(s), 1);
	c = taken(s);
	assert_int_equal(c.id, id);
	assert_int_equal(c.kind, EXTENT_OP_WRITE);
	assert_int_equal(c.level, EXTENT_DURABLE);
	assert_int_equal(c.form, EXTENT_ENCODED);
	assert_int_equal(c.offset, 8192);
	assert_ptr_equal(c.userdata, &w);
	assert_string_equal(extent_completion_text(s, &c),
			    "write of 65536 bytes at offset 8192 of 'the file': done");

	buffer = extent_buffer_get(s, 5000);
	memset(buffer, 'z', 5000);
	w.payload = buffer + 8; /* any part of a buffer will do */
	w.flags = EXTENT_BUFFER;
	assert_true(extent_write(s, &w, NULL, NULL) > 0);
	assert_int_equal(extent_write(s, &w, NULL, NULL), -EINVAL); /* it was given away */
	extent_process(s);
	peer_take(&p, WIRE_TYPE_WRITE_, &f);
	assert_int_equal(f.write.arena, 0);
	assert_int_equal(p.tail_len, 0);
	assert_int_equal(shared[f.write.payload_offset], 'z');
	munmap(shared, 1 << 20);
	extent_disconnect(s);
	peer_close(&p);
}

static void test_refused_write(void **state)
{
	struct extent_completion c;
	union wire_frame f;
	struct wire_ack a;
	struct peer p;
	int file;
	struct extent_session *s = peer_session_file(&p, &file);
	struct extent_write w = a_write(file);

	assert_true(extent_write(s, &w, NULL, NULL) > 0);
	assert_true(extent_write(s, &w, NULL, NULL) > 0);
	extent_process(s);
	peer_take(&p, WIRE_TYPE_ARENA, &f);
	peer_ack_error(&p, f.h.id, WIRE_E_USER_LIMIT, 0); /* costs nothing but copies */
	peer_take(&p, WIRE_TYPE_WRITE_, &f);
	peer_ack_error(&p, f.h.id, WIRE_E_WRITE_FAILED, ENOSPC);
	peer_take(&p, WIRE_TYPE_WRITE_, &f);
	a = (struct wire_ack){ .id = f.h.id, .code = 1000, .detail = 4711 };
	peer_ack(&p, &a);
	assert_int_equal(extent_process(s), 2);
	c = taken(s);
	assert_int_equal(c.result, -ENOSPC);
	assert_string_equal(extent_completion_text(s, &c),
			    "write of 65536 bytes at offset 8192 of 'the file': "
			    "the kernel refused the write: No space left on device");
	c = taken(s);
	assert_int_equal(c.result, -EBADMSG);
	assert_int_equal(c.detail, 4711);
	assert_non_null(strstr(extent_completion_text(s, &c), "; payload byte 4711"));

	/* One refused request does not end the session. */
	assert_true(extent_write(s, &w, NULL, NULL) > 0);
	extent_process(s);
	peer_take(&p, WIRE_TYPE_WRITE_, &f);
	assert_int_equal(f.write.arena, WIRE_NO_ARENA);
	extent_disconnect(s);
	peer_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_open_descriptor), cmocka_unit_test(test_open_path),
		cmocka_unit_test(test_write),		cmocka_unit_test(test_refused_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
