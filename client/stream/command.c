// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attributes to fields, driven by the tables of format.h.
 *
 * The walk only records where each attribute lies, so that order does not matter and the last of
 * duplicates wins; then exactly the attributes that the command uses are decoded. An attribute that
 * is unknown, or that the command has no use for, is never looked into.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "stream/attribute.h"
#include "stream/command.h"

const struct attribute_row stream_attributes[STREAM_ATTRIBUTE_COUNT] = {
#define X(number, name_, kind_, field_)                                                            \
	[number] = { #name_, offsetof(struct stream_command, field_), KIND_##kind_ },
	STREAM_ATTRIBUTES(X)
#undef X
};

const struct command_row stream_commands[STREAM_COMMAND_COUNT] = {
#define B(name)				    STREAM_BIT(name)
#define X(number, name_, text, must_, may_) [number] = { text, must_, may_ },
	STREAM_COMMANDS(X)
#undef X
#undef B
};

const uint32_t stream_kind_sizes[KIND_COUNT] = {
	[KIND_U8] = 1, [KIND_U32] = 4, [KIND_U64] = 8, [KIND_ID] = 16, [KIND_TIME] = 12,
};

const char *stream_op_name(unsigned int number)
{
	return number < ARRAY_SIZE(stream_commands) && stream_commands[number].name
		       ? stream_commands[number].name
		       : "unknown";
}

const char *stream_attribute_name(unsigned int number)
{
	return number < ARRAY_SIZE(stream_attributes) && stream_attributes[number].name
		       ? stream_attributes[number].name
		       : "unknown";
}

static uint16_t get_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t get_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static int attribute_decode(struct stream_command *c, unsigned int a, struct stream_bytes b,
			    struct stream_fault *fault)
{
	void *field = (char *)c + stream_attributes[a].field;
	enum stream_kind kind = stream_attributes[a].kind;
	uint32_t expected = stream_kind_sizes[kind];
	struct timespec *t;

	if (expected && b.size != expected)
		return stream_fault_set(fault, STREAM_FAULT_ATTRIBUTE_SIZE, a, b.size, expected);
	switch (kind) {
	case KIND_U8:
		*(uint8_t *)field = *b.data;
		break;
	case KIND_U32:
		*(uint32_t *)field = get_u32(b.data);
		break;
	case KIND_U64:
		*(uint64_t *)field = get_u64(b.data);
		break;
	case KIND_ID:
		memcpy(field, b.data, sizeof(c->uuid));
		break;
	case KIND_TIME:
		t = field;
		t->tv_sec = (int64_t)get_u64(b.data);
		t->tv_nsec = get_u32(b.data + 8);
		/* UTIME_NOW and UTIME_OMIT hide above this range: a stream may not use them. */
		if (t->tv_nsec > 999999999)
			return stream_fault_set(fault, STREAM_FAULT_TIME, a, 0, 0);
		break;
	case KIND_STRING:
		if (memchr(b.data, 0, b.size))
			return stream_fault_set(fault, STREAM_FAULT_STRING, a, 0, 0);
		*(struct stream_string *)field = (struct stream_string){
			.data = (const char *)b.data,
			.size = b.size,
		};
		break;
	case KIND_BYTES:
		*(struct stream_bytes *)field = b;
		break;
	case KIND_NONE:
	case KIND_COUNT:
		break;
	}
	return 0;
}

static int attributes_find(const struct stream_command *c, const uint8_t *p, uint32_t left,
			   struct stream_bytes found[STREAM_ATTRIBUTE_COUNT], uint64_t *present,
			   struct stream_fault *fault)
{
	while (left) {
		uint32_t type, size, header = 4;

		if (left < 2)
			return stream_fault_set(fault, STREAM_FAULT_ATTRIBUTE_LENGTH, 0, left, 2);
		type = get_u16(p);
		if (c->version >= 2 && type == STREAM_A_DATA) {
			header = 2;
			size = left - header;
		} else {
			if (left < header)
				return stream_fault_set(fault, STREAM_FAULT_ATTRIBUTE_LENGTH, type,
							left, header);
			size = get_u16(p + 2);
		}
		p += header;
		left -= header;
		if (size > left)
			return stream_fault_set(fault, STREAM_FAULT_ATTRIBUTE_LENGTH, type, size,
						left);
		if (type && type < STREAM_ATTRIBUTE_COUNT) {
			found[type] = (struct stream_bytes){ .data = p, .size = size };
			*present |= 1ull << type;
		}
		p += size;
		left -= size;
	}
	return 0;
}

int command_decode(struct stream_command *c, const uint8_t *payload, uint32_t size,
		   struct stream_fault *fault)
{
	struct stream_bytes found[STREAM_ATTRIBUTE_COUNT];
	uint64_t present = 0, missing, use;
	int r;

	c->present = 0;
	c->path = (struct stream_string){ "", 0 };
	r = attributes_find(c, payload, size, found, &present, fault);
	if (r)
		return r;
	missing = stream_commands[c->op].must & ~present;
	if (missing)
		return stream_fault_set(fault, STREAM_FAULT_ATTRIBUTE_MISSING,
					__builtin_ctzll(missing), 0, 0);
	c->compression = 0;
	c->encryption = 0;
	use = (stream_commands[c->op].must | stream_commands[c->op].may) & present;
	for (uint64_t todo = use; todo; todo &= todo - 1) {
		unsigned int a = __builtin_ctzll(todo);

		r = attribute_decode(c, a, found[a], fault);
		if (r)
			return r;
	}
	c->present = use;
	return 0;
}
