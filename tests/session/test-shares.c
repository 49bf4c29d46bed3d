// SPDX-License-Identifier: GPL-2.0-or-later

/* What all users share: each takes what he gets and gives nothing back, and whoever comes next
 * finds some left. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "session/handle.h"
#include "session/server.h"
#include "session/session.h"
#include "store/file.h"
#include "store/filesystem.h"
#include "store/inode.h"
#include "store/user.h"
#include "store/writer.h"
#include "wire/codes.h"

#define USERS	  5
#define ALL	  32 /* of what is shared */
#define FIRST_UID 4241

static void sessions_are_shared(void **state)
{
	struct peer *peers[ALL];
	size_t n = 0;

	begin("Sessions=32\n");
	for (unsigned int u = 0; u < USERS; u++) {
		while (n < ALL && (peers[n] = peer_try_new(FIRST_UID + u)))
			n++;
		assert_int_equal(peers[n - 1]->session->user->sessions, ALL / 2 >> u);
	}
	end(peers, n);
}

/* Requests that never end: their payload does not come. */
static void requests_are_shared(void **state)
{
	enum { EACH = 20 };
	struct peer *peers[USERS * EACH];
	size_t n = 0;

	begin("RequestsTotal=32\n");
	for (unsigned int u = 0; u < USERS; u++) {
		for (int i = 0; i < EACH; i++) {
			struct peer *p = peers[n++] = peer_new(FIRST_UID + u);

			peer_open(p, 0, "shared");
			peer_say_part(p, WIRE_TYPE_WRITE_,
				      sector_write(0, WIRE_NO_ARENA, 0, WIRE_DURABLE), 4096);
			turn();
		}
		assert_int_equal(peers[n - 1]->session->user->requests, ALL / 2 >> u);
	}
	/* One who had much goes: the others get more. */
	for (int i = 0; i < EACH; i++) {
		peer_free(peers[i]);
		peers[i] = peers[--n];
	}
	for (int i = 0; i < 1000 && peers[n - 1]->session->user->requests < 2; i++)
		turn();
	assert_true(peers[n - 1]->session->user->requests >= 2);
	end(peers, n);
}

/* SYNCs are requests, too. These don't end, since their filesystem has no lane left. */
static void syncs_are_shared(void **state)
{
	const union wire_frame sync = { .sync = { .scope = WIRE_SYNC_SESSION } };
	struct peer *peers[USERS];
	struct filesystem *fs = NULL;
	unsigned int lanes = 0;

	begin("RequestsTotal=32\n");
	for (unsigned int u = 0; u < USERS; u++) {
		peers[u] = peer_new(FIRST_UID + u);
		peer_open(peers[u], 0, "shared");
	}
	fs = peers[0]->session->handles[0]->file->inode->fs;
	while (lane_take(h.store, NULL, fs) == 0)
		lanes++;
	for (unsigned int u = 0; u < USERS; u++) {
		for (int i = 0; i < ALL; i++)
			peer_say(peers[u], WIRE_TYPE_SYNC, sync, NULL, 0, -1);
		turn();
		assert_int_equal(peers[u]->session->user->requests, ALL / 2 >> u);
	}
	while (lanes--)
		lane_give(h.store, NULL, fs);
	for (unsigned int u = 0; u < USERS; u++)
		assert_int_equal(peer_answer(peers[u], peers[u]->ids), 0);
	assert_int_equal(h.server->n_syncs, 0);
	end(peers, USERS);
}

static void files_are_shared(void **state)
{
	struct peer *peers[USERS];

	begin("FilesTotal=32\n");
	for (unsigned int u = 0; u < USERS; u++) {
		struct peer *p = peers[u] = peer_new(FIRST_UID + u);
		uint32_t code = 0;

		for (uint32_t n = 0; n <= ALL && !code; n++) {
			code = peer_try_open(p, n, "shared");
			for (int i = 0; i < 1000 && h.store->n_closings; i++)
				turn(); /* what is being closed counts, too */
		}
		assert_int_equal(code, WIRE_E_USER_LIMIT);
		assert_int_equal(p->session->user->files, ALL / 2 >> u);
	}
	end(peers, USERS);
}

