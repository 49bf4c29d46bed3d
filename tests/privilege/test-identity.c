/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Acting as the peer: files get its owner, its permissions decide, other threads see nothing. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "privilege/beneath.h"
#include "privilege/identity.h"

#define PEER  65533
#define GROUP 65001

static char dir[] = "/tmp/extentd-identity-XXXXXX";
static int root = -1;

static void freeidp(struct identity **id)
{
	free(*id);
}

static int setup(void **state)
{
	umask(0);
	if (!mkdtemp(dir) || chmod(dir, 0777))
		return -1;
	root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0;
}

static int teardown(void **state)
{
	char command[128];

	close(root);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static struct identity *peer(void)
{
	const gid_t groups[] = { GROUP };
	struct identity *id;

	assert_int_equal(identity_new(PEER, PEER, groups, 1, &id), 0);
	if (!identity_assumable(id)) {
		free(id);
		skip();
	}
	return id;
}

static void test_owner(void **state)
{
	_cleanup_(freeidp) struct identity *id = peer();
	_cleanup_(closep) int fd = -1;
	struct stat st;

	assert_int_equal(identity_assume(id), 0);
	fd = open_beneath(root, "made", O_RDWR | O_CREAT | O_EXCL, 04640);
	identity_restore();
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_uid, PEER);
	assert_int_equal(st.st_gid, PEER);
	assert_int_equal(st.st_mode & 07777, 0640); /* setuid is not for open() to set */
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(open_beneath(root, "own", O_RDWR | O_CREAT, 0600));
	assert_int_equal(fstatat(root, "own", &st, 0), 0);
	assert_int_equal(st.st_uid, geteuid());
}

/* root's files are closed to the peer, its group's files are open, the daemon's rights no help. */
static void test_permissions(void **state)
{
	_cleanup_(freeidp) struct identity *id = peer();
	_cleanup_(closep) int secret = open_beneath(root, "secret", O_RDWR | O_CREAT, 0600);
	_cleanup_(closep) int shared = open_beneath(root, "shared", O_RDWR | O_CREAT, 0660);
	_cleanup_(closep) int fd = -1;

	assert_true(secret >= 0 && shared >= 0);
	assert_int_equal(fchown(shared, 0, GROUP), 0);
	assert_int_equal(identity_assume(id), 0);
	assert_int_equal(open_beneath(root, "secret", O_RDWR, 0), -EACCES);
	fd = open_beneath(root, "shared", O_RDWR, 0);
	identity_restore();
	assert_true(fd >= 0);
	close(open_beneath(root, "secret", O_RDWR, 0));
}

struct witness {
	pthread_barrier_t *barrier;
	int opened;
};

static void *watch(void *arg)
{
	struct witness *w = arg;

	pthread_barrier_wait(w->barrier); /* the other thread acts as the peer now */
	w->opened = open_beneath(root, "mine", O_RDWR, 0);
	pthread_barrier_wait(w->barrier);
	return NULL;
}

static void test_other_threads(void **state)
{
	_cleanup_(freeidp) struct identity *id = peer();
	pthread_barrier_t barrier;
	struct witness w = { &barrier, -1 };
	pthread_t thread;

	close(open_beneath(root, "mine", O_RDWR | O_CREAT, 0600));
	pthread_barrier_init(&barrier, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, watch, &w), 0);
	assert_int_equal(identity_assume(id), 0);
	pthread_barrier_wait(&barrier);
	assert_int_equal(open_beneath(root, "mine", O_RDWR, 0), -EACCES);
	pthread_barrier_wait(&barrier);
	identity_restore();
	pthread_join(thread, NULL);
	assert_true(w.opened >= 0);
	close(w.opened);
	pthread_barrier_destroy(&barrier);
}

