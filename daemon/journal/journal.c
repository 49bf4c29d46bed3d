// SPDX-License-Identifier: GPL-2.0-or-later

/* So that sd_journal_send() does not put this file's lines into every entry. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "journal.h"
#include "messages.h"

static const struct {
	const char *id;
	int priority;
} messages[] = {
#define X(name, id, priority, fields, subject) { id, priority },
	MESSAGES(X)
#undef X
};

static bool to_journal;
static int max_priority = LOG_INFO;

/* systemd says which stream standard error is; if it still is that one, the journal reads it. */
void journal_open(int priority)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	max_priority = priority;
	to_journal = stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
		     fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

/*
 * A file may be called anything: its name must not end the line, nor speak to the terminal that the
 * line is shown on. The fields have it as it is.
 */
static void escape(const char *text, char *out, size_t room)
{
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)text; *p && n + 5 <= room; p++) {
		if (*p >= ' ' && *p < 0x7f && *p != '\\')
			out[n++] = (char)*p;
		else
			n += (size_t)snprintf(out + n, room - n, "\\x%02x", *p);
	}
	out[n] = '\0';
}

void journal(enum message message, const struct journal_field *fields, const char *format, ...)
{
	char said[1024], text[1024], stored[JOURNAL_FIELDS_MAX + 3][1100];
	struct iovec iov[JOURNAL_FIELDS_MAX + 3];
	int n = 0;
	va_list args;

	if (messages[message].priority > max_priority)
		return;
	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
	escape(said, text, sizeof(text));
	if (!to_journal) {
		fprintf(stderr, "extentd: %s\n", text);
		return;
	}

	snprintf(stored[n++], sizeof(stored[0]), "MESSAGE=%s", text);
	snprintf(stored[n++], sizeof(stored[0]), "MESSAGE_ID=%s", messages[message].id);
	snprintf(stored[n++], sizeof(stored[0]), "PRIORITY=%d", messages[message].priority);
	for (; fields && fields->name && n < JOURNAL_FIELDS_MAX + 3; fields++)
		snprintf(stored[n++], sizeof(stored[0]), "EXTENTD_%s=%s", fields->name,
			 fields->value);
	for (int i = 0; i < n; i++)
		iov[i] = (struct iovec){ stored[i], strlen(stored[i]) };
	sd_journal_sendv(iov, n);
}

/*
 * Any process may connect and be refused, as fast as it likes. journald drops what a unit says
 * beyond a rate, and what others have to be told would go with it.
 */
static bool may_say_refused(void)
{
	static struct {
		time_t since;
		unsigned int n;
	} refusals;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - refusals.since >= REFUSALS_SECONDS) {
		if (refusals.n > REFUSALS_SAID)
			journal(MESSAGE_REFUSED, NULL, "%u more sessions were refused or ended",
				refusals.n - REFUSALS_SAID);
		refusals.since = now.tv_sec;
		refusals.n = 0;
	}
	return refusals.n++ < REFUSALS_SAID;
}

void journal_refused(const struct journal_peer *peer, const char *reason)
{
	char uid[16], pid[16];

	if (!may_say_refused())
		return;
	snprintf(uid, sizeof(uid), "%u", peer->uid);
	snprintf(pid, sizeof(pid), "%d", peer->pid);
	journal(MESSAGE_REFUSED,
		(struct journal_field[]){
			{ "PEER_UID", uid }, { "PEER_PID", pid }, { "REASON", reason }, {} },
		"Session of uid %s, process %s, ended: %s", uid, pid, reason);
}

void journal_lost(uid_t owner, int fd, uint64_t inode, uint64_t offset, uint64_t len, int error)
{
	char uid[16], from[24], bytes[24], link[32], path[512];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n >= 0)
		path[n] = '\0';
	else /* closed since */
		snprintf(path, sizeof(path), "inode %llu", (unsigned long long)inode);
	snprintf(uid, sizeof(uid), "%u", owner);
	snprintf(from, sizeof(from), "%llu", (unsigned long long)offset);
	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)len);
	journal(MESSAGE_LOST,
		(struct journal_field[]){ { "PEER_UID", uid },
					  { "FILE", path },
					  { "OFFSET", from },
					  { "LENGTH", bytes },
					  { "REASON", strerror(error) },
					  {} },
		"%s: %s bytes at offset %s did not reach the disk: %s", path, bytes, from,
		strerror(error));
}
