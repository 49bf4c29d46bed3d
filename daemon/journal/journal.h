/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_JOURNAL_H
#define EXTENTD_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "messages.h"

#define JOURNAL_FIELDS_MAX 6

struct journal_field {
	const char *name; /* without EXTENTD_; NULL ends the list */
	const char *value;
};

/*
 * What the administrator is told: to the journal with fields and a message id that the catalog
 * explains, if standard error is the journal; else to standard error.
 */
void journal_open(int max_priority);

void journal(enum message message, const struct journal_field *fields, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

struct journal_peer {
	uid_t uid;
	pid_t pid;
};

/* A connection refused, or a session ended for what it sent. Of many in a short time the first
 * ones, and how many more there were. */
#define REFUSALS_SAID	 20
#define REFUSALS_SECONDS 30
void journal_refused(const struct journal_peer *peer, const char *reason);

/* An extent that was acknowledged below "durable" and then lost. fd tells the name of the file; -1:
 * it is known by its inode. */
void journal_lost(uid_t uid, int fd, uint64_t inode, uint64_t offset, uint64_t len, int error);

#endif
