// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Framing: from bytes to commands.
 *
 * Input is read in large pieces into a block and commands are handed out in place. A command that
 * does not fit into the rest of its block moves, so far as it has been read, to the front of a
 * fresh one; that copies less than one command per block. The old block lives on as long as
 * somebody holds one of its commands.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "stream/crc32c.h"
#include "stream/stream.h"

/* One read(2): large enough to make its cost vanish, small enough to be still in cache when used.
 */
#define READ_SIZE (256u << 10)
/* A pipe as large as an unprivileged process may make it (/proc/sys/fs/pipe-max-size). */
#define PIPE_SIZE (1 << 20)

struct stream {
	stream_read_fn read;
	void *userdata;
	int fd;
	struct block_source *source;
	struct block *block;
	size_t start, end; /* in block: first byte not consumed, first byte not read */
	uint64_t position; /* in the input: of start */
	uint32_t version;  /* 0: a stream header is expected */
	uint32_t streams;  /* headers seen */
	struct stream_fault fault;
};

static ssize_t fd_read(void *userdata, void *buffer, size_t size)
{
	return read(((struct stream *)userdata)->fd, buffer, size);
}

int stream_new(stream_read_fn read_fn, void *userdata, struct block_source *source,
	       struct stream **out)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->read = read_fn;
	s->userdata = userdata;
	s->source = source;
	s->fd = -1;
	*out = s;
	return 0;
}

int stream_new_fd(int fd, struct block_source *source, struct stream **out)
{
	int r = stream_new(fd_read, NULL, source, out);

	if (r)
		return r;
	(*out)->userdata = *out;
	(*out)->fd = fd;
	/* Fewer wake-ups when fd is a pipe; no harm when it is not, or when the limit is lower. */
	(void)fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
	return 0;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	block_unref(s->block);
	free(s);
}

static int stream_fail(struct stream *s, enum stream_fault_code code, uint64_t found,
		       uint64_t expected)
{
	s->fault.position = s->position;
	return stream_fault_set(&s->fault, code, 0, found, expected);
}

static int stream_fail_errno(struct stream *s, enum stream_fault_code code, int error)
{
	stream_fail(s, code, 0, 0);
	s->fault.error = -error;
	return -error;
}

static int stream_block(struct stream *s, size_t need)
{
	struct block *fresh;
	size_t have = s->end - s->start;

	/* Nobody holds what was consumed: the same memory again, which the cache still has. */
	if (s->block && s->block->refs == 1 && s->start >= READ_SIZE / 2) {
		memmove(s->block->data, s->block->data + s->start, have);
		s->start = 0;
		s->end = have;
	}
	if (s->block && s->block->size - s->start >= need)
		return 0;
	fresh = s->source->get(s->source);
	if (!fresh)
		return stream_fail_errno(s, STREAM_FAULT_MEMORY, errno ?: ENOMEM);
	if (have)
		memcpy(fresh->data, s->block->data + s->start, have);
	block_unref(s->block);
	s->block = fresh;
	s->start = 0;
	s->end = have;
	return 0;
}

