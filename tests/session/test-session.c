// SPDX-License-Identifier: GPL-2.0-or-later

/* What a session, a user and all of them together may have: each limit, what is said beyond it, and
 * that others do not notice. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "harness.h"
#include "session/handle.h"
#include "session/server.h"
#include "session/session.h"
#include "store/closing.h"
#include "store/file.h"
#include "store/filesystem.h"
#include "store/inode.h"
#include "store/user.h"
#include "wire/codes.h"

#define SECTOR 4096U

static const uint8_t sector[SECTOR] = { 1 };

static void arena_of(struct peer *p, int seals)
{
	union wire_frame f = { .arena = { .size = 4 * SECTOR } };
	int fd = memfd_create("arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint64_t id;

	for (int i = 0; i < 4; i++)
		assert_int_equal(pwrite(fd, sector, SECTOR, i * SECTOR), SECTOR);
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | seals);
	id = peer_say(p, WIRE_TYPE_ARENA, f, NULL, 0, fd);
	close(fd);
	assert_int_equal(peer_answer(p, id), 0);
}

/* One peer with a file and an arena, each of number 0. */
static struct peer *begin_with_arena(const char *limits)
{
	struct peer *p;

	begin(limits);
	p = peer_new(4241);
	peer_open(p, 0, "file");
	arena_of(p, 0);
	return p;
}

static unsigned int sessions(void)
{
	const struct session *s;
	unsigned int n = 0;

	TAILQ_FOREACH(s, &h.server->sessions, entry)
		n++;
	return n;
}

/* Answers that nobody reads: bounded for all sessions of a user together, and each is there when
 * somebody does read. Another session, that reads, is served on; so are others. */
static void unread_replies_of_a_user_are_bounded(void **state)
{
	enum { DEAF = 40, ASKED = 100, BOUND = 64 << 10, REPLY = 24 + 8 * LIMIT_COUNTERS };
	struct peer *peers[DEAF + 2], *reader, *other;
	union wire_frame ask = { 0 };
	const struct user *user;
	uint64_t most = 0;

	begin("UserOutputBytes=64K\n");
	for (int i = 0; i < DEAF; i++)
		peers[i] = peer_new(4241);
	reader = peers[DEAF] = peer_new(4241);
	other = peers[DEAF + 1] = peer_new(4242);
	user = reader->session->user;
	for (int i = 0; i < DEAF; i++) {
		for (int j = 0; j < ASKED; j++)
			peer_say(peers[i], WIRE_TYPE_STATUS, ask, NULL, 0, -1);
		turn();
		most = user->output_bytes > most ? user->output_bytes : most;
	}
	assert_true(most > BOUND); /* else it was not the bound that held it back */
	assert_true(most <= BOUND + DEAF * REPLY);
	assert_int_equal(other->session->user->output_bytes, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			peer_answer(reader, peer_say(reader, WIRE_TYPE_STATUS, ask, NULL, 0, -1)),
			0);
		assert_int_equal(
			peer_answer(other, peer_say(other, WIRE_TYPE_STATUS, ask, NULL, 0, -1)), 0);
	}

	for (int i = 0; i < DEAF / 2; i++) {
		assert_int_equal(peer_answer(peers[i], peers[i]->ids), 0);
		assert_int_equal(peers[i]->statuses, ASKED);
	}
	/* The others go without having read: nothing stays counted. */
	for (int i = DEAF / 2; i < DEAF; i++)
		peer_free(peers[i]);
	for (int i = 0; i < 1000 && user->sessions > DEAF / 2 + 1; i++)
		turn();
	assert_int_equal(user->sessions, DEAF / 2 + 1);
	assert_int_equal(user->output_bytes, 0);
	memmove(peers + DEAF / 2, peers + DEAF, 2 * sizeof(peers[0]));
	end(peers, DEAF / 2 + 2);
}

/* One request more than granted, all sent at once: it is refused by name, and the session goes on.
 */
static void requests_beyond_the_credit_are_refused(void **state)
{
	struct peer *p;
	uint64_t first;

	p = begin_with_arena("CreditRequests=4\n");
	for (int round = 0; round < 2; round++) {
		first = p->ids + 1;
		for (uint64_t i = 0; i < 5; i++)
			peer_say(p, WIRE_TYPE_WRITE_, sector_write(0, 0, i * SECTOR, WIRE_WRITTEN),
				 NULL, 0, -1);
		assert_int_equal(peer_answer(p, first + 4), WIRE_E_CREDIT);
		for (int i = 0; i < 1000 && p->session->credit_requests; i++)
			turn();
		assert_int_equal(p->session->credit_requests, 0);
	}
	end(&p, 1);
}

