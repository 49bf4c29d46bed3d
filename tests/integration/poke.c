/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * extent-poke: one session with extentd, one operation an argument. Operands are separated by
 * colons. What does not succeed is printed with the code's name, and the exit status is 1.
 *
 *	extent-poke fd:/mnt/a:create write:0:131072:zstd:7 sync
 *
 *	fd:PATH[:WORDS]		open PATH here and pass the descriptor; WORDS, separated by commas:
 *				create, ro, wo, append, trunc, path (O_PATH), weak (take nodatacow)
 *	inherit:N:PATH		pass descriptor N, which was opened by somebody else; PATH for
 * messages path:PATH[:WORDS]	have the daemon open it: create, excl, trunc, weak
 *	write:AT:LENGTH:FORMAT:SEED[:ACK]
 *				sample data as one extent; FORMAT none, zlib, zstd or lzo; ACK
 *				durable, written or accepted
 *	part:AT:LENGTH:FORMAT:SEED:WHOLE:FROM
 *				a bookend: LENGTH bytes from FROM of an extent of WHOLE bytes
 *	fill:AT:COUNT:FORMAT:SEED[:ACK]
 *				COUNT extents of 128 KiB, many in flight
 *	bad-rows:AT		each of forge.c's bad payloads: must be refused for what is wrong
 *	plain:AT:LENGTH:SEED	pwrite(2) sample data, with seed 0 zeros, to the file opened here
 *	mirror:PATH		from now on, pwrite(2) the content of every write to PATH too
 *	setfl:WORDS		fcntl(F_SETFL) on the descriptor that was passed: append, none
 *	unlink, mode:OCTAL	of the file opened here
 *	attr:NUMBER		FS_*_FL of it, see chattr(1)
 *	sync, sync-session, close, status, sleep:MILLISECONDS
 *	sessions:N		N further sessions, held to the end
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/lib/extent.h"
#include "common/forge.h"
#include "common/sample.h"
#include "payload/payload.h"
#include "wire/counters.h"

#define WHOLE_EXTENT 131072U
#define OPERANDS     8
#define SESSIONS     8192

static struct extent_session *session;
static int file = -1, fd = -1, mirror = -1;
static char path[4096];
static int failures;
static struct extent_session *held[SESSIONS];

static const char *const formats[] = { "none", "zlib", "zstd", "lzo" };

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fprintf(stderr, "extent-poke: ");
	vfprintf(stderr, format, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(2);
}

static uint64_t number(const char *s)
{
	char *end;
	uint64_t n;

	if (!s)
		die("an operand is missing");
	n = strtoull(s, &end, 0);
	if (*end || end == s)
		die("\"%s\" is not a number", s);
	return n;
}

static void report(const char *what, int result)
{
	if (result >= 0)
		return;
	failures++;
	printf("%s: %s: %s\n", what, strerrorname_np(-result), extent_error_text(session));
}

static void done(struct extent_session *s, const struct extent_completion *c)
{
	static const char *const forms[] = { "", "encoded", "decoded", "plain" };
	static const char *const levels[] = { "", "accepted", "written", "durable" };

	if (c->result) {
		failures++;
		printf("%s: %s %s\n", extent_code_name(c->code), strerrorname_np(-c->result),
		       extent_completion_text(s, c));
	} else if (c->kind == EXTENT_OP_WRITE) {
		printf("write %llu+%llu %s %s\n", (unsigned long long)c->offset,
		       (unsigned long long)c->len, levels[c->level & 3], forms[c->form & 3]);
	}
}

static void process(void)
{
	int n = extent_wait(session, -1);

	if (n < 0) {
		report("connection", n);
		exit(1);
	}
}

static void drain(void)
{
	while (extent_pending(session))
		process();
}

