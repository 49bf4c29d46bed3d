// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * attack NAME DIRECTORY [SECONDS]: one way to harm the daemon, over the raw protocol. Exits with 0
 * when the daemon answered as it must; "attack list" prints the names. What the daemon holds
 * afterwards, and whether others were served meanwhile, test-hostile.sh looks at.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "payload/payload.h"
#include "raw.h"
#include "wire/limits.h"

static const char *dir;
static int seconds = 3;
static int failures;

static void expect(const char *what, uint32_t code, uint32_t wanted)
{
	if (code == wanted)
		return;
	failures++;
	printf("%s: %s instead of %s\n", what,
	       code == UINT32_MAX ? "no answer" : wire_code_name(code),
	       wanted == UINT32_MAX ? "the end" : wire_code_name(wanted));
}

static int make(const char *name, int flags)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, flags | O_CLOEXEC, 0644);
	if (fd < 0) {
		printf("%s: %s\n", path, strerror(errno));
		exit(2);
	}
	return fd;
}

static bool over(void)
{
	static time_t end;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (!end)
		end = t.tv_sec + seconds;
	return t.tv_sec >= end;
}

/* Descriptors that are not fit, each refused with its reason, and the session goes on. */
static void descriptors(void)
{
	char path[4096];
	int s = raw_hello(), fd, attr, p[2];

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	expect("directory", raw_open(s, 1, fd, "d", 0), WIRE_E_NOT_WRITABLE);
	snprintf(path, sizeof(path), "%s/fifo", dir);
	mkfifo(path, 0600);
	expect("FIFO", raw_open(s, 1, open(path, O_RDWR | O_CLOEXEC), "f", 0), WIRE_E_NOT_REGULAR);
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
	snprintf(path, sizeof(path), "%s/gone", dir);
	unlink(path);
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
	/* After OPEN: unlinked meanwhile. Written or not, never called durable. */
	fd = make("later", O_RDWR | O_CREAT);
	expect("later", raw_open(s, 2, fd, "later", 0), 0);
	fcntl(fd, F_SETFL, O_APPEND);
	expect("O_APPEND on ours only", raw_write(s, 2, WIRE_NO_ARENA, 0, 0), 0);
	fchmod(fd, 04755);
	expect("setuid after OPEN", raw_write(s, 2, WIRE_NO_ARENA, 0, 4096),
	       WIRE_E_PRIVILEGED_FILE);
	fchmod(fd, 0644);
	snprintf(path, sizeof(path), "%s/later", dir);
	unlink(path);
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

static int memory(unsigned int flags, off_t size, int seals)
{
	int fd = memfd_create("arena", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);

	if (fd >= 0 && ftruncate(fd, size) == 0 && seals)
		fcntl(fd, F_ADD_SEALS, seals);
	return fd;
}

static void arenas(void)
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
			failures++;
		expect("punched", raw_write(s, 1, 1, 0, 0), 0);
	}
	close(s);
}

/* Requests for answers that nobody reads, on many connections. */
static void deaf(void)
{
	static unsigned char bytes[1 << 17];
	static int s[500];
	union wire_frame f = { 0 };
	size_t n = 0;

	while (n + 24 <= sizeof(bytes))
		n += raw_frame(WIRE_TYPE_STATUS, n, &f, 0, bytes + n);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
		s[i] = raw_hello();
		fcntl(s[i], F_SETFL, O_NONBLOCK);
	}
	while (!over())
		for (size_t i = 0; i < ARRAY_SIZE(s); i++)
			if (i % 50 || !usleep(10000)) /* the daemon's time is the point, not ours */
				raw_send(s[i], bytes, n, NULL, 0);
}

/* A byte at a time, half frames, and payloads that never come to an end. */
static void drip(void)
{
	static int s[300];
	unsigned char bytes[WIRE_FRAME_MAX_FIXED + 1];
	union wire_frame f = { .write = { .arena = WIRE_NO_ARENA,
					  .handle = 1,
					  .len = 131072,
					  .unencoded_len = 131072,
					  .payload_len = 131072,
					  .ack = WIRE_DURABLE } };
	size_t n = raw_frame(WIRE_TYPE_WRITE_, 9, &f, 131072, bytes);

	for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
		s[i] = i % 3 ? raw_hello() : raw_connect();
		if (i % 3 == 1)
			expect("open", raw_open(s[i], 1, make("a", O_RDWR | O_CREAT), "a", 0), 0);
	}
	for (size_t at = 0; !over(); at++) {
		for (size_t i = 0; i < ARRAY_SIZE(s); i++)
			raw_send(s[i], bytes + (at < n ? at : n), 1, NULL, 0);
		usleep(1000);
	}
}

