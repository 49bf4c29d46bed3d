// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ssh has one status, 255, for a cable that is out and for a key that is wrong, and so it is read
 * from more than that. A far side that has answered once in this run can be logged in to: what
 * ends it later is a cut. Before that, OpenSSH's own words decide, which it does not translate;
 * and where it has none (LogLevel=QUIET, another program than ssh) a few attempts do.
 */
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "remote/rsh.h"
#include "replicate/ending.h"

/* extentctl's exit codes that matter here; its man page has them. */
enum { FAR_DAEMON = 3, FAR_STOPPED = 5 };

static bool says_one_of(const char *line, const char *const texts[])
{
	for (; *texts; texts++)
		if (strstr(line, *texts))
			return true;
	return false;
}

bool ssh_refuses(const char *line)
{
	static const char *const refusals[] = {
		"Host key verification failed",
		"REMOTE HOST IDENTIFICATION HAS CHANGED",
		"Permission denied (",
		"Too many authentication failures",
		"Unable to negotiate with",
		": Name or service not known",
		": No address associated with hostname",
		"Bad configuration option",
		"Bad owner or permissions on",
		NULL,
	};

	return says_one_of(line, refusals);
}

/* The other side, or the way there, may come back. */
static bool ssh_waits(const char *line)
{
	static const char *const waits[] = {
		"Connection refused",
		"Connection reset",
		"Connection closed",
		"Connection to ", /* ... closed by remote host; ... timed out */
		"timed out",
		"not responding",
		"No route to host",
		"is unreachable",
		"Broken pipe",
		"Temporary failure in name resolution",
		"kex_exchange_identification",
		NULL,
	};

	return says_one_of(line, waits);
}

static enum attempt_outcome ssh_judge(const struct ending *e, const char **what, const char **said)
{
	if (e->refusal) {
		*what = "ssh cannot log in: ";
		*said = e->refusal;
		return ATTEMPT_HOPELESS;
	}
	*what = "no connection, or it was cut: ";
	if (!*e->last)
		*said = "ssh did not say why";
	return e->answered || ssh_waits(e->last) ? ATTEMPT_AGAIN : ATTEMPT_UNSURE;
}

enum attempt_outcome ending_judge(const struct ending *e, const char **what, const char **said)
{
	*said = *e->last ? e->last : "it did not say why";
	if (e->status == RSH_NO_CONNECTION && e->remote)
		return ssh_judge(e, what, said);
	*what = "the far side was interrupted: ";
	if (e->status == FAR_DAEMON || e->status == FAR_STOPPED || e->status > 128)
		return ATTEMPT_AGAIN;
	*what = e->status == RSH_NO_PROGRAM ? "extentctl is not there: " : "";
	return ATTEMPT_HOPELESS;
}
