/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_PARTIAL_H
#define EXTENTD_RECEIVE_PARTIAL_H

/*
 * A subvolume on its way: made where nobody sees it, kept for a resumption, named when it is
 * complete. partial.c has the order and why it holds.
 */

#include <stdbool.h>
#include <stdint.h>

#include "stream/path.h"

/* What to do when a part of the same subvolume is there from an earlier attempt. */
enum partial_policy {
	PARTIAL_REFUSE = 0,  /* an error that says what can be done */
	PARTIAL_RESUME = 1,  /* go on from its checkpoint, if it is of this stream */
	PARTIAL_REPLACE = 2, /* remove it; with RESUME: if it is not */
};

struct partial_options {
	int directory; /* borrowed, as all here: must outlive the partial */
	const char *name;
	int source; /* what an incremental stream starts from, or -1 */
	enum partial_policy policy;
	bool displace;	  /* end a receiver that still works on it */
	uint8_t uuid[16]; /* of the stream */
	uint64_t transid;
	uint64_t begin; /* digest of its first command */
	/* Causes, and what to do; level as in syslog. */
	void (*message)(void *userdata, int level, const char *text);
	void *userdata;
};

struct partial;

#define PARTIAL_RESUMED	 1 /* the stream is to be skipped up to *offset, where it has *digest */
#define PARTIAL_COMPLETE 2 /* it is all there, from before: no partial */

/* 0, one of the above, or a negative errno after a message. */
int partial_begin(const struct partial_options *options, struct partial **out, uint64_t *offset,
		  uint64_t *digest);
void partial_free(struct partial *p); /* leaves everything as it is */

int partial_root(const struct partial *p); /* for writing; borrowed */
/* Where it can be looked at, below the directory. */
const char *partial_place(const struct partial *p);
bool partial_has_checkpoint(const struct partial *p);

/* Everything up to offset is applied, proved and safe on disk: a resumption starts from here. */
int partial_checkpoint(struct partial *p, uint64_t offset, uint64_t digest);

/*
 * The end, in two steps, between which the root gets its final mode and all is made safe: out of
 * the private directory, as long as the root can be written; then sealed, named, and all else
 * removed. The name never stands for anything that is not complete and safe.
 */
int partial_leave(struct partial *p);
int partial_seal(struct partial *p);

/* Nothing of it is worth keeping. */
int partial_discard(struct partial *p);

/*
 * Removes every partial in directory that no process is working on; *count of them. The first
 * error, after its message.
 */
int partial_abort(int directory, void (*message)(void *userdata, int level, const char *text),
		  void *userdata, unsigned int *count);

/* Is there one of that name? Looks, and changes nothing. */
bool partial_exists(int directory, const char *name);

#endif