/* More descriptors than any frame claims. */
static void fds(void)
{
	int fd[253], one = make("a", O_RDWR | O_CREAT);

	for (size_t i = 0; i < ARRAY_SIZE(fd); i++)
		fd[i] = one;
	while (!over()) {
		int s = raw_hello();

		if (s < 0)
			break;
		for (int i = 0; i < 3; i++)
			raw_send(s, "x", 1, fd, 253);
		expect("flood", raw_answer(s, 0), WIRE_E_DESCRIPTORS);
		close(s);
		s = raw_hello();
		for (int i = 0; s >= 0 && i < 20; i++)
			raw_send(s, "\0", 1, fd, 1); /* half a header, with one each */
		close(s);
	}
}

/* Connections beyond the user's share, and some that come and go. */
static void crowd(void)
{
	static int s[3000];
	size_t n = 0, refused = 0;

	while (n < ARRAY_SIZE(s)) {
		s[n] = raw_hello();
		refused += s[n++] < 0;
	}
	printf("%zu of %zu connections refused\n", refused, n);
	if (refused < n - LIMIT_USER_SESSIONS)
		failures++;
	while (!over())
		close(raw_connect());
}

/* Payloads of a few bytes that become 128 KiB each, as many as will be accepted, and all of them
 * waiting for others that they overlap. */
static void bloat(void)
{
	static int s[64];
	static unsigned char zeros[131072], packed[131072];
	unsigned char bytes[WIRE_FRAME_MAX_FIXED];
	struct payload_compressor *compressor;
	int fd = memory(0, 1 << 20, F_SEAL_SHRINK);
	size_t len;

	if (payload_compressor_new(BTRFS_ENCODED_IO_COMPRESSION_ZSTD, 0, &compressor) ||
	    payload_compress(compressor, 4096, zeros, sizeof(zeros), packed, &len) ||
	    pwrite(fd, packed, len, 0) != (ssize_t)len)
		exit(2);
	payload_compressor_free(compressor);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
		s[i] = raw_hello();
		expect("open", raw_open(s[i], 1, make("b", O_RDWR | O_CREAT), "b", 0), 0);
		expect("arena", raw_arena(s[i], 0, dup(fd), 1 << 20), 0);
		fcntl(s[i], F_SETFL, O_NONBLOCK);
	}
	for (uint64_t id = 1; !over(); id++)
		for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
			union wire_frame f = { .write = { .handle = 1,
							  .offset = (id * 64 + i) % 4096 * 65536,
							  .len = 131072,
							  .unencoded_len = 131072,
							  .payload_len = (uint32_t)len,
							  .compression =
								  BTRFS_ENCODED_IO_COMPRESSION_ZSTD,
							  .ack = WIRE_ACCEPTED } };
			char drain[4096];

			while (read(s[i], drain, sizeof(drain)) > 0)
				;
			raw_send(s[i], bytes, raw_frame(WIRE_TYPE_WRITE_, id, &f, 0, bytes), NULL,
				 0);
		}
}

/* Syncs and cancels without end, more than was granted. */
static void credits(void)
{
	static unsigned char bytes[24 * 2000];
	static int s[16];
	char drain[65536];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
		s[i] = raw_hello();
		expect("open", raw_open(s[i], 1, make("c", O_RDWR | O_CREAT), "c", 0), 0);
		fcntl(s[i], F_SETFL, O_NONBLOCK);
	}
	while (n + 24 <= sizeof(bytes)) {
		union wire_frame f = { .sync = { .scope = WIRE_SYNC_SESSION } };
		union wire_frame c = { .cancel = { .target = 1 } };

		n += n % 48 ? raw_frame(WIRE_TYPE_SYNC, n, &f, 0, bytes + n)
			    : raw_frame(WIRE_TYPE_CANCEL, n, &c, 0, bytes + n);
	}
	while (!over())
		for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
			while (read(s[i], drain, sizeof(drain)) > 0)
				;
			raw_send(s[i], bytes, n, NULL, 0);
		}
}

static const struct {
	const char *name;
	void (*run)(void);
} attacks[] = {
	{ "descriptors", descriptors },
	{ "arenas", arenas },
	{ "deaf", deaf },
	{ "drip", drip },
	{ "fds", fds },
	{ "crowd", crowd },
	{ "credits", credits },
	{ "bloat", bloat },
};

int main(int argc, char *argv[])
{
	struct rlimit files = { 16384, 16384 };

	setrlimit(RLIMIT_NOFILE, &files);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 3)
		seconds = atoi(argv[3]);
	dir = argc > 2 ? argv[2] : ".";
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(attacks); i++) {
		if (!strcmp(argv[1], "list")) {
			printf("%s\n", attacks[i].name);
		} else if (!strcmp(argv[1], attacks[i].name)) {
			attacks[i].run();
			return failures != 0;
		}
	}
	return argc > 1 && !strcmp(argv[1], "list") ? 0 : 2;
}
