// SPDX-License-Identifier: GPL-2.0-or-later

/* Attacks by what is passed: files, memory and sockets. */

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "attack.h"
#include "base/cleanup.h"
#include "raw.h"

/* Descriptors that are not fit, each refused with its reason, and the session goes on. */
void attack_descriptors(void)
{
	int s = raw_hello(), fd, attr, p[2];

	expect("directory", raw_open(s, 1, make(".", O_DIRECTORY), "d", 0), WIRE_E_NOT_WRITABLE);
	mkfifo(in_dir("fifo"), 0600);
	expect("FIFO", raw_open(s, 1, make("fifo", O_RDWR), "f", 0), WIRE_E_NOT_REGULAR);
	if (pipe2(p, O_CLOEXEC) == 0)
		expect("pipe", raw_open(s, 1, p[1], "p", 0), WIRE_E_FILESYSTEM);
	expect("socket", raw_open(s, 1, s, "s", 0), WIRE_E_FILESYSTEM);
	expect("read-only", raw_open(s, 1, make("a", O_RDONLY | O_CREAT), "a", 0),
	       WIRE_E_NOT_WRITABLE);
	expect("O_PATH", raw_open(s, 1, make("a", O_PATH), "a", 0), WIRE_E_NOT_WRITABLE);
	expect("O_APPEND", raw_open(s, 1, make("a", O_RDWR | O_APPEND), "a", 0), WIRE_E_APPEND);
	expect("/proc",
	       raw_open(s, 1, open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC), "p", 0),
	       WIRE_E_FILESYSTEM);
	expect("memfd", raw_open(s, 1, memfd_create("m", MFD_CLOEXEC), "m", 0), WIRE_E_UNLINKED);
	fd = make("gone", O_RDWR | O_CREAT);
	unlink(in_dir("gone"));
	expect("unlinked", raw_open(s, 1, fd, "g", 0), WIRE_E_UNLINKED);
	fd = make("setuid", O_RDWR | O_CREAT);
	fchmod(fd, 04755);
	expect("setuid", raw_open(s, 1, fd, "u", 0), WIRE_E_PRIVILEGED_FILE);
	fd = make("append", O_RDWR | O_CREAT);
	attr = FS_APPEND_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &attr) == 0)
		expect("append-only", raw_open(s, 1, fd, "l", 0), WIRE_E_APPEND);
	attr = FS_IMMUTABLE_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &attr) == 0)
		expect("immutable", raw_open(s, 1, fd, "i", 0), WIRE_E_NOT_WRITABLE);
	attr = 0;
	ioctl(fd, FS_IOC_SETFLAGS, &attr);
	/* Whoever opens it again waits three quarters of a minute, if he is willing to wait. */
	signal(SIGIO, SIG_IGN);
	fd = make("leased", O_RDWR | O_CREAT);
	if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0) {
		expect("leased", raw_open(s, 4, fd, "leased", 0), 0);
		expect("write under a lease", raw_write(s, 4, WIRE_NO_ARENA, 0, 0), 0);
	}
	/* After OPEN: unlinked meanwhile. Written or not, never called durable. */
	fd = make("later", O_RDWR | O_CREAT);
	expect("later", raw_open(s, 2, fd, "later", 0), 0);
	fcntl(fd, F_SETFL, O_APPEND);
	expect("O_APPEND on ours only", raw_write(s, 2, WIRE_NO_ARENA, 0, 0), 0);
	fchmod(fd, 04755);
	expect("setuid after OPEN", raw_write(s, 2, WIRE_NO_ARENA, 0, 4096),
	       WIRE_E_PRIVILEGED_FILE);
	fchmod(fd, 0644);
	unlink(in_dir("later"));
	expect("unlinked after OPEN", raw_write(s, 2, WIRE_NO_ARENA, 0, 8192), WIRE_E_UNLINKED);
	expect("no such handle", raw_write(s, 77, WIRE_NO_ARENA, 0, 0), WIRE_E_HANDLE);
	expect("handle beyond the limit", raw_open(s, 99999, make("a", O_RDWR), "a", 0),
	       WIRE_E_HANDLE);
	expect("still well", raw_open(s, 3, make("a", O_RDWR), "a", 0), 0);
	close(s);
	s = raw_hello(); /* a frame that needs one and has none */
	{
		union wire_frame f = { .open = { .open_flags = WIRE_OPEN_DESCRIPTOR } };
		unsigned char bytes[WIRE_FRAME_MAX_FIXED];

		raw_send(s, bytes, raw_frame(WIRE_TYPE_OPEN, 5, &f, 0, bytes), NULL, 0);
		expect("missing descriptor", raw_answer(s, 5), WIRE_E_DESCRIPTORS);
	}
	close(s);
	s = raw_hello(); /* and the other way round */
	fd = make("a", O_RDWR);
	{
		union wire_frame f = { 0 };
		unsigned char bytes[WIRE_FRAME_MAX_FIXED];

		raw_send(s, bytes, raw_frame(WIRE_TYPE_STATUS, 5, &f, 0, bytes), &fd, 1);
		expect("unclaimed descriptor", raw_answer(s, 5), WIRE_E_DESCRIPTORS);
	}
	close(s);
}