/* Makes need bytes available at start. STREAM_DONE if the input ends with none of them. */
static int stream_fill(struct stream *s, size_t need)
{
	int r;

	if (s->end - s->start >= need)
		return 0;
	r = stream_block(s, need);
	if (r)
		return r;
	while (s->end - s->start < need) {
		size_t room = s->block->size - s->end;
		ssize_t n;

		n = s->read(s->userdata, s->block->data + s->end,
			    room < READ_SIZE ? room : READ_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return stream_fail_errno(s, STREAM_FAULT_READ, errno);
		if (n == 0 && s->end == s->start)
			return STREAM_DONE;
		if (n == 0)
			return stream_fail(s, STREAM_FAULT_TRUNCATED, s->end - s->start, need);
		s->end += n;
	}
	return 0;
}

static const uint8_t *stream_here(const struct stream *s)
{
	return s->block->data + s->start;
}

static void stream_consume(struct stream *s, size_t size)
{
	s->start += size;
	s->position += size;
}

static int stream_header(struct stream *s)
{
	uint32_t version;
	int r;

	r = stream_fill(s, STREAM_HEADER_SIZE);
	if (r == STREAM_DONE && !s->streams)
		return stream_fail(s, STREAM_FAULT_TRUNCATED, 0, STREAM_HEADER_SIZE);
	if (r)
		return r;
	if (memcmp(stream_here(s), STREAM_MAGIC, STREAM_MAGIC_SIZE))
		return stream_fail(s, STREAM_FAULT_MAGIC, 0, 0);
	memcpy(&version, stream_here(s) + STREAM_MAGIC_SIZE, sizeof(version));
	version = le32toh(version);
	if (!version || version > STREAM_VERSION_MAX)
		return stream_fail(s, STREAM_FAULT_VERSION, version, STREAM_VERSION_MAX);
	stream_consume(s, STREAM_HEADER_SIZE);
	s->version = version;
	s->streams++;
	return 0;
}

/* Reads one whole command and checks its sum; it is not yet consumed. */
static int stream_frame(struct stream *s, uint32_t *size, uint16_t *number, uint32_t *crc)
{
	uint32_t limit = s->version == 1 ? STREAM_COMMAND_MAX_V1 : STREAM_COMMAND_MAX;
	uint8_t header[STREAM_COMMAND_HEADER];
	uint32_t sum;
	int r;

	r = stream_fill(s, STREAM_COMMAND_HEADER);
	if (r == STREAM_DONE)
		return stream_fail(s, STREAM_FAULT_TRUNCATED, 0, STREAM_COMMAND_HEADER);
	if (r)
		return r;
	memcpy(header, stream_here(s), sizeof(header));
	memcpy(size, header, sizeof(*size));
	memcpy(number, header + 4, sizeof(*number));
	memcpy(crc, header + 6, sizeof(*crc));
	*size = le32toh(*size);
	*number = le16toh(*number);
	*crc = le32toh(*crc);
	s->fault.command = *number;
	if (*size > limit - STREAM_COMMAND_HEADER)
		return stream_fail(s, STREAM_FAULT_LENGTH, (uint64_t)*size + STREAM_COMMAND_HEADER,
				   limit);
	*size += STREAM_COMMAND_HEADER;
	r = stream_fill(s, *size);
	if (r)
		return r;
	memset(header + 6, 0, sizeof(*crc));
	sum = crc32c(0, header, sizeof(header));
	sum = crc32c(sum, stream_here(s) + STREAM_COMMAND_HEADER, *size - STREAM_COMMAND_HEADER);
	if (sum != *crc)
		return stream_fail(s, STREAM_FAULT_CRC, *crc, sum);
	return 0;
}

int stream_next(struct stream *s, struct stream_command *c)
{
	const uint8_t *payload;
	uint32_t size = 0, crc = 0;
	uint16_t number = 0;
	int r;

	if (!stream_fault_recoverable(&s->fault))
		return s->fault.error;
	s->fault = (struct stream_fault){ 0 };
	if (!s->version) {
		r = stream_header(s);
		if (r)
			return r;
	}
	do {
		r = stream_frame(s, &size, &number, &crc);
		if (r)
			return r;
		c->position = s->position;
		payload = stream_here(s) + STREAM_COMMAND_HEADER;
		stream_consume(s, size);
	} while (!number || number & STREAM_COMMAND_IGNORABLE);

	s->fault.position = c->position;
	if (number >= STREAM_COMMAND_COUNT)
		return stream_fault_set(&s->fault, STREAM_FAULT_COMMAND, 0, 0, 0);
	c->length = size;
	c->crc = crc;
	c->version = s->version;
	c->stream = s->streams - 1;
	c->op = number;
	c->block = s->block;
	r = command_decode(c, payload, size - STREAM_COMMAND_HEADER, &s->fault);
	if (r)
		return r;
	if (number == STREAM_C_END)
		s->version = 0;
	return 0;
}

const struct stream_fault *stream_fault(const struct stream *s)
{
	return &s->fault;
}

uint64_t stream_position(const struct stream *s)
{
	return s->position;
}
