/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STREAM_COMMAND_H
#define EXTENTD_STREAM_COMMAND_H

/* One decoded command. Strings and bytes point into the block they were read into. */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "stream/fault.h"
#include "stream/format.h"

struct block;

struct stream_bytes {
	const uint8_t *data;
	uint32_t size;
};

/* Not NUL-terminated, but free of NUL bytes. */
struct stream_string {
	const char *data;
	uint32_t size;
};

static inline bool stream_string_equal(struct stream_string a, struct stream_string b)
{
	return a.size == b.size && !memcmp(a.data, b.data, a.size);
}

static inline bool stream_string_starts(struct stream_string s, const char *text)
{
	return s.size >= strlen(text) && !memcmp(s.data, text, strlen(text));
}

static inline bool stream_string_is(struct stream_string s, const char *text)
{
	return s.size == strlen(text) && stream_string_starts(s, text);
}

/* Only the fields whose attribute is set in present have a value; path is empty if it has none. */
struct stream_command {
	uint64_t position; /* of the header, in bytes from the start of the input */
	uint32_t length;   /* on the wire, header included */
	uint32_t crc;	   /* on the wire, and found right */
	uint32_t version;  /* of the stream it belongs to */
	uint32_t stream;   /* how many stream headers came before that of its stream */
	enum stream_op op;
	uint64_t present;    /* STREAM_BIT()s */
	struct block *block; /* holds the bytes; the reader's until the next stream_next() */

	struct stream_string path, path_to, path_link, clone_path, xattr_name;
	struct stream_bytes data, xattr_data, verity_salt, verity_sig;
	uint8_t uuid[16], clone_uuid[16];
	uint64_t ctransid, clone_ctransid;
	uint64_t ino, size, mode, uid, gid, rdev;
	uint64_t file_offset, clone_offset, clone_len;
	uint64_t unencoded_file_len, unencoded_len, unencoded_offset;
	uint64_t fileattr;
	uint32_t fallocate_mode, compression, encryption, verity_block_size;
	uint8_t verity_algorithm;
	struct timespec atime, mtime, ctime, otime;
};

/*
 * Decodes the attributes of a command whose op and version are set. 0, or -EBADMSG with the fault
 * filled in (its position is the command's).
 */
int command_decode(struct stream_command *c, const uint8_t *payload, uint32_t size,
		   struct stream_fault *fault);

static inline bool command_has(const struct stream_command *c, enum stream_attribute a)
{
	return c->present >> a & 1;
}

/* "rename", "PATH_TO"; "unknown" for a number outside the tables. */
const char *stream_op_name(unsigned int number);
const char *stream_attribute_name(unsigned int number);

#endif
