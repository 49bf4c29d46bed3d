/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef EXTENTD_WIRE_H
#define EXTENTD_WIRE_H

/*
 * The frames that travel between client and daemon; PROTOCOL.md is the normative text. Each
 * frame is described once, as a table of fields, from which come its struct, its byte-order
 * conversion and the test that reserved fields are zero. F(type, name) is a field, R(type, name)
 * a reserved one. Structs in memory are in host order; wire_read() and wire_write() convert.
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_MAGIC	  UINT32_C(0x444e5458) /* "XTND" */
#define WIRE_VERSION	  1
#define WIRE_NO_ARENA	  UINT32_MAX  /* the payload follows the frame on the socket */
#define WIRE_FEATURE_FDS  UINT64_C(1) /* descriptors can be passed: not on a forwarded socket */
#define WIRE_FEATURE_READ UINT64_C(2) /* OPEN for reading, READ */
#define WIRE_FEATURES	  (WIRE_FEATURE_FDS | WIRE_FEATURE_READ)

enum wire_ack_level {
	WIRE_ACCEPTED = 1, /* checked and held by the daemon; lost if the daemon dies */
	WIRE_WRITTEN = 2,  /* taken by the kernel; lost if the machine dies */
	WIRE_DURABLE = 3,  /* on stable storage, and proved so */
};

enum wire_form {
	WIRE_FORM_NONE = 0,
	WIRE_FORM_ENCODED = 1, /* the extent is on disk as it came */
	WIRE_FORM_DECODED = 2, /* it was decompressed first */
	WIRE_FORM_PLAIN = 3,   /* it came uncompressed */
};

enum wire_sync_scope {
	WIRE_SYNC_FILE = 1,
	WIRE_SYNC_SESSION = 2,
};

enum wire_open_flag {
	WIRE_OPEN_DESCRIPTOR = 1, /* one descriptor travels with the frame; the path is a label */
	WIRE_OPEN_CREATE = 2,
	WIRE_OPEN_EXCLUSIVE = 4,
	WIRE_OPEN_TRUNCATE = 8,
	WIRE_OPEN_NODATACOW = 16, /* take a nodatacow file, whose "durable" means fsync only */
	WIRE_OPEN_READ = 32,	  /* to be read, and not written */
};
#define WIRE_OPEN_FLAGS 63

enum wire_read_kind {
	WIRE_READ_ENCODED = 1, /* the payload is the extent as it lies on disk */
	WIRE_READ_PLAIN = 2,   /* the payload is the content of the file */
	WIRE_READ_HOLE = 3,    /* there is nothing but zeros, and no payload */
	WIRE_READ_END = 4,     /* the file ends at or before the offset */
};

enum wire_backend {
	WIRE_BACKEND_URING = 1,
	WIRE_BACKEND_IOCTL = 2,
	WIRE_BACKEND_DECODE = 3,
};

#define WIRE_HEADER(F, R)                                                                          \
	F(uint32_t, length) /* of the whole frame, this header and an inline payload included */   \
	F(uint16_t, type)                                                                          \
	F(uint16_t, flags) /* none are defined: must be 0 */                                       \
	F(uint64_t, id)	   /* chosen by the client, echoed in the acknowledgement */

#define WIRE_HELLO(F, R)                                                                           \
	F(uint32_t, magic)                                                                         \
	F(uint16_t, version_min)                                                                   \
	F(uint16_t, version_max)                                                                   \
	F(uint64_t, features) /* that the client knows */                                          \
	F(uint64_t, required) /* that it can't do without; unknown ones end the session */         \
	R(uint64_t, reserved)

#define WIRE_HELLO_REPLY(F, R)                                                                     \
	F(uint32_t, magic)                                                                         \
	F(uint16_t, version)                                                                       \
	F(uint16_t, validation) /* 0 none, 1 structure, 2 full */                                  \
	F(uint64_t, features)	/* that both know */                                               \
	F(uint64_t, credit_bytes)                                                                  \
	F(uint64_t, max_arena_bytes)                                                               \
	F(uint32_t, credit_requests)                                                               \
	F(uint32_t, max_files)                                                                     \
	F(uint32_t, max_arenas)                                                                    \
	F(uint32_t, max_payload)                                                                   \
	F(uint32_t, max_unencoded)                                                                 \
	F(uint32_t, backend)                                                                       \
	R(uint64_t, reserved)

#define WIRE_ARENA(F, R)                                                                           \
	F(uint32_t, arena) /* the client's number for it, below max_arenas */                      \
	R(uint32_t, reserved)                                                                      \
	F(uint64_t, size)

#define WIRE_ARENA_DROP(F, R)                                                                      \
	F(uint32_t, arena)                                                                         \
	R(uint32_t, reserved)

#define WIRE_OPEN(F, R)                                                                            \
	F(uint32_t, handle)	/* the client's number for it, below max_files */                  \
	F(uint32_t, open_flags) /* enum wire_open_flag */                                          \
	F(uint32_t, mode)	/* for CREATE; the peer's umask has been applied by the client */  \
	F(uint32_t, path_len)	/* bytes that follow; no terminating zero */