static void test_paths(void **state)
{
	assert_int_equal(mkdirat(root, "sub", 0755), 0);
	assert_int_equal(symlinkat("sub", root, "link"), 0);
	assert_int_equal(symlinkat("/etc/passwd", root, "passwd"), 0);
	assert_int_equal(mkfifoat(root, "fifo", 0600), 0);
	assert_true(open_beneath(root, "sub/new", O_RDWR | O_CREAT, 0600) >= 0);
	assert_int_equal(open_beneath(root, "../etc/passwd", O_RDONLY, 0), -EXDEV);
	assert_int_equal(open_beneath(root, "sub/../../x", O_RDWR | O_CREAT, 0600), -EXDEV);
	assert_int_equal(open_beneath(root, "/etc/passwd", O_RDONLY, 0), -EXDEV);
	assert_int_equal(open_beneath(root, "link/new", O_RDONLY, 0), -ELOOP);
	assert_int_equal(open_beneath(root, "passwd", O_RDONLY, 0), -ELOOP);
	assert_int_equal(open_beneath(root, "", O_RDONLY, 0), -ENOENT);
	assert_int_equal(open_beneath(root, "fifo", O_WRONLY, 0), -ENXIO); /* and no waiting */
}

static void test_mounts(void **state)
{
	_cleanup_(closep) int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(open_beneath(slash, "proc/self/status", O_RDONLY, 0), -EXDEV);
}

static void test_peer(void **state)
{
	_cleanup_(freeidp) struct identity *id = NULL;
	gid_t groups[1024];
	int pair[2], n = getgroups(1024, groups);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(identity_of_peer(pair[0], &id), 0);
	assert_int_equal(id->uid, geteuid());
	assert_int_equal(id->gid, getegid());
	assert_int_equal(id->pid, getpid());
	assert_int_equal(id->ngroups, n);
	assert_memory_equal(id->groups, groups, (size_t)n * sizeof(gid_t));
	/* Itself: nothing to do, whatever the rights. */
	assert_true(identity_assumable(id));
	assert_int_equal(identity_assume(id), 0);
	identity_restore();
	close(pair[0]);
	close(pair[1]);
}

/* A socket pair made under another identity, seen from here. */
static int pair_of(uid_t uid, const gid_t *groups, size_t n)
{
	int carrier[2], fd = -1, status;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, carrier), 0);
	pid = fork();
	if (!pid) {
		struct cmsghdr *c = (struct cmsghdr *)control;
		int pair[2];

		if (setgroups(n, groups) || setgid(uid) || setuid(uid) ||
		    socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
			_exit(1);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pair[0], sizeof(int));
		_exit(sendmsg(carrier[1], &m, 0) != 1);
	}
	assert_int_equal(recvmsg(carrier[0], &m, MSG_CMSG_CLOEXEC), 1);
	assert_true(m.msg_controllen >= CMSG_LEN(sizeof(int)));
	memcpy(&fd, CMSG_DATA((struct cmsghdr *)control), sizeof(int));
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	close(carrier[0]);
	close(carrier[1]);
	return fd;
}

static void test_many_groups(void **state)
{
	_cleanup_(freeidp) struct identity *probe = peer();
	_cleanup_(freeidp) struct identity *id = NULL;
	_cleanup_(closep) int fd = -1;
	gid_t groups[300];

	(void)probe; /* only skips where no peer can be made */
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		groups[i] = (gid_t)(70000 + i);
	fd = pair_of(PEER, groups, ARRAY_SIZE(groups));
	assert_int_equal(identity_of_peer(fd, &id), 0);
	assert_int_equal(id->uid, PEER);
	assert_int_equal(id->ngroups, ARRAY_SIZE(groups));
	assert_memory_equal(id->groups, groups, sizeof(groups));
}

static void test_overflow_uid(void **state)
{
	_cleanup_(freeidp) struct identity *probe = peer();
	_cleanup_(freeidp) struct identity *id = NULL;
	_cleanup_(closep) int fd = pair_of(65534, NULL, 0);

	(void)probe;
	(void)probe;
	assert_int_equal(identity_of_peer(fd, &id), -EPERM);
	assert_null(id);
}

/* Without the right to, it says so and changes nothing. */
static void test_without_privilege(void **state)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct identity *id;

		if (!geteuid() && (setgroups(0, NULL) || setgid(PEER) || setuid(PEER)))
			_exit(1);
		if (identity_new(PEER - 1, PEER - 1, NULL, 0, &id))
			_exit(2);
		_exit(identity_assume(id) == -EPERM && geteuid() != PEER - 1 ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* Before the process's own identity is read for good: it forks. */
		cmocka_unit_test(test_without_privilege),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_other_threads),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_many_groups),
		cmocka_unit_test(test_overflow_uid),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