/* The same with bytes, in an arena and on the socket, where what follows must still be understood.
 */
static void bytes_beyond_the_credit_are_refused(void **state)
{
	struct peer *p;
	uint64_t first;

	p = begin_with_arena("CreditBytes=8K\n");
	for (uint32_t arena = 0; arena < 2; arena++) {
		union wire_frame f = sector_write(0, arena ? WIRE_NO_ARENA : 0, 0, WIRE_WRITTEN);

		first = p->ids + 1;
		for (uint64_t i = 0; i < 3; i++) {
			f.write.offset = i * SECTOR;
			peer_say(p, WIRE_TYPE_WRITE_, f, arena ? sector : NULL, arena ? SECTOR : 0,
				 -1);
		}
		assert_int_equal(peer_answer(p, first + 2), WIRE_E_CREDIT);
		for (int i = 0; i < 1000 && p->session->credit_bytes; i++)
			turn();
		assert_int_equal(p->session->credit_bytes, 0);
		assert_int_equal(peer_answer(p, peer_say(p, WIRE_TYPE_STATUS,
							 (union wire_frame){ 0 }, NULL, 0, -1)),
				 0);
	}
	end(&p, 1);
}

static void hangs_up_unread(bool deaf)
{
	struct peer *p[2];

	begin("RequestsTotal=1\n");
	for (int i = 0; i < 2; i++) {
		p[i] = peer_new(4241);
		peer_open(p[i], 0, "file");
		if (deaf)
			peer_say(p[i], WIRE_TYPE_STATUS, (union wire_frame){ 0 }, NULL, 0, -1);
		turn();
		/* The first has the one request, and its payload does not come. */
		peer_say_part(p[i], WIRE_TYPE_WRITE_,
			      sector_write(0, WIRE_NO_ARENA, 0, WIRE_DURABLE), SECTOR);
		turn();
	}
	assert_true(p[1]->session->wants_room);
	assert_int_equal(sessions(), 2);
	peer_free(p[1]);
	for (int i = 0; i < 1000 && sessions() > 1; i++)
		turn();
	assert_int_equal(sessions(), 1);
	assert_ptr_equal(TAILQ_FIRST(&h.server->sessions), p[0]->session);
	end(p, 1);
}

/* Who hangs up while the daemon does not read from him is noticed all the same; also if he has not
 * read what he was told, which the kernel calls an error of the connection. */
static void a_peer_that_hangs_up_unread_goes(void **state)
{
	hangs_up_unread(false);
	hangs_up_unread(true);
}

/*
 * One client speaks to its sessions one after the other: the first has sent all, the others only
 * began, and there is memory for two payloads. What becomes free is the first one's, though he has
 * waited for less long: if it were theirs, he would wait for what is never sent.
 */
static void memory_is_the_oldest_sessions(void **state)
{
	const union wire_frame f = sector_write(0, WIRE_NO_ARENA, 0, WIRE_WRITTEN);
	enum { SESSIONS = 4, EACH = 3 };
	struct peer *p[SESSIONS];

	begin("UserInlineBytes=8K\n");
	for (int i = 0; i < SESSIONS; i++) {
		p[i] = peer_new(4241);
		peer_open(p[i], 0, "file");
	}
	for (int i = 0; i < SESSIONS; i++) {
		peer_say_part(p[i], WIRE_TYPE_WRITE_, f, SECTOR);
		turn();
		assert_int_equal(p[i]->session->wants_room, i >= 2);
	}
	assert_int_equal(send(p[0]->fd, sector, SECTOR, 0), SECTOR);
	for (uint64_t i = 1; i < EACH; i++)
		peer_say(p[0], WIRE_TYPE_WRITE_,
			 sector_write(0, WIRE_NO_ARENA, i * SECTOR, WIRE_WRITTEN), sector, SECTOR,
			 -1);
	assert_int_equal(peer_answer(p[0], p[0]->ids), 0);
	end(p, SESSIONS);
}

