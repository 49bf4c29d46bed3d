/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_COPY_ACKLOG_H
#define EXTENTD_COPY_ACKLOG_H

#include <stddef.h>
#include <stdint.h>

/*
 * The acknowledgement log: one line "offset length path" for each extent that is safe on disk.
 * The path comes last and may contain spaces; backslash and everything below space are written
 * as \ooo (octal), and so is DEL, so that a line is a line. Bytes above are left as they are.
 */

/* What a byte can grow to. */
#define ACKLOG_ESCAPED_MAX 4

/* Returns the length written without the terminating zero; size must be 4 * strlen(path) + 1. */
size_t acklog_escape(const char *path, char *out, size_t size);

struct acklog;

/* Appends to the file, which is created if missing. */
int acklog_open(const char *path, struct acklog **out);
/* Buffered; an error is remembered for acklog_close(). */
void acklog_line(struct acklog *log, uint64_t offset, uint64_t len, const char *path);
/* Hands over what is buffered: the lines of one commit appear together. */
int acklog_flush(struct acklog *log);
/* 0 or the first error. NULL is allowed. */
int acklog_close(struct acklog *log);

#endif
