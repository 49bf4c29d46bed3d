// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "copy/acklog.h"

struct acklog {
	FILE *f;
	int error;
};

size_t acklog_escape(const char *path, char *out, size_t size)
{
	size_t n = 0;

	for (; *path && n + ACKLOG_ESCAPED_MAX < size; path++) {
		unsigned char c = (unsigned char)*path;

		if (c < ' ' || c == '\\' || c == 0x7f)
			n += (size_t)snprintf(out + n, size - n, "\\%03o", c);
		else
			out[n++] = (char)c;
	}
	out[n] = '\0';
	return n;
}

int acklog_open(const char *path, struct acklog **out)
{
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	_cleanup_(freep) struct acklog *log = calloc(1, sizeof(*log));

	if (fd < 0)
		return -errno;
	if (!log)
		return -ENOMEM;
	log->f = fdopen(fd, "a");
	if (!log->f)
		return -errno;
	steal_fd(&fd);
	*out = steal_ptr(&log);
	return 0;
}

void acklog_line(struct acklog *log, uint64_t offset, uint64_t len, const char *path)
{
	char escaped[4096 * ACKLOG_ESCAPED_MAX + 1];

	acklog_escape(path, escaped, sizeof(escaped));
	if (fprintf(log->f, "%llu %llu %s\n", (unsigned long long)offset, (unsigned long long)len,
		    escaped) < 0 &&
	    !log->error)
		log->error = -errno;
}

int acklog_flush(struct acklog *log)
{
	if (fflush(log->f) && !log->error)
		log->error = -errno;
	return log->error;
}

int acklog_close(struct acklog *log)
{
	int err;

	if (!log)
		return 0;
	err = acklog_flush(log);
	if (fclose(log->f) && !err)
		err = -errno;
	free(log);
	return err;
}