#define WIRE_OPEN_REPLY(F, R)                                                                      \
	F(uint32_t, handle)                                                                        \
	F(uint32_t, backend) /* enum wire_backend */                                               \
	F(uint32_t, sector_size)                                                                   \
	F(uint32_t, max_payload)                                                                   \
	F(uint32_t, max_unencoded)                                                                 \
	R(uint32_t, reserved)                                                                      \
	F(uint64_t, file_size)

#define WIRE_WRITE_(F, R)                                                                          \
	F(uint32_t, handle)                                                                        \
	F(uint32_t, arena)	      /* or WIRE_NO_ARENA */                                       \
	F(uint64_t, offset)	      /* in the file */                                            \
	F(uint64_t, len)	      /* bytes of the file that are written */                     \
	F(uint64_t, unencoded_len)    /* bytes that the payload decodes to */                      \
	F(uint64_t, unencoded_offset) /* where in those bytes the written part starts */           \
	F(uint64_t, payload_offset)   /* in the arena; 0 if inline */                              \
	F(uint32_t, payload_len)                                                                   \
	F(uint32_t, compression)    /* BTRFS_ENCODED_IO_COMPRESSION_*; 0 is a plain write */       \
	F(uint32_t, encryption)	    /* must be 0 today */                                          \
	F(uint16_t, other_encoding) /* must be 0 today */                                          \
	F(uint8_t, ack)		    /* enum wire_ack_level */                                      \
	R(uint8_t, reserved0)                                                                      \
	R(uint64_t, reserved1)

#define WIRE_SYNC(F, R)                                                                            \
	F(uint32_t, scope)  /* enum wire_sync_scope */                                             \
	F(uint32_t, handle) /* 0 for the session */

#define WIRE_CLOSE(F, R)                                                                           \
	F(uint32_t, handle)                                                                        \
	R(uint32_t, reserved)

#define WIRE_CANCEL(F, R) F(uint64_t, target)

#define WIRE_STATUS(F, R) R(uint64_t, reserved)

#define WIRE_READ(F, R)                                                                            \
	F(uint32_t, handle)                                                                        \
	F(uint32_t, arena)	    /* or WIRE_NO_ARENA: the payload comes with the answer */      \
	F(uint64_t, offset)	    /* in the file */                                              \
	F(uint64_t, payload_offset) /* in the arena; 0 if inline */                                \
	F(uint32_t, payload_max)    /* bytes that the payload may have */                          \
	R(uint32_t, reserved0)                                                                     \
	R(uint64_t, reserved1)

#define WIRE_STATUS_REPLY(F, R)                                                                    \
	F(uint32_t, count) /* of the u64 counters that follow, see counters.h */                   \
	R(uint32_t, reserved)

#define WIRE_ACKS(F, R)                                                                            \
	F(uint32_t, count) /* of the struct wire_ack that follow */                                \
	R(uint32_t, reserved)

#define WIRE_ACK(F, R)                                                                             \
	F(uint64_t, id)                                                                            \
	F(uint64_t, detail) /* payload position for a payload fault; lost extents for SYNC */      \
	F(uint32_t, code)                                                                          \
	F(int32_t, kernel_errno) /* positive, 0 if the kernel was not asked */                     \
	F(uint8_t, level)	 /* reached; 0 on an error */                                      \
	F(uint8_t, form)	 /* enum wire_form */                                              \
	R(uint16_t, reserved0)                                                                     \
	R(uint32_t, reserved1)

#define WIRE_LOST_(F, R)                                                                           \
	F(uint64_t, target) /* the WRITE's id */                                                   \
	F(uint64_t, offset)                                                                        \
	F(uint64_t, len)                                                                           \
	F(uint32_t, handle) /* that the WRITE named; may have been closed since */                 \
	F(uint32_t, code)                                                                          \
	F(int32_t, kernel_errno)                                                                   \
	R(uint32_t, reserved)

#define WIRE_ERROR(F, R)                                                                           \
	F(uint64_t, position) /* in the client's stream: where the bad frame starts */             \
	F(uint32_t, code)                                                                          \
	F(uint32_t, text_len) /* bytes of UTF-8 that follow */

#define WIRE_READ_REPLY(F, R)                                                                      \
	F(uint64_t, offset)	      /* as asked */                                               \
	F(uint64_t, len)	      /* bytes of the file that this answers for */                \
	F(uint64_t, unencoded_len)    /* bytes that the payload decodes to */                      \
	F(uint64_t, unencoded_offset) /* where in those bytes the file's start */                  \
	F(uint32_t, arena)	      /* as asked; WIRE_NO_ARENA: the payload follows */           \
	F(uint32_t, payload_len)                                                                   \
	F(uint32_t, compression) /* BTRFS_ENCODED_IO_COMPRESSION_* */                              \
	F(uint32_t, kind)	 /* enum wire_read_kind */                                         \
	R(uint64_t, reserved)

