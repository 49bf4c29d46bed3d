// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "stream/command.h"
#include "stream/fault.h"

static const struct {
	int error;
	bool recoverable;
	const char *text;
} faults[] = {
#define X(name, number, go_on, text_) [STREAM_FAULT_##name] = { number, go_on, text_ },
	STREAM_FAULTS(X)
#undef X
};

int stream_fault_set(struct stream_fault *f, enum stream_fault_code code, uint32_t attribute,
		     uint64_t found, uint64_t expected)
{
	f->code = code;
	f->error = -faults[code].error;
	f->attribute = attribute;
	f->found = found;
	f->expected = expected;
	return f->error;
}

bool stream_fault_recoverable(const struct stream_fault *f)
{
	return faults[f->code].recoverable;
}

static bool is_empty(const struct stream_fault *f)
{
	return f->code == STREAM_FAULT_TRUNCATED && !f->position && !f->found;
}

void stream_fault_format(const struct stream_fault *f, char *text, size_t size)
{
	char values[80] = "", attribute[48] = "", command[48] = "";

	if (f->command)
		snprintf(command, sizeof(command), ", command %s (%" PRIu32 ")",
			 stream_op_name(f->command), f->command);
	if (f->attribute)
		snprintf(attribute, sizeof(attribute), ", attribute %s",
			 stream_attribute_name(f->attribute));
	if (f->code == STREAM_FAULT_CRC)
		snprintf(values, sizeof(values), " (found %08" PRIx64 ", computed %08" PRIx64 ")",
			 f->found, f->expected);
	else if (f->code == STREAM_FAULT_READ)
		snprintf(values, sizeof(values), " (%s)", strerror(-f->error));
	else if (f->code == STREAM_FAULT_TRUNCATED)
		snprintf(values, sizeof(values), " (%" PRIu64 " bytes of %" PRIu64 ")", f->found,
			 f->expected);
	else if (f->found || f->expected)
		snprintf(values, sizeof(values), " (found %" PRIu64 ", expected %" PRIu64 ")",
			 f->found, f->expected);
	snprintf(text, size, "stream offset %" PRIu64 "%s%s: %s%s", f->position, command, attribute,
		 is_empty(f) ? "the input is empty, and no stream" : faults[f->code].text,
		 is_empty(f) ? "" : values);
}
