// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Error texts. They name the request, its place, what was wrong and the errno behind it:
 *
 *	write of 131072 bytes at offset 262144 of '/mnt/a/b': not one whole zstd frame: payload
 *	byte 4711
 *
 * Each session keeps its own; what goes wrong before there is a session is kept for the thread.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/lib/session.h"
#include "payload/faults.h"
#include "wire/codes.h"

static _Thread_local char thread_text[512];

const char *text_errno(int error)
{
	const char *text = strerrordesc_np(-error);

	return text ? text : "unknown error";
}

int session_error(struct extent_session *s, int error, const char *format, ...)
{
	va_list args;

	if (s->error)
		return error;
	va_start(args, format);
	vsnprintf(s->text, sizeof(s->text), format, args);
	va_end(args);
	return error;
}

void text_keep_for_thread(const struct extent_session *s)
{
	snprintf(thread_text, sizeof(thread_text), "%.*s", (int)sizeof(thread_text) - 1, s->text);
}

int text_set_for_thread(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(thread_text, sizeof(thread_text), format, args);
	va_end(args);
	return error;
}

const char *extent_error_text(const struct extent_session *s)
{
	return s ? s->text : thread_text;
}

const char *extent_code_text(unsigned int code)
{
	return wire_code_text(code);
}

const char *extent_code_name(unsigned int code)
{
	return wire_code_name(code);
}

static const char *kind_name(enum extent_kind kind)
{
	switch (kind) {
	case EXTENT_OP_OPEN:
		return "open";
	case EXTENT_OP_WRITE:
		return "write";
	case EXTENT_OP_READ:
		return "read";
	case EXTENT_OP_SYNC:
		return "sync";
	case EXTENT_OP_CLOSE:
		return "close";
	case EXTENT_OP_CANCEL:
		return "cancel";
	case EXTENT_OP_STATUS:
		return "status";
	case EXTENT_OP_ARENA:
		return "arena";
	case EXTENT_OP_LOST:
		return "acknowledged write";
	}
	return "request";
}

static void describe(FILE *out, const struct extent_session *s, const struct extent_completion *c)
{
	const char *label = file_label(s, c->file, c->id);

	fputs(kind_name(c->kind), out);
	if (c->kind == EXTENT_OP_WRITE || c->kind == EXTENT_OP_LOST)
		fprintf(out, " of %llu bytes at offset %llu", (unsigned long long)c->len,
			(unsigned long long)c->offset);
	if (c->kind == EXTENT_OP_READ)
		fprintf(out, " at offset %llu", (unsigned long long)c->offset);
	if (label)
		fprintf(out, " of '%s'", label);
	else if (c->file >= 0)
		fprintf(out, " of handle %d", c->file);
	else if (c->kind == EXTENT_OP_SYNC)
		fputs(" of the session", out);
}

/* The errno is told only where the code's text does not imply it. */
static void explain(FILE *out, const struct extent_session *s, const struct extent_completion *c)
{
	if (!c->result) {
		fputs("done", out);
	} else if (!c->code) {
		fprintf(out, "%s",
			c->result == -ECONNRESET && s->error ? s->text : text_errno(c->result));
	} else {
		fputs(wire_code_text(c->code), out);
		if (-c->result != wire_code_errno(c->code, 0))
			fprintf(out, ": %s", text_errno(c->result));
		if (c->code >= PAYLOAD_FAULT_FIRST && c->code <= PAYLOAD_FAULT_LAST)
			fprintf(out, "; payload byte %llu", (unsigned long long)c->detail);
		else if (c->kind == EXTENT_OP_SYNC && c->detail)
			fprintf(out, "; %llu extents lost", (unsigned long long)c->detail);
	}
}

const char *extent_completion_text(struct extent_session *s, const struct extent_completion *c)
{
	FILE *out = fmemopen(s->completion_text, sizeof(s->completion_text), "w");

	if (!out)
		return text_errno(c->result);
	describe(out, s, c);
	fputs(": ", out);
	explain(out, s, c);
	fclose(out);
	s->completion_text[sizeof(s->completion_text) - 1] = 0;
	return s->completion_text;
}
