// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel has no way to send from the middle, so the stream is made again, and what the target
 * has of it is read here and left out: it costs this machine time, and the network nothing.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/journal.h"
#include "replicate/parts.h"
#include "stream/command.h"
#include "stream/format.h"

#define SCRATCH_BYTES	  (256u << 10)
#define FIRST_COMMAND_MAX (16u << 10) /* names, UUIDs and numbers */

struct reader {
	int fd;
	size_t start, len;
	uint8_t bytes[SCRATCH_BYTES];
};

/* size bytes to out, or nowhere. */
static int take(struct reader *r, void *out, size_t size)
{
	while (size) {
		size_t n = r->len < size ? r->len : size;

		if (!n) {
			ssize_t got = read(r->fd, r->bytes, sizeof(r->bytes));

			if (got < 0 && errno != EINTR)
				return -errno;
			if (!got)
				return -ESTALE; /* shorter than the part */
			r->start = 0;
			r->len = got > 0 ? (size_t)got : 0;
			continue;
		}
		if (out) {
			memcpy(out, r->bytes + r->start, n);
			out = (uint8_t *)out + n;
		}
		r->start += n;
		r->len -= n;
		size -= n;
	}
	return 0;
}

static void command_read(const uint8_t *header, struct stream_command *c)
{
	uint32_t length, crc;
	uint16_t op;

	memcpy(&length, header, sizeof(length));
	memcpy(&op, header + 4, sizeof(op));
	memcpy(&crc, header + 6, sizeof(crc));
	*c = (struct stream_command){ .op = (enum stream_op)le16toh(op), .crc = le32toh(crc) };
	c->length = le32toh(length) + STREAM_COMMAND_HEADER;
}

int part_skip(const struct part *part, int from, uint8_t **out, size_t *size)
{
	_cleanup_(freep) struct reader *r = malloc(sizeof(*r));
	_cleanup_(freep) uint8_t *first =
		malloc(STREAM_HEADER_SIZE + FIRST_COMMAND_MAX + SCRATCH_BYTES);
	uint8_t header[STREAM_COMMAND_HEADER], *command = first + STREAM_HEADER_SIZE;
	struct stream_command c;
	uint64_t at, digest;
	size_t n;
	int e;

	if (!r || !first)
		return -ENOMEM;
	r->fd = from;
	r->len = 0;
	e = take(r, first, STREAM_HEADER_SIZE + STREAM_COMMAND_HEADER);
	if (e)
		return e;
	command_read(command, &c);
	if (c.length < STREAM_COMMAND_HEADER || c.length > FIRST_COMMAND_MAX)
		return -ESTALE;
	n = STREAM_HEADER_SIZE + c.length;
	at = c.length;
	digest = journal_digest(0, &c);
	e = take(r, command + STREAM_COMMAND_HEADER, c.length - STREAM_COMMAND_HEADER);
	while (!e && at < part->offset) {
		e = take(r, header, STREAM_COMMAND_HEADER);
		if (e)
			break;
		command_read(header, &c);
		e = take(r, NULL, c.length - STREAM_COMMAND_HEADER);
		at += c.length;
		digest = journal_digest(digest, &c);
	}
	if (!e && (at != part->offset || digest != part->digest))
		e = -ESTALE;
	if (e)
		return e;
	memcpy(first + n, r->bytes + r->start, r->len); /* what was read too far */
	*size = n + r->len;
	*out = steal_ptr(&first);
	return 0;
}
