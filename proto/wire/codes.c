// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>

#include "payload/faults.h"
#include "wire/codes.h"

const char *wire_code_name(unsigned int code)
{
	switch (code) {
#define X(number, name, err, text)                                                                 \
	case number:                                                                               \
		return #name;
		WIRE_CODES(X)
#undef X
#define X(number, name, text)                                                                      \
	case number:                                                                               \
		return #name;
		PAYLOAD_FAULTS(X)
#undef X
	default:
		return "UNKNOWN";
	}
}

const char *wire_code_text(unsigned int code)
{
	switch (code) {
#define X(number, name, err, text)                                                                 \
	case number:                                                                               \
		return text;
		WIRE_CODES(X)
#undef X
#define X(number, name, text)                                                                      \
	case number:                                                                               \
		return text;
		PAYLOAD_FAULTS(X)
#undef X
	default:
		return "unknown code: the daemon is newer than this client";
	}
}

int wire_code_errno(unsigned int code, int kernel_errno)
{
	if (kernel_errno)
		return kernel_errno;

	switch (code) {
#define X(number, name, err, text)                                                                 \
	case number:                                                                               \
		return number == 0 ? 0 : err ? err : EIO;
		WIRE_CODES(X)
#undef X
	default:
		return code >= PAYLOAD_FAULT_FIRST && code <= PAYLOAD_FAULT_LAST ? EBADMSG : EIO;
	}
}
