// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "stream/attribute.h"
#include "stream/crc32c.h"
#include "stream/encode.h"

#define OUT_ROOM_LEAST 4096

void stream_out_free(struct stream_out *out)
{
	free(out->bytes);
	*out = (struct stream_out){ NULL };
}

int stream_out_add(struct stream_out *out, const void *bytes, size_t size)
{
	if (out->room - out->size < size) {
		size_t room = out->room ? 2 * out->room : OUT_ROOM_LEAST;
		uint8_t *larger;

		while (room - out->size < size)
			room *= 2;
		larger = realloc(out->bytes, room);
		if (!larger)
			return -ENOMEM;
		out->bytes = larger;
		out->room = room;
	}
	if (size)
		memcpy(out->bytes + out->size, bytes, size);
	out->size += size;
	return 0;
}

static int add_u16(struct stream_out *out, uint16_t v)
{
	v = htole16(v);
	return stream_out_add(out, &v, sizeof(v));
}

static int add_u32(struct stream_out *out, uint32_t v)
{
	v = htole32(v);
	return stream_out_add(out, &v, sizeof(v));
}

static int add_u64(struct stream_out *out, uint64_t v)
{
	v = htole64(v);
	return stream_out_add(out, &v, sizeof(v));
}

int stream_encode_header(struct stream_out *out)
{
	int r = stream_out_add(out, STREAM_MAGIC, STREAM_MAGIC_SIZE);

	return r ?: add_u32(out, STREAM_ENCODE_VERSION);
}

static int add_sized(struct stream_out *out, const void *bytes, uint32_t size)
{
	int r = size > UINT16_MAX ? -EMSGSIZE : add_u16(out, (uint16_t)size);

	return r ?: stream_out_add(out, bytes, size);
}

static int add_time(struct stream_out *out, const struct timespec *t)
{
	int r;

	if (t->tv_nsec < 0 || t->tv_nsec > 999999999)
		return -EINVAL;
	r = add_u64(out, (uint64_t)t->tv_sec);
	return r ?: add_u32(out, (uint32_t)t->tv_nsec);
}

/* Type, length, value. */
static int attribute_encode(struct stream_out *out, const struct stream_command *c, unsigned int a)
{
	const void *field = (const char *)c + stream_attributes[a].field;
	enum stream_kind kind = stream_attributes[a].kind;
	const struct stream_string *s = field;
	const struct stream_bytes *b = field;
	int r = add_u16(out, (uint16_t)a);

	if (!r && stream_kind_sizes[kind])
		r = add_u16(out, (uint16_t)stream_kind_sizes[kind]);
	if (r)
		return r;
	switch (kind) {
	case KIND_U8:
		return stream_out_add(out, field, 1);
	case KIND_U32:
		return add_u32(out, *(const uint32_t *)field);
	case KIND_U64:
		return add_u64(out, *(const uint64_t *)field);
	case KIND_ID:
		return stream_out_add(out, field, sizeof(c->uuid));
	case KIND_TIME:
		return add_time(out, field);
	case KIND_STRING:
		return add_sized(out, s->data, s->size);
	case KIND_BYTES:
		return add_sized(out, b->data, b->size);
	case KIND_NONE:
	case KIND_COUNT:
		break;
	}
	return 0;
}

static int attributes_encode(struct stream_out *out, const struct stream_command *c, uint64_t which)
{
	int r = 0;

	for (uint64_t todo = which & ~STREAM_BIT(DATA); !r && todo; todo &= todo - 1)
		r = attribute_encode(out, c, (unsigned int)__builtin_ctzll(todo));
	/* The last one, for its length is what is left. */
	return !r && which & STREAM_BIT(DATA) ? add_u16(out, STREAM_A_DATA) : r;
}

/* Length and checksum, into the header that stands at start. */
static int command_close(struct stream_out *out, size_t start, const struct stream_command *c,
			 uint32_t data)
{
	size_t length = out->size - start + data;
	uint32_t v;

	if (length > STREAM_COMMAND_MAX)
		return -EMSGSIZE;
	v = htole32((uint32_t)length - STREAM_COMMAND_HEADER);
	memcpy(out->bytes + start, &v, sizeof(v));
	v = crc32c(0, out->bytes + start, out->size - start);
	if (data)
		v = crc32c(v, c->data.data, data);
	v = htole32(v);
	memcpy(out->bytes + start + 6, &v, sizeof(v));
	return 0;
}

int stream_encode(struct stream_out *out, const struct stream_command *c)
{
	static const uint8_t nothing[STREAM_COMMAND_HEADER];
	const struct command_row *row = &stream_commands[c->op];
	uint64_t which = row->must | (row->may & c->present);
	size_t start = out->size;
	uint16_t op = htole16((uint16_t)c->op);
	int r = stream_out_add(out, nothing, sizeof(nothing));

	if (!r) {
		memcpy(out->bytes + start + 4, &op, sizeof(op));
		r = attributes_encode(out, c, which);
	}
	if (!r)
		r = command_close(out, start, c, which & STREAM_BIT(DATA) ? c->data.size : 0);
	if (r)
		out->size = start;
	return r;
}