void attack_arenas(void)
{
	int s = raw_hello(), fd;

	expect("unsealed", raw_arena(s, 0, memory(0, 1 << 20, 0), 1 << 20), WIRE_E_ARENA_SEAL);
	expect("a file", raw_arena(s, 0, make("a", O_RDWR | O_CREAT), 4096), WIRE_E_ARENA_SEAL);
	expect("empty", raw_arena(s, 0, memory(0, 0, F_SEAL_SHRINK), 0), WIRE_E_ARENA_SIZE);
	expect("short", raw_arena(s, 0, memory(0, 4096, F_SEAL_SHRINK), 8192), WIRE_E_ARENA_SIZE);
	expect("huge", raw_arena(s, 0, memory(0, (off_t)1 << 40, F_SEAL_SHRINK), UINT64_C(1) << 40),
	       WIRE_E_ARENA_SIZE);
	expect("number", raw_arena(s, 1000, memory(0, 4096, F_SEAL_SHRINK), 4096), WIRE_E_ARENA);
	fd = memory(MFD_HUGETLB, 2 << 20, F_SEAL_SHRINK);
	if (fd >= 0)
		expect("huge pages", raw_arena(s, 0, fd, 2 << 20), WIRE_E_ARENA_SEAL);
	expect("open", raw_open(s, 1, make("a", O_RDWR), "a", 0), 0);
	expect("sparse and sealed",
	       raw_arena(s, 0, memory(0, 256 << 20, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
			 256 << 20),
	       0);
	expect("in use", raw_arena(s, 0, memory(0, 4096, F_SEAL_SHRINK), 4096),
	       WIRE_E_ARENA_IN_USE);
	/* Every page of it, from a hole: nothing of it may become the daemon's memory. */
	for (uint64_t at = 0; at < 128 << 20; at += 4096 * 8)
		expect("hole", raw_write(s, 1, 0, at, at & 0xfffff), 0);
	expect("beyond", raw_write(s, 1, 0, (256 << 20) - 100, 0), WIRE_E_ARENA_RANGE);
	expect("far beyond", raw_write(s, 1, 0, UINT64_MAX - 100, 0), WIRE_E_ARENA_RANGE);
	expect("no arena", raw_write(s, 1, 3, 0, 0), WIRE_E_ARENA);
	fd = memory(0, 1 << 20, F_SEAL_SHRINK);
	expect("shrinking", raw_arena(s, 1, dup(fd), 1 << 20), 0);
	while (!over()) { /* is emptied while it is being read */
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1 << 20);
		if (ftruncate(fd, 0) == 0)
			attack_failures++;
		expect("punched", raw_write(s, 1, 1, 0, 0), 0);
	}
	close(s);
}

/*
 * A connection whose other end takes nothing: who closes it last waits for an hour. *other is that
 * end.
 */
static int lingering(int *other)
{
	static const char bytes[65536];
	const struct linger hour = { .l_onoff = 1, .l_linger = 3600 };
	struct sockaddr_in here = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(here);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(listener, (struct sockaddr *)&here, size) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&here, &size) < 0 ||
	    connect(s, (struct sockaddr *)&here, size) < 0)
		exit(2);
	*other = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	setsockopt(s, SOL_SOCKET, SO_LINGER, &hour, sizeof(hour));
	while (send(s, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	return s;
}

static void wake(int number)
{
}

/*
 * The daemon's is to be the last one that is closed. Should it be faster, ours is: a signal ends
 * our waiting.
 */
static void give(int s, const void *bytes, size_t len, int fd)
{
	const struct sigaction waking = { .sa_handler = wake };
	const struct itimerval soon = { .it_value.tv_usec = 20000 }, never = { 0 };

	sigaction(SIGALRM, &waking, NULL);
	raw_send(s, bytes, len, &fd, 1);
	setitimer(ITIMER_REAL, &soon, NULL);
	close(fd);
	setitimer(ITIMER_REAL, &never, NULL);
}

static void refused_as_file(int s, int fd)
{
	union wire_frame f = { .open = { .open_flags = WIRE_OPEN_DESCRIPTOR, .path_len = 1 } };
	unsigned char bytes[WIRE_FRAME_MAX_FIXED + 1];

	memset(bytes, 'l', sizeof(bytes));
	give(s, bytes, raw_frame(WIRE_TYPE_OPEN, 5, &f, 1, bytes) + 1, fd);
	expect("a connection as a file", raw_answer(s, 5), WIRE_E_FILESYSTEM);
}

static void refused_as_arena(int s, int fd)
{
	union wire_frame f = { .arena.size = 4096 };
	unsigned char bytes[WIRE_FRAME_MAX_FIXED];

	give(s, bytes, raw_frame(WIRE_TYPE_ARENA, 5, &f, 0, bytes), fd);
	expect("a connection as memory", raw_answer(s, 5), WIRE_E_ARENA_SEAL);
}

static void left_behind(int s, int fd)
{
	give(s, "", 1, fd); /* less than a header: no frame claims it */
}

static void left_unread(int s, int fd)
{
	raw_send(s, "this is not a frame at all", 26, NULL, 0);
	give(s, "", 1, fd);
}

/* Whoever closes these waits. It must not be the thread that all depend on. */
void attack_lingering(void)
{
	static void (*const ways[])(int s, int fd) = { refused_as_file, refused_as_arena,
						       left_behind, left_unread };
	int other[ARRAY_SIZE(ways)], witness = raw_hello();

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int s = raw_hello();

		ways[i](s, lingering(&other[i]));
		close(s);
		expect("a session beside it", raw_close(witness, 1), WIRE_E_HANDLE);
	}
	while (!over())
		usleep(10000);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		close(other[i]);
}