/* A descriptor with a frame that claims none. */
static void an_unclaimed_descriptor_ends_the_session(void **state)
{
	union wire_frame ask = { 0 };
	struct peer *p[2];
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	uint32_t code;

	begin("");
	p[0] = peer_new(4241);
	p[1] = peer_new(4241);
	code = peer_answer(p[0], peer_say(p[0], WIRE_TYPE_STATUS, ask, NULL, 0, fd));
	close(fd);
	if (!code) /* the reply was first */
		code = peer_answer(p[0], 0);
	assert_int_equal(code, WIRE_E_DESCRIPTORS);
	assert_int_equal(peer_answer(p[1], peer_say(p[1], WIRE_TYPE_STATUS, ask, NULL, 0, -1)), 0);
	end(p, 2);
}

/* Few descriptors are looked at, and those of memory closed at once; more go to a worker unseen. */
static void many_descriptors_are_closed_elsewhere(void **state)
{
	int fds[CLOSING_ASKED_MAX + 1];
	struct peer *p;

	begin("");
	p = peer_new(4241);
	for (unsigned int n = CLOSING_ASKED_MAX; n <= ARRAY_SIZE(fds); n++) {
		for (unsigned int i = 0; i < n; i++)
			fds[i] = memfd_create("arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		closing_add(h.store, p->session->user, fds, n);
		assert_int_equal(h.store->n_closings, n > CLOSING_ASKED_MAX);
		assert_int_equal(p->session->user->closing_fds, n > CLOSING_ASKED_MAX ? n : 0);
	}
	for (int i = 0; i < 1000 && h.store->n_closings; i++)
		turn();
	assert_int_equal(h.store->n_closings, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(fds); i++)
		assert_int_equal(fcntl(fds[i], F_GETFD), -1);
	end(&p, 1);
}

/* Beyond the end of an arena that is read in place there is the daemon's own memory. */
static void payloads_lie_in_their_arena(void **state)
{
	static const int seals[] = { 0, F_SEAL_GROW | F_SEAL_WRITE };

	begin("");
	for (size_t i = 0; i < ARRAY_SIZE(seals); i++) {
		union wire_frame f = sector_write(0, 0, 0, WIRE_WRITTEN);
		struct peer *p = peer_new(4241);

		peer_open(p, 0, "file");
		arena_of(p, seals[i]);
		f.write.payload_offset = 3 * SECTOR; /* the last one */
		assert_int_equal(peer_answer(p, peer_say(p, WIRE_TYPE_WRITE_, f, NULL, 0, -1)), 0);
		for (uint64_t at = 3 * SECTOR + 1; at; at = at < 1 << 30 ? at * 2 : 0) {
			f.write.payload_offset = at;
			assert_int_equal(
				peer_answer(p, peer_say(p, WIRE_TYPE_WRITE_, f, NULL, 0, -1)),
				WIRE_E_ARENA_RANGE);
		}
		f.write.payload_offset = UINT64_MAX - 100;
		assert_int_equal(peer_answer(p, peer_say(p, WIRE_TYPE_WRITE_, f, NULL, 0, -1)),
				 WIRE_E_ARENA_RANGE);
		peer_free(p);
	}
	end(NULL, 0);
}

/* All in one message. What was sent before the CLOSE is done; what comes behind it means nobody's
 * file, and the number is free at once. */
static void a_closed_file_is_nobodys(void **state)
{
	static const uint32_t codes[] = {
		0, 0, WIRE_E_HANDLE, WIRE_E_HANDLE, WIRE_E_HANDLE, WIRE_E_HANDLE
	};
	const union wire_frame sync = { .sync = { .scope = WIRE_SYNC_FILE } };
	const union wire_frame read = { .read = { .arena = WIRE_NO_ARENA, .payload_max = SECTOR } };
	const union wire_frame none = { 0 };
	union wire_frame f = sector_write(0, WIRE_NO_ARENA, 0, WIRE_DURABLE), late = f;
	struct file *file;
	struct peer *p;

	begin("");
	p = peer_new(4241);
	late.write.offset = SECTOR;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		const uint64_t first = p->ids + 2;

		peer_open(p, 0, "file");
		peer_say(p, WIRE_TYPE_WRITE_, f, sector, SECTOR, -1);
		peer_say(p, WIRE_TYPE_CLOSE, none, NULL, 0, -1);
		peer_say(p, WIRE_TYPE_WRITE_, late, sector, SECTOR, -1);
		peer_say(p, WIRE_TYPE_SYNC, sync, NULL, 0, -1);
		peer_say(p, WIRE_TYPE_CLOSE, none, NULL, 0, -1);
		peer_say(p, WIRE_TYPE_READ, read, NULL, 0, -1);
		assert_int_equal(peer_answer(p, first + i), codes[i]);
	}
	peer_open(p, 0, "file");
	file = p->session->handles[0]->file;
	assert_int_equal(lseek(file->fd, 0, SEEK_END), SECTOR);
	end(&p, 1);
}

