/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REPLICATE_NOTICE_H
#define EXTENTD_REPLICATE_NOTICE_H

/* What people are told: on standard error, or, where that is the journal, as entries with fields
 * and a message id. Any thread. */

#include "replicate/messages.h"

struct notice_field {
	const char *name; /* without EXTENTD_; NULL ends the list */
	const char *value;
};

/* before is called with the output locked, ahead of every line: to take a progress line away. */
void notice_open(void (*before)(void *userdata), void *userdata, int max_priority);

/* target may be NULL: then it concerns all. fields may be NULL. priority is for MESSAGE_NONE. */
void notice(enum replicate_message message, int priority, const char *target,
	    const struct notice_field *fields, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Between these nothing is printed. */
void notice_lock(void);
void notice_unlock(void);

#endif
