// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * client-session DIRECTORY DAEMON-PID: the library's promises kept with a real daemon, in one
 * program that builds for any machine. DIRECTORY lies on btrfs beneath a root of the daemon's;
 * files are left there for the caller to look at. Ends the daemon, to see what the library
 * makes of that. EXTENTD_NO_DESCRIPTORS has it do the same by path.
 */
#include <err.h>
#include <errno.h>
#include "client/lib/extent.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE  8192
#define WRITES 2000

#define check(c)                                                                                   \
	do {                                                                                       \
		if (!(c))                                                                          \
			errx(1, "line %d: %s (%s)", __LINE__, #c, extent_error_text(session));     \
	} while (0)

static struct extent_session *session;
static const char *directory;
static unsigned int completions, failed;
static int last_result;

static void completed(struct extent_session *s, const struct extent_completion *c)
{
	check(c->id > 0);
	completions++;
	failed += c->result != 0;
	last_result = c->result;
}

static int open_file(const char *name, int *file)
{
	struct extent_limits l;
	char path[4096];
	int fd, r;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	extent_get_limits(session, &l);
	if (!l.descriptors)
		return extent_open_path_wait(session, path, EXTENT_CREATE, 0640, file);
	fd = open(path, O_RDWR | O_CREAT, 0640);
	if (fd < 0)
		err(1, "%s", path);
	r = extent_open_fd_wait(session, fd, path, 0, file);
	close(fd);
	return r;
}

static void turn(void)
{
	struct pollfd p = { .fd = extent_fd(session), .events = (short)extent_events(session) };

	poll(&p, 1, 1000);
	check(extent_process(session) >= 0);
}

static uint64_t piece(int file, unsigned int i, enum extent_ack ack)
{
	static char data[PIECE];
	struct extent_write w = { .file = file,
				  .offset = (uint64_t)i * PIECE,
				  .len = PIECE,
				  .unencoded_len = PIECE,
				  .payload = data,
				  .payload_len = PIECE,
				  .ack = ack };
	int64_t id;

	memset(data, 'a' + i % 26, sizeof(data));
	while ((id = extent_write(session, &w, completed, NULL)) == -EAGAIN)
		turn();
	check(id > 0);
	return (uint64_t)id;
}

/* Far more than the credits, at all three levels, and then nothing is left over. */
static void test_many(void)
{
	int file;

	check(open_file("many", &file) == 0);
	for (unsigned int i = 0; i < WRITES; i++)
		piece(file, i, (enum extent_ack)(EXTENT_ACCEPTED + i % 3));
	check(extent_sync_wait(session, file) == 0);
	check(extent_drain(session) == 0);
	check(completions == WRITES && !failed);
	check(extent_pending(session) == 0);
	check(extent_close_wait(session, file) == 0);
}

static void test_refusals(void)
{
	struct extent_write w = { .len = 4096,
				  .unencoded_len = 4096,
				  .payload = "this is no zlib stream",
				  .payload_len = 22,
				  .compression = EXTENT_ZLIB,
				  .ack = EXTENT_DURABLE };
	int none;

	check(open_file("refused", &w.file) == 0);
	check(extent_write_wait(session, &w) == -EBADMSG);
	check(strstr(extent_error_text(session), "write of 4096 bytes at offset 0 of '"));
	check(strstr(extent_error_text(session), "refused'"));
	check(strstr(extent_error_text(session), "payload byte"));
	w.compression = 99;
	check(extent_write_wait(session, &w) == -EINVAL);
	w.compression = EXTENT_ZLIB;
	w.encryption = 1;
	check(extent_write_wait(session, &w) == -EOPNOTSUPP);
	w.encryption = 0;
	w.offset = 1;
	check(extent_write_wait(session, &w) < 0);
	w.offset = UINT64_MAX - 4095;
	check(extent_write_wait(session, &w) == -EFBIG);
	check(extent_close_wait(session, w.file) == 0);

	check(extent_open_path_wait(session, "/nowhere/at/all", 0, 0, &none) == -EXDEV);
	check(none == -1);
	check(extent_cancel(session, 1, completed, NULL) > 0);
	check(extent_drain(session) == -EALREADY);
}

/* Requests behind an OPEN that fails fail too, each for itself, and the session goes on. */
static void test_failed_open(void)
{
	unsigned int before = failed;
	int file;

	check(extent_open_path(session, "/nowhere/at/all", 0, 0, completed, NULL, &file) > 0);
	piece(file, 0, EXTENT_WRITTEN);
	check(extent_sync(session, file, completed, NULL) > 0);
	check(extent_close(session, file, completed, NULL) > 0);
	check(extent_drain(session) == -EXDEV);
	check(failed >= before + 3);
	check(extent_status_wait(session) == 0);
}

static void test_status(void)
{
	const uint64_t *values;

	check(extent_status_wait(session) == 0);
	check(extent_counters(session, &values) >= 10);
	check(values[9] >= WRITES); /* "writes" */
}

/* What is under way when the daemon dies is completed, each request once. */
static void test_killed_daemon(pid_t daemon)
{
	int file, r;

	check(open_file("killed", &file) == 0);
	completions = failed = 0;
	for (unsigned int i = 0; i < 20; i++)
		piece(file, i, EXTENT_DURABLE);
	kill(daemon, SIGKILL);
	while ((r = extent_wait(session, -1)) > 0)
		;
	check(r == -ECONNRESET);
	check(completions == 20);
	check(!failed || last_result == -ECONNRESET);
	check(extent_sync_wait(session, -1) == -ECONNRESET);
	check(strstr(extent_error_text(session), "closed the connection"));
}

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: client-session DIRECTORY DAEMON-PID");
	directory = argv[1];
	if (extent_connect(NULL, &session))
		errx(1, "%s", extent_error_text(NULL));
	test_many();
	test_refusals();
	test_failed_open();
	test_status();
	test_killed_daemon(atoi(argv[2]));
	extent_disconnect(session);
	return 0;
}