/* Queues until it is taken: the library says -EAGAIN when credits or buffers are used up. */
#define QUEUE(call)                                                                                \
	({                                                                                         \
		int64_t id_;                                                                       \
		while ((id_ = (call)) == -EAGAIN)                                                  \
			process();                                                                 \
		report(#call, (int)(id_ < 0 ? id_ : 0));                                           \
		id_;                                                                               \
	})

static int flags_of(const char *words, int flags, unsigned int *open_flags)
{
	static const struct {
		const char *word;
		int clear, set;
		unsigned int open_flags;
	} known[] = {
		{ "create", 0, O_CREAT, EXTENT_CREATE },
		{ "excl", 0, O_EXCL, EXTENT_EXCLUSIVE },
		{ "trunc", 0, O_TRUNC, EXTENT_TRUNCATE },
		{ "ro", O_ACCMODE, O_RDONLY, 0 },
		{ "wo", O_ACCMODE, O_WRONLY, 0 },
		{ "append", 0, O_APPEND, 0 },
		{ "path", 0, O_PATH, 0 },
		{ "none", 0, 0, 0 },
		{ "weak", 0, 0, EXTENT_NODATACOW },
	};
	_cleanup_(freep) char *copy = strdup(words ? words : "");
	char *rest = copy, *word;

	while ((word = strsep(&rest, ","))) {
		size_t i = 0;

		if (!*word)
			continue;
		while (i < ARRAY_SIZE(known) && strcmp(known[i].word, word))
			i++;
		if (i == ARRAY_SIZE(known))
			die("what is \"%s\"?", word);
		flags = (flags & ~known[i].clear) | known[i].set;
		*open_flags |= known[i].open_flags;
	}
	return flags;
}

static void set_attributes(int attributes)
{
	if (ioctl(fd, FS_IOC_SETFLAGS, &attributes) < 0)
		die("attributes of %s: %s", path, strerror(errno));
}

static void open_file(char **operand, bool by_path)
{
	unsigned int flags = 0;
	int how = flags_of(operand[1], O_RDWR, &flags);

	if (!operand[0])
		die("open what?");
	if (fd >= 0)
		close(fd);
	fd = -1;
	snprintf(path, sizeof(path), "%s", operand[0]);
	if (by_path) {
		QUEUE(extent_open_path(session, path, flags, 0644, done, NULL, &file));
	} else {
		fd = open(path, how | O_CLOEXEC, 0644);
		if (fd < 0)
			die("%s: %s", path, strerror(errno));
		QUEUE(extent_open_fd(session, fd, path, flags & EXTENT_NODATACOW, done, NULL,
				     &file));
	}
	drain();
}

static void pass_inherited(uint64_t n, const char *label)
{
	fd = dup((int)n);
	snprintf(path, sizeof(path), "%s", label ? label : "");
	QUEUE(extent_open_fd(session, fd, path, 0, done, NULL, &file));
	drain();
}

static enum extent_ack ack_of(const char *word)
{
	if (!word || !strcmp(word, "durable"))
		return EXTENT_DURABLE;
	if (!strcmp(word, "written"))
		return EXTENT_WRITTEN;
	if (!strcmp(word, "accepted"))
		return EXTENT_ACCEPTED;
	die("no such acknowledgement: %s", word);
}

static uint32_t compression_of(const char *format)
{
	for (size_t i = 0; format && i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i], format))
			return (uint32_t)
				i; /* as BTRFS_ENCODED_IO_COMPRESSION_*; lzo: sectors of 4 KiB */
	die("no such format: %s", format ? format : "");
}

/* One extent of whole bytes of sample data, of which len bytes from skip on are written. */
static void write_sample(uint64_t at, uint64_t len, uint32_t compression, uint64_t seed,
			 uint64_t whole, uint64_t skip, enum extent_ack ack)
{
	static uint8_t data[WHOLE_EXTENT], payload[WHOLE_EXTENT];
	static struct payload_compressor *compressor[ARRAY_SIZE(formats)];
	struct sample_random random = { .state = seed };
	struct extent_write w = { .file = file,
				  .offset = at,
				  .len = len,
				  .unencoded_len = whole,
				  .unencoded_offset = skip,
				  .payload = data,
				  .payload_len = (uint32_t)whole,
				  .compression = compression,
				  .ack = ack };
	size_t n;
	int error;

	if (whole > sizeof(data) || skip + len > whole)
		die("an extent holds at most %zu bytes", sizeof(data));
	sample_fill(data, whole, SAMPLE_MIXED, &random);
	if (compression) {
		if (!compressor[compression] &&
		    payload_compressor_new(compression, 0, &compressor[compression]))
			die("no compressor");
		error = payload_compress(compressor[compression], 4096, data, whole, payload, &n);
		if (error)
			die("seed %llu does not compress", (unsigned long long)seed);
		w.payload = payload;
		w.payload_len = (uint32_t)n;
	}
	if (mirror >= 0 && pwrite(mirror, data + skip, len, (off_t)at) != (ssize_t)len)
		die("mirror: %s", strerror(errno));
	QUEUE(extent_write(session, &w, done, NULL));
}

static void fill(char **operand)
{
	uint64_t at = number(operand[0]), count = number(operand[1]), seed = number(operand[3]);

	for (uint64_t i = 0; i < count; i++)
		write_sample(at + i * WHOLE_EXTENT, WHOLE_EXTENT, compression_of(operand[2]),
			     seed + i, WHOLE_EXTENT, 0, ack_of(operand[4]));
}

static void refused(struct extent_session *s, const struct extent_completion *c)
{
	const struct forge_row *row = c->userdata;

	if (c->code != row->code)
		die("%s: %s, and not %s", row->name, extent_code_name(c->code),
		    extent_code_name(row->code));
	printf("%s: %s at byte %llu\n", row->name, extent_code_name(c->code),
	       (unsigned long long)c->detail);
}

