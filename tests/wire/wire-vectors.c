// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every frame with fixed values against vectors.txt, both ways: that file was made from
 * PROTOCOL.md by other means, so it catches a machine (32 bits, big-endian) or a change that
 * makes different bytes. Links nothing but wire, to be built for targets that have no more.
 *
 *	wire-vectors vectors.txt
 */
#include <stdio.h>
#include <string.h>

#include "wire/wire.h"

#define HEADER(type, bytes) .h = { bytes, WIRE_TYPE_##type, 0, UINT64_C(0x0102030405060708) }

static const struct vector {
	const char *name;
	union wire_frame frame;
} vectors[] = {
	{ "HELLO",
	  { .hello = { HEADER(HELLO, 48), WIRE_MAGIC, 1, 0x0203, UINT64_C(0x1112131415161718),
		       UINT64_C(0x2122232425262728) } } },
	{ "ARENA", { .arena = { HEADER(ARENA, 32), 3, 0, UINT64_C(0x10000000) } } },
	{ "ARENA_DROP", { .arena_drop = { HEADER(ARENA_DROP, 24), 0x31323334 } } },
	{ "OPEN", { .open = { HEADER(OPEN, 32 + 300), 0x41424344, WIRE_OPEN_FLAGS, 0640, 300 } } },
	{ "WRITE",
	  { .write = { HEADER(WRITE_, 88), 5, 2, UINT64_C(0x5152535455565758),
		       UINT64_C(0x6162636465666768), UINT64_C(0x7172737475767778),
		       UINT64_C(0x8182838485868788), UINT64_C(0x9192939495969798), 0xa1a2a3a4,
		       0xb1b2b3b4, 0xc1c2c3c4, 0xd1d2, WIRE_DURABLE } } },
	{ "WRITE inline",
	  { .write = { HEADER(WRITE_, 88 + 4660), 5, WIRE_NO_ARENA, 4096, 131072, 131072, 0, 0,
		       4660, 2, 0, 0, WIRE_ACCEPTED } } },
	{ "SYNC", { .sync = { HEADER(SYNC, 24), WIRE_SYNC_FILE, 0xe1e2e3e4 } } },
	{ "CLOSE", { .close = { HEADER(CLOSE, 24), 0xf1f2f3f4 } } },
	{ "CANCEL", { .cancel = { HEADER(CANCEL, 24), UINT64_C(0x0807060504030201) } } },
	{ "STATUS", { .status = { HEADER(STATUS, 24) } } },
	{ "READ",
	  { .read = { HEADER(READ, 56), 5, 2, UINT64_C(0x5152535455565758),
		      UINT64_C(0x9192939495969798), 0xa1a2a3a4 } } },
	{ "READ inline", { .read = { HEADER(READ, 56), 5, WIRE_NO_ARENA, 4096, 0, 131072 } } },
	{ "HELLO_REPLY",
	  { .hello_reply = { HEADER(HELLO_REPLY, 80), WIRE_MAGIC, 1, 2, WIRE_FEATURE_FDS,
			     UINT64_C(0x1a1b1c1d1e1f2021), UINT64_C(0x2a2b2c2d2e2f3031), 0x3a3b3c3d,
			     0x4a4b4c4d, 0x5a5b5c5d, 0x6a6b6c6d, 0x7a7b7c7d,
			     WIRE_BACKEND_DECODE } } },
	{ "OPEN_REPLY",
	  { .open_reply = { HEADER(OPEN_REPLY, 48), 7, WIRE_BACKEND_IOCTL, 4096, 131072, 131073, 0,
			    UINT64_C(0x8a8b8c8d8e8f9091) } } },
	{ "STATUS_REPLY", { .status_reply = { HEADER(STATUS_REPLY, 24 + 25 * 8), 25 } } },
	{ "ACKS", { .acks = { HEADER(ACKS, 24 + 128 * 32), 128 } } },
	{ "LOST",
	  { .lost = { HEADER(LOST_, 56), UINT64_C(0x9a9b9c9d9e9fa0a1), UINT64_C(0xaaabacadaeafb0b1),
		      UINT64_C(0xbabbbcbdbebfc0c1), 9, 52, -2 } } },
	{ "ERROR", { .error = { HEADER(ERROR, 32 + 258), UINT64_C(0xcacbcccdcecfd0d1), 3, 258 } } },
	{ "READ_REPLY",
	  { .read_reply = { HEADER(READ_REPLY, 72), UINT64_C(0x5152535455565758),
			    UINT64_C(0x6162636465666768), UINT64_C(0x7172737475767778),
			    UINT64_C(0x8182838485868788), 3, 0xa1a2a3a4, 0xb1b2b3b4,
			    WIRE_READ_ENCODED } } },
	{ "READ_REPLY inline",
	  { .read_reply = { HEADER(READ_REPLY, 72 + 4660), 4096, 131072, 131072, 0, WIRE_NO_ARENA,
			    4660, 2, WIRE_READ_ENCODED } } },
};

