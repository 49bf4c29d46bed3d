// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * attack NAME DIRECTORY [SECONDS]: one way to harm the daemon, over the raw protocol. Exits with 0
 * when the daemon answered as it must; "attack list" prints the names. What the daemon holds
 * afterwards, and whether others were served meanwhile, test-hostile.sh looks at.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"
#include "base/cleanup.h"
#include "payload/payload.h"
#include "raw.h"
#include "wire/limits.h"

static const char *dir;
static int seconds = 3;
int attack_failures;

void expect(const char *what, uint32_t code, uint32_t wanted)
{
	if (code == wanted)
		return;
	attack_failures++;
	printf("%s: %s instead of %s\n", what,
	       code == UINT32_MAX ? "no answer" : wire_code_name(code),
	       wanted == UINT32_MAX ? "the end" : wire_code_name(wanted));
}

const char *in_dir(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

int make(const char *name, int flags)
{
	int fd = open(in_dir(name), flags | O_CLOEXEC, 0644);

	if (fd < 0) {
		printf("%s: %s\n", in_dir(name), strerror(errno));
		exit(2);
	}
	return fd;
}

bool over(void)
{
	static time_t end;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (!end)
		end = t.tv_sec + seconds;
	return t.tv_sec >= end;
}

int memory(unsigned int flags, off_t size, int seals)
{
	int fd = memfd_create("arena", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);

	if (fd >= 0 && ftruncate(fd, size) == 0 && seals)
		fcntl(fd, F_ADD_SEALS, seals);
	return fd;
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
		attack_failures++;
	while (!over())
		close(raw_connect());
}

/* Connections that end at once, none of them too many. */
static void churn(void)
{
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

/*
 * A file whose opening takes a worker, and behind it in one message as many writes as are granted,
 * to one place: nobody knows yet that they will wait for each other.
 */
static void pile(void)
{
	enum { SESSIONS = 64 };
	static unsigned char bytes[LIMIT_CREDIT_REQUESTS * sizeof(struct wire_write)];
	const int arena = memory(0, 4096, F_SEAL_SHRINK);
	size_t n = 0;

	for (uint64_t i = 2; i < LIMIT_CREDIT_REQUESTS; i++) {
		union wire_frame f = { .write = { .handle = 1,
						  .len = 4096,
						  .unencoded_len = 4096,
						  .payload_len = 4096,
						  .ack = WIRE_DURABLE } };

		n += raw_frame(WIRE_TYPE_WRITE_, i, &f, 0, bytes + n);
	}
	while (!over()) {
		int s[SESSIONS];

		for (size_t i = 0; i < SESSIONS; i++) {
			s[i] = raw_hello();
			expect("arena", raw_arena(s[i], 0, dup(arena), 4096), 0);
		}
		for (size_t i = 0; i < SESSIONS; i++) {
			union wire_frame f = { .open = { .handle = 1,
							 .open_flags = WIRE_OPEN_DESCRIPTOR,
							 .path_len = 1 } };
			unsigned char open[sizeof(struct wire_open) + 1];
			int fd = make("foreign", O_RDWR);

			memset(open, 'p', sizeof(open));
			raw_send(s[i], open, raw_frame(WIRE_TYPE_OPEN, 1, &f, 1, open) + 1, &fd, 1);
			close(fd);
			raw_send(s[i], bytes, n, NULL, 0);
		}
		for (size_t i = 0; i < SESSIONS; i++) {
			struct raw_reply reply;

			while (!over() && raw_reply(s[i], &reply) > 0)
				;
			close(s[i]);
		}
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
	{ "descriptors", attack_descriptors },
	{ "arenas", attack_arenas },
	{ "lingering", attack_lingering },
	{ "deaf", deaf },
	{ "drip", drip },
	{ "fds", fds },
	{ "crowd", crowd },
	{ "churn", churn },
	{ "credits", credits },
	{ "bloat", bloat },
	{ "pile", pile },
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
			return attack_failures != 0;
		}
	}
	return argc > 1 && !strcmp(argv[1], "list") ? 0 : 2;
}