/* X(type, NAME, name): requests are below 0x80, replies above. */
#define WIRE_FRAMES(X)                                                                             \
	X(0x01, HELLO, hello)                                                                      \
	X(0x02, ARENA, arena)                                                                      \
	X(0x03, ARENA_DROP, arena_drop)                                                            \
	X(0x04, OPEN, open)                                                                        \
	X(0x05, WRITE_, write)                                                                     \
	X(0x06, SYNC, sync)                                                                        \
	X(0x07, CLOSE, close)                                                                      \
	X(0x08, CANCEL, cancel)                                                                    \
	X(0x09, STATUS, status)                                                                    \
	X(0x0a, READ, read)                                                                        \
	X(0x81, HELLO_REPLY, hello_reply)                                                          \
	X(0x82, OPEN_REPLY, open_reply)                                                            \
	X(0x83, STATUS_REPLY, status_reply)                                                        \
	X(0x84, ACKS, acks)                                                                        \
	X(0x85, LOST_, lost)                                                                       \
	X(0x86, ERROR, error)                                                                      \
	X(0x87, READ_REPLY, read_reply)

#define WIRE_FIELD_(type, name) type name;

struct wire_header {
	WIRE_HEADER(WIRE_FIELD_, WIRE_FIELD_)
};

struct wire_ack {
	WIRE_ACK(WIRE_FIELD_, WIRE_FIELD_)
};

#define X(code, NAME, lower)                                                                       \
	struct wire_##lower {                                                                      \
		struct wire_header h;                                                              \
		WIRE_##NAME(WIRE_FIELD_, WIRE_FIELD_)                                              \
	};
WIRE_FRAMES(X)
#undef X

enum wire_type {
#define X(code, NAME, lower) WIRE_TYPE_##NAME = code,
	WIRE_FRAMES(X)
#undef X
};

union wire_frame {
	struct wire_header h;
#define X(code, NAME, lower) struct wire_##lower lower;
	WIRE_FRAMES(X)
#undef X
};

static_assert(sizeof(struct wire_header) == 16, "wire");
static_assert(sizeof(struct wire_ack) == 32, "wire");
static_assert(sizeof(struct wire_hello) == 48, "wire");
static_assert(sizeof(struct wire_hello_reply) == 80, "wire");
static_assert(sizeof(struct wire_arena) == 32, "wire");
static_assert(sizeof(struct wire_arena_drop) == 24, "wire");
static_assert(sizeof(struct wire_open) == 32, "wire");
static_assert(sizeof(struct wire_open_reply) == 48, "wire");
static_assert(sizeof(struct wire_write) == 88, "wire");
static_assert(offsetof(struct wire_write, payload_len) == 64, "wire");
static_assert(offsetof(struct wire_write, ack) == 78, "wire");
static_assert(sizeof(struct wire_sync) == 24, "wire");
static_assert(sizeof(struct wire_close) == 24, "wire");
static_assert(sizeof(struct wire_cancel) == 24, "wire");
static_assert(sizeof(struct wire_status) == 24, "wire");
static_assert(sizeof(struct wire_read) == 56, "wire");
static_assert(offsetof(struct wire_read, payload_max) == 40, "wire");
static_assert(sizeof(struct wire_status_reply) == 24, "wire");
static_assert(sizeof(struct wire_acks) == 24, "wire");
static_assert(sizeof(struct wire_lost) == 56, "wire");
static_assert(sizeof(struct wire_error) == 32, "wire");
static_assert(sizeof(struct wire_read_reply) == 72, "wire");
static_assert(offsetof(struct wire_read_reply, kind) == 60, "wire");

#define WIRE_FRAME_MAX_FIXED sizeof(union wire_frame)

/* Bytes of a frame before its tail (path, payload, acknowledgements …); 0 for an unknown type. */
size_t wire_fixed_size(uint16_t type);

/* "WRITE", or "frame" for an unknown type. */
const char *wire_type_name(uint16_t type);

/* Only the header, for a reader that does not have the rest yet. Checks nothing. */
void wire_read_header(const void *bytes, struct wire_header *out);

/*
 * The fixed part of a frame, converted and checked whole: what this accepts needs no second
 * look at reserved fields, flags, numbers of limits or the length of the tail. bytes must hold
 * wire_fixed_size() bytes and needs no alignment. 0, or the positive enum wire_code that says
 * what is wrong. Whether arena, handle or credits exist is for the session to say.
 */
int wire_read(const void *bytes, union wire_frame *out);

/* The other way round. frame->h.type says which; bytes must have room for wire_fixed_size(). */
void wire_write(const union wire_frame *frame, void *bytes);

/* An element of an ACKS frame. */
void wire_read_ack(const void *bytes, struct wire_ack *out);
void wire_write_ack(const struct wire_ack *ack, void *bytes);

#endif