/* What a filesystem needs for its commits is not written to; others are. */
static void the_reserve_is_left_alone(void **state)
{
	struct filesystem *fs;
	struct peer *p;

	begin("");
	p = peer_new(4241);
	peer_open(p, 0, "file");
	fs = p->session->handles[0]->file->inode->fs;
	fs->low = true;
	for (int i = 0; i < 2; i++) {
		union wire_frame f = sector_write(0, WIRE_NO_ARENA, 0, WIRE_DURABLE);

		assert_int_equal(
			peer_answer(p, peer_say(p, WIRE_TYPE_WRITE_, f, sector, SECTOR, -1)),
			WIRE_E_NO_SPACE);
	}
	fs->low = false;
	assert_int_equal(peer_answer(p, peer_say(p, WIRE_TYPE_WRITE_,
						 sector_write(0, WIRE_NO_ARENA, 0, WIRE_DURABLE),
						 sector, SECTOR, -1)),
			 0);
	end(&p, 1);
}

/*
 * Two clients, one file. What one of them had acknowledged is lost: he is told, by LOST and by his
 * SYNC; the other gets his own answers and nothing else.
 */
static void lost_is_told_to_who_wrote(void **state)
{
	const union wire_frame sync = { .sync = { .scope = WIRE_SYNC_SESSION } };
	struct peer *p[2], *other, *loser;
	uint64_t id, write;

	begin("");
	other = p[0] = peer_new(4241); /* first: also where somebody looks for just any session */
	loser = p[1] = peer_new(4241);
	for (uint32_t i = 0; i < 2; i++) {
		peer_open(p[i], 7 + i, "file");
		write = peer_say(p[i], WIRE_TYPE_WRITE_,
				 sector_write(7 + i, WIRE_NO_ARENA, i * SECTOR, WIRE_WRITTEN),
				 sector, SECTOR, -1);
		assert_int_equal(peer_answer(p[i], write), 0);
	}
	/* As if the kernel had told this description of an error. */
	loser->session->handles[8]->file->errors++;
	id = peer_say(other, WIRE_TYPE_SYNC, sync, NULL, 0, -1);
	assert_int_equal(peer_answer(other, id), 0);
	id = peer_say(loser, WIRE_TYPE_SYNC, sync, NULL, 0, -1);
	assert_int_equal(peer_answer(loser, id), WIRE_E_UNSETTLED);

	assert_int_equal(loser->lost, 1);
	assert_int_equal(loser->last_lost.target, write);
	assert_int_equal(loser->last_lost.offset, SECTOR);
	assert_int_equal(loser->last_lost.len, SECTOR);
	assert_int_equal(loser->last_lost.handle, 8);
	id = peer_say(other, WIRE_TYPE_STATUS, (union wire_frame){ 0 }, NULL, 0, -1);
	assert_int_equal(peer_answer(other, id), 0);
	assert_int_equal(other->lost, 0);
	end(p, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unread_replies_of_a_user_are_bounded),
		cmocka_unit_test(requests_beyond_the_credit_are_refused),
		cmocka_unit_test(bytes_beyond_the_credit_are_refused),
		cmocka_unit_test(a_peer_that_hangs_up_unread_goes),
		cmocka_unit_test(memory_is_the_oldest_sessions),
		cmocka_unit_test(an_unclaimed_descriptor_ends_the_session),
		cmocka_unit_test(many_descriptors_are_closed_elsewhere),
		cmocka_unit_test(payloads_lie_in_their_arena),
		cmocka_unit_test(a_closed_file_is_nobodys),
		cmocka_unit_test(the_reserve_is_left_alone),
		cmocka_unit_test(lost_is_told_to_who_wrote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
