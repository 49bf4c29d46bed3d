/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_DELIVER_WHERE_H
#define EXTENTD_DELIVER_WHERE_H

/* How much of a stream a machine has: asked there, for nothing is remembered here. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/rsh.h"
#include "replicate/far.h"
#include "stream/command.h"

struct where {
	bool complete;		 /* the whole, under its name */
	uint64_t offset, digest; /* where its last checkpoint is; 0: there is none */
};

/* The stream's beginning as where_ask() and a resumed receive want it: its header and its first
 * command, which names the stream. Their size, or 0: it is not there yet. */
size_t where_begin(const uint8_t *bytes, size_t size, struct stream_command *first);

/*
 * What directory there has of the stream that begins so: *out, if *status, as of rsh_wait(), is 0.
 * A negative errno where this side failed. f is for what was said; to be freed in any case.
 */
int where_ask(const struct rsh *rsh, const char *directory, const struct stream_command *first,
	      struct where *out, struct far *f, int *status);

#endif