static const struct wire_ack ack = {
	UINT64_C(0x0102030405060708),
	UINT64_C(0xdadbdcdddedfe0e1),
	50,
	28,
	WIRE_WRITTEN,
	WIRE_FORM_DECODED,
	0,
	0,
};

#define N_VECTORS (sizeof(vectors) / sizeof(vectors[0]))
#define LINE_MAX  512

static void hex(const uint8_t *bytes, size_t n, char *out)
{
	while (n--)
		out += sprintf(out, "%02x", *bytes++);
}

static int compare(const char *name, const char *expected, const uint8_t *bytes, size_t n)
{
	char text[LINE_MAX];

	hex(bytes, n, text);
	if (!strcmp(text, expected))
		return 0;
	fprintf(stderr, "%s:\n  made     %s\n  expected %s\n", name, text, expected);
	return 1;
}

static int check_frame(const struct vector *v, const char *expected)
{
	uint8_t bytes[WIRE_FRAME_MAX_FIXED];
	size_t n = wire_fixed_size(v->frame.h.type);
	union wire_frame back;
	int bad, code;

	wire_write(&v->frame, bytes);
	bad = compare(v->name, expected, bytes, n);
	code = wire_read(bytes, &back);
	if (code || memcmp(&back, &v->frame, n)) {
		fprintf(stderr, "%s: not read back as it was (code %d)\n", v->name, code);
		bad = 1;
	}
	return bad;
}

static int check_ack(const char *expected)
{
	uint8_t bytes[sizeof(ack)];
	struct wire_ack back;
	int bad;

	wire_write_ack(&ack, bytes);
	bad = compare("ACK", expected, bytes, sizeof(bytes));
	wire_read_ack(bytes, &back);
	if (memcmp(&back, &ack, sizeof(ack))) {
		fprintf(stderr, "ACK: not read back as it was\n");
		bad = 1;
	}
	return bad;
}

/* "NAME: hex"; empty lines and those that start with # are comments. */
int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
	char line[LINE_MAX], *value;
	size_t n = 0;
	int bad = 0;

	if (!f) {
		fprintf(stderr, "usage: wire-vectors vectors.txt\n");
		return 2;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		value = strstr(line, ": ");
		if (*line == '#' || !value)
			continue;
		*value = 0;
		value += 2;
		if (n < N_VECTORS && !strcmp(line, vectors[n].name))
			bad += check_frame(&vectors[n++], value);
		else if (n == N_VECTORS && !strcmp(line, "ACK"))
			bad += check_ack(value), n++;
		else
			bad++, fprintf(stderr, "%s is out of place\n", line);
	}
	fclose(f);
	if (n != N_VECTORS + 1) {
		fprintf(stderr, "%zu of %zu vectors found\n", n, N_VECTORS + 1);
		bad++;
	}
	return bad ? 1 : 0;
}