/* So are descriptors that cannot be closed, of which each session brings one more. */
static void closings_are_shared(void **state)
{
	const union wire_frame ask = { 0 };
	struct peer *peers[ALL + 1], *other;
	struct user *user;
	unsigned int lanes = 0;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	begin("FilesTotal=32\n");
	for (int i = 0; i < ALL; i++)
		peers[i] = peer_new(FIRST_UID);
	other = peers[ALL] = peer_new(FIRST_UID + 1);
	user = user_ref(peers[0]->session->user);
	while (lane_take(h.store, user, NULL) == 0)
		lanes++;
	for (int i = 0; i < ALL; i++) {
		peer_say(peers[i], WIRE_TYPE_STATUS, ask, NULL, 0, fd);
		turn();
	}
	close(fd);
	assert_int_equal(user->files, ALL / 2);
	peer_open(other, 0, "file");
	while (lanes--)
		lane_give(h.store, user, NULL);
	/* The other half is read at last, and what came with it is closed. */
	for (int i = 0; i < 1000 && user->sessions; i++)
		turn();
	assert_int_equal(user->sessions, 0);
	user_unref(user);
	end(peers, ALL + 1);
}

/* More users than there are threads: each still has one, which may have to wait. */
static void lanes_are_shared(void **state)
{
	enum { THREADS = 16, MANY = 40 };
	struct user *users[MANY];

	begin("");
	h.store->options.blocking_threads = THREADS;
	for (unsigned int u = 0; u < MANY; u++) {
		users[u] = user_get(FIRST_UID + u);
		while (lane_take(h.store, users[u], NULL) == 0)
			;
		assert_int_equal(users[u]->lanes, u < 4 ? THREADS / 2 >> u : 1);
	}
	for (unsigned int u = 0; u < MANY; u++) {
		while (users[u]->lanes)
			lane_give(h.store, users[u], NULL);
		user_unref(users[u]);
	}
	end(NULL, 0);
}

static void memory_is_shared(void **state)
{
	enum { PIECE = 4096, PIECES = 128 };
	struct user *users[USERS];
	void *held[USERS][PIECES];
	size_t n[USERS] = { 0 };

	begin("HeldBytes=512K\nUserInlineBytes=512K\n");
	for (unsigned int u = 0; u < USERS; u++) {
		users[u] = user_get(FIRST_UID + u);
		while (store_has_room(h.store, users[u], PIECE))
			held[u][n[u]++] = store_hold(h.store, users[u], PIECE);
		assert_int_equal(n[u], PIECES / 2 >> u);
	}
	/* Who has much gets nothing more until all have the same. */
	for (int i = 0; i < 2 * PIECES; i++) {
		int giver = i % USERS;

		n[giver]--;
		store_release(h.store, users[giver], held[giver][n[giver]], PIECE);
		for (int j = 0; j < USERS; j++) {
			int u = (i + j) % USERS;

			while (store_has_room(h.store, users[u], PIECE))
				held[u][n[u]++] = store_hold(h.store, users[u], PIECE);
		}
	}
	for (int u = 0; u < USERS; u++) {
		assert_true(n[u] >= PIECES / (USERS + 2));
		assert_true(n[u] <= PIECES / USERS);
		while (n[u])
			store_release(h.store, users[u], held[u][--n[u]], PIECE);
		user_unref(users[u]);
	}
	end(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_are_shared), cmocka_unit_test(requests_are_shared),
		cmocka_unit_test(syncs_are_shared),    cmocka_unit_test(files_are_shared),
		cmocka_unit_test(closings_are_shared), cmocka_unit_test(lanes_are_shared),
		cmocka_unit_test(memory_is_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
