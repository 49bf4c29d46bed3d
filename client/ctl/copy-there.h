/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CTL_COPY_THERE_H
#define EXTENTD_CTL_COPY_THERE_H

/* copy --host: a tree becomes a subvolume on other machines, read and compressed once. */

#include "copy/fetch.h"
#include "ctl/job.h"
#include "deliver/spool.h"

#define COPY_RETRIES 5

struct copy_there {
	const char *hosts[SPOOL_READERS_MAX];
	unsigned int n;
	struct rsh rsh; /* of all, but for its host */
	unsigned long long spool, rate, patience, retries;
	bool trust;
};

/* Takes [USER@]MACHINE in: 0 or -EINVAL. */
int copy_there_host(struct copy_there *there, const char *host);

/* An exit code. */
int copy_there(const struct copy_there *there, const struct job_options *options,
	       const struct codec *codec, char *const sources[], unsigned int n,
	       const char *destination);

#endif