/* Every bad payload that there is: each must be refused, and for what is wrong with it. */
static void write_bad_rows(uint64_t at)
{
	static struct forged forged;
	const struct forge_row *row;

	for (size_t i = 0; (row = forge_row(i)); i++) {
		forge_row_make(row, &forged);
		QUEUE(extent_write(session,
				   (&(struct extent_write){ .file = file,
							    .offset = at,
							    .len = forged.unencoded_len,
							    .unencoded_len = forged.unencoded_len,
							    .payload = forged.p,
							    .payload_len = (uint32_t)forged.len,
							    .compression = forged.compression,
							    .ack = EXTENT_DURABLE }),
				   refused, (void *)(uintptr_t)row));
	}
}

/* Seed 0: zeros. */
static void write_plain(uint64_t at, uint64_t len, uint64_t seed)
{
	static uint8_t data[WHOLE_EXTENT];
	struct sample_random random = { .state = seed };

	memset(data, 0, sizeof(data));
	if (seed)
		sample_fill(data, len < sizeof(data) ? len : sizeof(data), SAMPLE_MIXED, &random);
	if (pwrite(fd, data, len, (off_t)at) != (ssize_t)len)
		die("%s: %s", path, strerror(errno));
}

static void hold_sessions(uint64_t n)
{
	for (uint64_t i = 0; i < n && i < SESSIONS; i++) {
		int error = extent_connect(NULL, &held[i]);

		if (error) {
			failures++;
			printf("session %llu: %s: %s\n", (unsigned long long)i,
			       strerrorname_np(-error), extent_error_text(NULL));
			return;
		}
	}
	printf("%llu sessions\n", (unsigned long long)n);
}

static void show_status(void)
{
#define X(name, text) #name,
	static const char *const names[] = { WIRE_COUNTERS(X) };
#undef X
	const uint64_t *values;
	unsigned int n;

	report("status", extent_status_wait(session));
	n = extent_counters(session, &values);
	for (unsigned int i = 0; i < n && i < ARRAY_SIZE(names); i++)
		printf("%s %llu\n", names[i], (unsigned long long)values[i]);
}

static void run(const char *verb, char **o)
{
	unsigned int ignored = 0;

	if (!strcmp(verb, "fd"))
		open_file(o, false);
	else if (!strcmp(verb, "inherit"))
		pass_inherited(number(o[0]), o[1]);
	else if (!strcmp(verb, "path"))
		open_file(o, true);
	else if (!strcmp(verb, "write"))
		write_sample(number(o[0]), number(o[1]), compression_of(o[2]), number(o[3]),
			     number(o[1]), 0, ack_of(o[4]));
	else if (!strcmp(verb, "part"))
		write_sample(number(o[0]), number(o[1]), compression_of(o[2]), number(o[3]),
			     number(o[4]), number(o[5]), EXTENT_DURABLE);
	else if (!strcmp(verb, "fill"))
		fill(o);
	else if (!strcmp(verb, "bad-rows"))
		write_bad_rows(number(o[0]));
	else if (!strcmp(verb, "plain"))
		write_plain(number(o[0]), number(o[1]), number(o[2]));
	else if (!strcmp(verb, "mirror") && o[0])
		mirror = open(o[0], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	else if (!strcmp(verb, "setfl"))
		fcntl(fd, F_SETFL, flags_of(o[0], O_RDWR, &ignored));
	else if (!strcmp(verb, "unlink"))
		unlink(path);
	else if (!strcmp(verb, "mode") && o[0])
		fchmod(fd, (mode_t)strtoul(o[0], NULL, 8));
	else if (!strcmp(verb, "attr"))
		set_attributes((int)number(o[0]));
	else if (!strcmp(verb, "sync"))
		QUEUE(extent_sync(session, file, done, NULL));
	else if (!strcmp(verb, "sync-session"))
		QUEUE(extent_sync(session, -1, done, NULL));
	else if (!strcmp(verb, "close"))
		QUEUE(extent_close(session, file, done, NULL));
	else if (!strcmp(verb, "drain"))
		drain();
	else if (!strcmp(verb, "status"))
		show_status();
	else if (!strcmp(verb, "sleep"))
		usleep((useconds_t)number(o[0]) * 1000);
	else if (!strcmp(verb, "sessions"))
		hold_sessions(number(o[0]));
	else
		die("what is \"%s\"?", verb);
}

int main(int argc, char *argv[])
{
	int error = extent_connect(NULL, &session);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (error) {
		printf("connect: %s: %s\n", strerrorname_np(-error), extent_error_text(NULL));
		return 1;
	}
	for (int i = 1; i < argc; i++) {
		char *operand[OPERANDS + 1] = { 0 }, *rest = argv[i], *verb = strsep(&rest, ":");

		for (int n = 0; n < OPERANDS && rest; n++)
			operand[n] = strsep(&rest, ":");
		run(verb, operand);
	}
	drain();
	for (size_t i = 0; i < SESSIONS; i++)
		extent_disconnect(held[i]);
	extent_disconnect(session);
	return failures != 0;
}
