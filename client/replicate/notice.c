// SPDX-License-Identifier: GPL-2.0-or-later

/* So that the journal's entries do not carry this file's lines. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "replicate/notice.h"

#define FIELDS_MAX 4

static const struct {
	const char *id;
	int priority;
} messages[] = {
#define X(name, id, priority, fields, subject) { id, priority },
	REPLICATE_MESSAGES(X)
#undef X
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*clear_line)(void *userdata);
static void *clear_userdata;
static bool to_journal;
static int least = LOG_INFO;

void notice_open(void (*before)(void *userdata), void *userdata, int max_priority)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	clear_line = before;
	clear_userdata = userdata;
	least = max_priority;
	to_journal = stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
		     !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

void notice_lock(void)
{
	pthread_mutex_lock(&lock);
}

void notice_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

static void add(struct iovec *iov, int *n, const char *name, const char *value)
{
	char *text;

	if (asprintf(&text, "%s=%s", name, value) < 0)
		return;
	iov[(*n)++] = (struct iovec){ text, strlen(text) };
}

static void journal(const char *id, int priority, const char *target,
		    const struct notice_field *fields, const char *text)
{
	struct iovec iov[FIELDS_MAX + 4];
	char number[4], name[64];
	int n = 0;

	snprintf(number, sizeof(number), "%d", priority);
	add(iov, &n, "MESSAGE", text);
	add(iov, &n, "PRIORITY", number);
	if (id)
		add(iov, &n, "MESSAGE_ID", id);
	if (target)
		add(iov, &n, "EXTENTD_TARGET", target);
	for (; fields && fields->name && n < (int)ARRAY_SIZE(iov); fields++) {
		snprintf(name, sizeof(name), "EXTENTD_%s", fields->name);
		add(iov, &n, name, fields->value);
	}
	sd_journal_sendv(iov, n);
	while (n)
		free(iov[--n].iov_base);
}

void notice(enum replicate_message message, int priority, const char *target,
	    const struct notice_field *fields, const char *format, ...)
{
	_cleanup_(freep) char *text = NULL, *line = NULL;
	va_list args;
	int n;

	if (message >= 0)
		priority = messages[message].priority;
	if (priority > least && !(to_journal && message >= 0))
		return;
	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0 || asprintf(&line, "%s%s%s", target ?: "", target ? ": " : "", text) < 0)
		return;
	notice_lock();
	if (clear_line)
		clear_line(clear_userdata);
	if (to_journal)
		journal(message >= 0 ? messages[message].id : NULL, priority, target, fields, line);
	else
		fprintf(stderr, "%s%s\n", target ? "" : "extentctl: ", line);
	notice_unlock();
}
