// SPDX-License-Identifier: LGPL-2.1-or-later
#include <endian.h>
#include <string.h>

#include "wire/codes.h"
#include "wire/limits.h"
#include "wire/wire.h"

/* Little-endian to host and back: the same operation, and none on most machines. */
#define LE(x)                                                                                      \
	_Generic((x), uint8_t                                                                      \
		 : (x), uint16_t                                                                   \
		 : le16toh((uint16_t)(x)), uint32_t                                                \
		 : le32toh((uint32_t)(x)), int32_t                                                 \
		 : (int32_t)le32toh((uint32_t)(x)), uint64_t                                       \
		 : le64toh((uint64_t)(x)))

#define SWAP(type, name) f->name = LE(f->name);
#define ZERO(type, name) nonzero |= f->name;
#define NOTHING(type, name)

static void swap_header(struct wire_header *f)
{
	WIRE_HEADER(SWAP, SWAP)
}

static void swap_ack(struct wire_ack *f){ WIRE_ACK(SWAP, SWAP) }

#define X(code, NAME, lower)                                                                       \
	static void swap_##lower(struct wire_##lower *f)                                           \
	{                                                                                          \
		WIRE_##NAME(SWAP, SWAP)                                                            \
	}                                                                                          \
	static uint64_t reserved_##lower(const struct wire_##lower *f)                             \
	{                                                                                          \
		uint64_t nonzero = 0;                                                              \
		(void)f;                                                                           \
		WIRE_##NAME(NOTHING, ZERO) return nonzero;                                         \
	}
WIRE_FRAMES(X)
#undef X

	size_t wire_fixed_size(uint16_t type)
{
	switch (type) {
#define X(code, NAME, lower)                                                                       \
	case code:                                                                                 \
		return sizeof(struct wire_##lower);
		WIRE_FRAMES(X)
#undef X
	default:
		return 0;
	}
}

const char *wire_type_name(uint16_t type)
{
	static const char *const names[256] = {
#define X(code, NAME, lower) [code] = #lower,
		WIRE_FRAMES(X)
#undef X
	};

	return type < 256 && names[type] ? names[type] : "frame";
}

void wire_read_header(const void *bytes, struct wire_header *out)
{
	memcpy(out, bytes, sizeof(*out));
	swap_header(out);
}

/* Swaps all behind the header; true if no reserved field is set. */
static int swap_body(uint16_t type, union wire_frame *f)
{
	switch (type) {
#define X(code, NAME, lower)                                                                       \
	case code:                                                                                 \
		swap_##lower(&f->lower);                                                           \
		return !reserved_##lower(&f->lower);
		WIRE_FRAMES(X)
#undef X
	default:
		return 1;
	}
}

/* The bytes that must follow the fixed part, or -1 when a count is beyond its limit. */
static int64_t tail_size(const union wire_frame *f)
{
	switch (f->h.type) {
	case WIRE_TYPE_OPEN:
		return f->open.path_len <= LIMIT_PATH_BYTES ? (int64_t)f->open.path_len : -1;
	case WIRE_TYPE_WRITE_:
		if (f->write.arena != WIRE_NO_ARENA)
			return 0;
		return f->write.payload_len <= LIMIT_PAYLOAD_BYTES ? (int64_t)f->write.payload_len
								   : -1;
	case WIRE_TYPE_READ_REPLY:
		if (f->read_reply.arena != WIRE_NO_ARENA)
			return 0;
		return f->read_reply.payload_len <= LIMIT_PAYLOAD_BYTES
			       ? (int64_t)f->read_reply.payload_len
			       : -1;
	case WIRE_TYPE_STATUS_REPLY:
		return f->status_reply.count <= LIMIT_COUNTERS ? (int64_t)f->status_reply.count * 8
							       : -1;
	case WIRE_TYPE_ACKS:
		return f->acks.count <= LIMIT_ACKS_PER_FRAME
			       ? (int64_t)(f->acks.count * sizeof(struct wire_ack))
			       : -1;
	case WIRE_TYPE_ERROR:
		return f->error.text_len <= LIMIT_ERROR_TEXT_BYTES ? (int64_t)f->error.text_len
								   : -1;
	default:
		return 0;
	}
}

int wire_read(const void *bytes, union wire_frame *out)
{
	struct wire_header h;
	size_t fixed;
	int64_t tail;

	wire_read_header(bytes, &h);
	fixed = wire_fixed_size(h.type);
	if (!fixed)
		return WIRE_E_FRAME_TYPE;

	memcpy(out, bytes, fixed);
	out->h = h;
	if (h.flags || !swap_body(h.type, out))
		return WIRE_E_RESERVED;

	tail = tail_size(out);
	if (tail < 0 || h.length != fixed + (uint64_t)tail)
		return WIRE_E_FRAME_LENGTH;

	if (h.type == WIRE_TYPE_OPEN && out->open.open_flags & ~(uint32_t)WIRE_OPEN_FLAGS)
		return WIRE_E_RESERVED;
	if (h.type == WIRE_TYPE_WRITE_ && out->write.arena == WIRE_NO_ARENA &&
	    out->write.payload_offset)
		return WIRE_E_RESERVED;
	if (h.type == WIRE_TYPE_READ && out->read.arena == WIRE_NO_ARENA &&
	    out->read.payload_offset)
		return WIRE_E_RESERVED;
	return 0;
}

void wire_write(const union wire_frame *frame, void *bytes)
{
	union wire_frame f;
	size_t fixed = wire_fixed_size(frame->h.type);

	assert(fixed);
	memcpy(&f, frame, fixed);
	swap_body(frame->h.type, &f);
	swap_header(&f.h);
	memcpy(bytes, &f, fixed);
}

void wire_read_ack(const void *bytes, struct wire_ack *out)
{
	memcpy(out, bytes, sizeof(*out));
	swap_ack(out);
}

void wire_write_ack(const struct wire_ack *ack, void *bytes)
{
	struct wire_ack a = *ack;

	swap_ack(&a);
	memcpy(bytes, &a, sizeof(a));
}
