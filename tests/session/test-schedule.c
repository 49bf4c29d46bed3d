// SPDX-License-Identifier: GPL-2.0-or-later

/* Whose turn it is, of the loop and of being made durable. */

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "harness.h"
#include "session/handle.h"
#include "session/schedule.h"
#include "session/server.h"
#include "session/session.h"
#include "store/file.h"
#include "store/filesystem.h"
#include "store/inode.h"
#include "store/user.h"
#include "store/writer.h"
#include "wire/codes.h"
#include "wire/limits.h"

enum { CROWD = 30, ASKED = 150, CROWDED = 4241, OTHER };

static const union wire_frame ask;
static struct peer *peers[CROWD + 1];

static unsigned int in_line(const struct user *user)
{
	const struct session *s;
	unsigned int n = 0;

	TAILQ_FOREACH(s, &user->in_line, line_entry)
		n++;
	return n;
}

static void once(void)
{
	event_base_loop(h.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* All of a user's sessions have asked for a lot, and nothing has been read yet. */
static const struct user *begin_crowded(void)
{
	begin("");
	for (int i = 0; i < CROWD; i++)
		peers[i] = peer_new(CROWDED);
	peers[CROWD] = peer_new(OTHER);
	for (int i = 0; i < CROWD; i++)
		for (int j = 0; j < ASKED; j++)
			peer_say(peers[i], WIRE_TYPE_STATUS, ask, NULL, 0, -1);
	return peers[0]->session->user;
}

/* However many want it: there is an end to a turn, and the next session begins the next one. */
static void a_turn_has_an_end(void **state)
{
	const struct user *user = begin_crowded();
	const struct session *first;
	unsigned int before;

	once(); /* notices them */
	before = in_line(user);
	assert_int_equal(before, CROWD);
	first = TAILQ_FIRST(&user->in_line);
	once();
	assert_true(in_line(user) > CROWD / 2);
	assert_ptr_not_equal(TAILQ_FIRST(&user->in_line), first);
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(peer_answer(peers[i], peers[i]->ids), 0);
	end(peers, CROWD + 1);
}

/* Who has had less of the loop does not wait for those who came first. */
static void who_had_least_is_next(void **state)
{
	const struct user *user = begin_crowded();
	struct peer *other = peers[CROWD];
	int turns = 0;
	uint64_t had;

	once();
	once(); /* the first turn is over */
	had = user->loop_ns;
	assert_true(had > h.server->loop_ns);
	other->have = 0; /* HELLO's answer */
	peer_say(other, WIRE_TYPE_STATUS, ask, NULL, 0, -1);
	for (int i = 0; i < 10 && !other->have; i++) {
		turns += user->loop_ns != had;
		had = user->loop_ns;
		once();
		peer_hear(other);
	}
	assert_true(other->have > 0);
	assert_true(turns <= 1); /* one, if it was noticed just after that had begun */
	assert_true(in_line(user) > 0);
	end(peers, CROWD + 1);
}

/* To have wanted nothing for long is no right to the loop for as long. */
static void nothing_is_saved_up(void **state)
{
	struct session *late;

	begin_crowded();
	late = peers[CROWD]->session;
	late->user->loop_ns = 0;
	once();
	h.server->loop_ns = 1000 * TURN_NS;
	schedule_session(late);
	assert_int_equal(late->user->loop_ns, 1000 * TURN_NS);
	schedule_forget(late);
	/* But what he has had too much is not forgotten. */
	late->user->loop_ns = 1001 * TURN_NS;
	schedule_session(late);
	assert_int_equal(late->user->loop_ns, 1001 * TURN_NS);
	end(peers, CROWD + 1);
}

static void fill_backlog(const struct sockaddr_un *address, int *fds)
{
	for (int i = 0; i < LIMIT_BACKLOG; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_int_equal(
			connect(fds[i], (const struct sockaddr *)address, sizeof(*address)), 0);
	}
}

/* Who connects and connects has a part of the time; but all are accepted in the end. */
static void accepting_has_its_part(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int fds[LIMIT_BACKLOG];

	begin("");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", h.dir);
	assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listening, LIMIT_BACKLOG), 0);
	assert_int_equal(server_listen(h.server, listening), 0);
	fill_backlog(&address, fds);
	once(); /* as much as is saved up */
	assert_true(h.store->counters.now_sessions > 1);
	for (int i = 0; i < 1000 && h.store->counters.now_sessions < LIMIT_BACKLOG; i++)
		turn();
	for (int i = 0; i < LIMIT_BACKLOG; i++)
		close(fds[i]);
	for (int i = 0; i < 1000 && h.store->counters.now_sessions; i++)
		turn();

	fill_backlog(&address, fds);
	h.server->accept_ns = -5000000; /* too much already */
	for (int i = 0; i < 5; i++)
		once();
	assert_int_equal(h.store->counters.now_sessions, 1);
	for (int i = 0; i < 1000 && h.store->counters.now_sessions < LIMIT_BACKLOG; i++)
		turn();
	assert_int_equal(h.store->counters.now_sessions, LIMIT_BACKLOG);
	for (int i = 0; i < LIMIT_BACKLOG; i++)
		close(fds[i]);
	end(NULL, 0);
}

static void write_durably(struct peer *p, uint32_t handle)
{
	static const uint8_t sector[4096] = { 1 };

	peer_say(p, WIRE_TYPE_WRITE_, sector_write(handle, WIRE_NO_ARENA, 0, WIRE_DURABLE), sector,
		 sizeof(sector), -1);
}

/* Three files of one user are settled with the whole filesystem: and fewer of another user's, if he
 * writes them, by themselves and before that. */
static void few_files_do_not_wait_for_many(void **state)
{
	static const struct {
		unsigned int users, files; /* of the last user */
		unsigned int alone;	   /* settled by themselves */
	} cases[] = { { 1, 1, 0 }, { 2, 1, 1 }, { 2, 2, 2 }, { 2, 3, 0 } };
	enum { MANY = 3 };

	for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
		const uint32_t all = MANY + cases[n].files;
		const struct wire_counters *c;
		struct filesystem *fs;
		struct peer *p[2];

		begin("");
		c = &h.store->counters;
		p[0] = peer_new(CROWDED);
		p[1] = peer_new(cases[n].users == 2 ? OTHER : CROWDED);
		for (uint32_t i = 0; i < all; i++)
			peer_open(p[i >= MANY], i, (const char[]){ (char)('a' + i), 0 });
		fs = p[0]->session->handles[0]->file->inode->fs;
		fs->committing = true; /* as if one were under way */
		for (uint32_t i = 0; i < all; i++)
			write_durably(p[i >= MANY], i);
		for (int i = 0; i < 1000 && fs->n_urgent < all; i++)
			turn();
		assert_int_equal(fs->n_urgent, all);
		assert_int_equal(fs->writers, cases[n].users);
		fs->committing = false;
		fs->between = fs->writers > 1; /* as its end has it */
		writer_pump_later(h.store);
		for (int i = 0; i < 2; i++)
			assert_int_equal(peer_answer(p[i], p[i]->ids), 0);
		assert_int_equal(c->settles_file, cases[n].alone);
		assert_int_equal(c->settles_filesystem, 1);
		/* At the end of that one two users still wrote only where both had waited for it.
		 */
		assert_int_equal(fs->between, cases[n].users == 2 && !cases[n].alone);
		end(p, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turn_has_an_end),
		cmocka_unit_test(who_had_least_is_next),
		cmocka_unit_test(nothing_is_saved_up),
		cmocka_unit_test(accepting_has_its_part),
		cmocka_unit_test(few_files_do_not_wait_for_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
