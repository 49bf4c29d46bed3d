// SPDX-License-Identifier: GPL-2.0-or-later
#include "marks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct marks marks_open(const char *path)
{
	struct marks marks = { -1 };

	if (!path)
		return marks;
	marks.fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (marks.fd < 0) {
		fprintf(stderr, "marks: cannot open %s: %s\n", path, strerror(errno));
		exit(1);
	}
	return marks;
}

void marks_close(struct marks *marks)
{
	if (marks->fd >= 0)
		close(marks->fd);
	marks->fd = -1;
}

void marks_say(const struct marks *marks, const char *format, ...)
{
	char *text;
	va_list ap;
	int n;

	if (marks->fd < 0)
		return;
	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0 || write(marks->fd, text, n) != n) {
		fprintf(stderr, "marks: cannot write: %s\n", strerror(errno));
		exit(1);
	}
	free(text);
}
