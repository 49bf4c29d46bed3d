/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STREAM_FAULT_H
#define EXTENTD_STREAM_FAULT_H

/* What is wrong with a stream, and where. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * name, errno, can the next command still be found, text.
 * After a wrong crc the length itself is in doubt, so reading cannot go on.
 */
#define STREAM_FAULTS(X)                                                                           \
	X(NONE, 0, true, "no fault")                                                               \
	X(READ, EIO, false, "the input cannot be read")                                            \
	X(MAGIC, EBADMSG, false, "no btrfs stream header here")                                    \
	X(VERSION, EPROTONOSUPPORT, false, "stream version not supported")                         \
	X(TRUNCATED, ENODATA, false, "the input ends inside the stream")                           \
	X(LENGTH, EMSGSIZE, false, "command longer than the limit")                                \
	X(CRC, EBADMSG, false, "checksum mismatch")                                                \
	X(COMMAND, EOPNOTSUPP, true, "unknown command")                                            \
	X(ATTRIBUTE_LENGTH, EBADMSG, true, "attribute reaches past the end of its command")        \
	X(ATTRIBUTE_SIZE, EBADMSG, true, "attribute has the wrong size")                           \
	X(ATTRIBUTE_MISSING, EBADMSG, true, "attribute missing")                                   \
	X(STRING, EBADMSG, true, "string contains a NUL byte")                                     \
	X(TIME, EBADMSG, true, "nanoseconds out of range")                                         \
	X(MEMORY, ENOMEM, false, "out of memory")

enum stream_fault_code {
#define X(name, error, recoverable, text) STREAM_FAULT_##name,
	STREAM_FAULTS(X)
#undef X
		STREAM_FAULT_COUNT
};

struct stream_fault {
	enum stream_fault_code code;
	int error;		  /* negative errno */
	uint64_t position;	  /* of the command, in bytes from the start of the input */
	uint32_t command;	  /* its number, 0 when none was read */
	uint32_t attribute;	  /* 0 when the fault is not in one */
	uint64_t found, expected; /* sizes, versions or checksums; both 0 when meaningless */
};

/* Fills all but position and command, which the reader knows. Returns the negative errno. */
int stream_fault_set(struct stream_fault *f, enum stream_fault_code code, uint32_t attribute,
		     uint64_t found, uint64_t expected);

/* May stream_next() be called again after this fault? */
bool stream_fault_recoverable(const struct stream_fault *f);

/* One line without newline: offset, command, attribute, cause. */
void stream_fault_format(const struct stream_fault *f, char *text, size_t size);

#endif
