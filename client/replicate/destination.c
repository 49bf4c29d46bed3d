// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attempts until the target has it all. Whether to try again is told by how the last one ended. A
 * connection that could not be made or was cut, a daemon that went away: again, after a pause that
 * doubles as long as nothing gets on. A far side that says why it cannot, an ssh that may not log
 * in: not again, for it would say the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replicate/attempt.h"
#include "replicate/destination.h"
#include "replicate/gather.h"
#include "replicate/notice.h"

#define RETRY_WAIT_MAX 300 /* seconds */
#define RETRIES_UNSURE 2   /* in a row, where it may be that none is of any use */

int destination_parse(const char *spec, struct destination *t)
{
	const char *colon = strchr(spec, ':'), *slash = strchr(spec, '/');
	size_t host = 0;

	*t = (struct destination){ .spec = spec };
	if (spec[0] == '[') { /* an IPv6 address */
		colon = strstr(spec, "]:");
		colon = colon ? colon + 1 : NULL;
		slash = NULL;
	}
	if (colon && (!slash || colon < slash)) {
		bool bracket = spec[0] == '[';

		host = (size_t)(colon - spec);
		t->host = strndup(spec + bracket, host - 2 * bracket);
		if (!t->host)
			return -ENOMEM;
		host++;
	}
	t->rsh.host = t->host;
	t->directory = strdup(spec + host);
	if (!t->directory)
		return -ENOMEM;
	return !*t->directory || rsh_check(&t->rsh) ? -EINVAL : 0;
}

void destination_free(struct destination *t)
{
	free(t->directory);
	free(t->host);
	t->directory = t->host = NULL;
}

void destination_decided(struct destination *t)
{
	if (!t->decided)
		gathering_pass(t->gathering);
	t->decided = true;
}

bool destination_complete(const struct destination *t)
{
	return t->base && t->base == t->source->self->id;
}

void *destination_run(void *destination)
{
	struct destination *t = destination;
	unsigned long long idle = 0, unsure = 0, wait = t->settings->retry_wait;
	double start = seconds_now();
	enum attempt_outcome o;

	for (;;) {
		uint64_t base = t->base, part = t->part, offset = t->part_offset;
		struct notice_field fields[] = { { "REASON", t->reason }, {} };

		o = attempt(t);
		destination_decided(t);
		if (o == ATTEMPT_ALL_DONE)
			t->reason[0] = '\0';
		if (o == ATTEMPT_ALL_DONE || o == ATTEMPT_HOPELESS)
			break;
		if (o == ATTEMPT_ONE_DONE)
			continue;
		if (t->base != base || t->part != part || t->part_offset != offset) {
			idle = 0; /* this attempt found that the one before got on */
			wait = t->settings->retry_wait;
		}
		unsure = o == ATTEMPT_UNSURE ? unsure + 1 : 0;
		if (++idle > t->settings->retries || unsure > RETRIES_UNSURE)
			break;
		notice(MESSAGE_RETRY, 0, t->spec, fields, "%s; again in %llu s", t->reason, wait);
		sleep((unsigned int)wait);
		wait = 2 * wait < RETRY_WAIT_MAX ? 2 * wait : RETRY_WAIT_MAX;
	}
	t->seconds = seconds_now() - start;
	if (o != ATTEMPT_ALL_DONE)
		notice(MESSAGE_NOT_REPLICATED, 0, t->spec,
		       (struct notice_field[]){ { "REASON", t->reason }, {} },
		       "%s was not replicated: %s", replica_base_name(t->source->self), t->reason);
	t->done = true;
	return NULL;
}
