/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STREAM_ATTRIBUTE_H
#define EXTENTD_STREAM_ATTRIBUTE_H

/* The tables of format.h as reading (command.c) and writing (encode.c) go by them. */

#include <stddef.h>
#include <stdint.h>

#include "stream/format.h"

enum stream_kind {
	KIND_NONE,
	KIND_U8,
	KIND_U32,
	KIND_U64,
	KIND_ID,
	KIND_TIME,
	KIND_STRING,
	KIND_BYTES,
	KIND_COUNT
};

struct attribute_row {
	const char *name;
	size_t field; /* of struct stream_command */
	enum stream_kind kind;
};

struct command_row {
	const char *name;
	uint64_t must, may; /* STREAM_BIT()s */
};

extern const struct attribute_row stream_attributes[STREAM_ATTRIBUTE_COUNT];
extern const struct command_row stream_commands[STREAM_COMMAND_COUNT];
extern const uint32_t stream_kind_sizes[KIND_COUNT]; /* bytes on the wire; 0: any */

#endif
