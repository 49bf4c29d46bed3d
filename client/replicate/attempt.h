/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REPLICATE_ATTEMPT_H
#define EXTENTD_REPLICATE_ATTEMPT_H

struct destination;
struct replica;

enum attempt_outcome {
	ATTEMPT_ALL_DONE, /* the target has the snapshot, safe on disk */
	ATTEMPT_ONE_DONE, /* another one, that an earlier run had begun */
	ATTEMPT_AGAIN,	  /* cut off: worth another attempt */
	ATTEMPT_UNSURE,	  /* perhaps worth a few */
	ATTEMPT_HOPELESS, /* would end the same again */
};

/* What comes next for the target, once; reason and numbers stand in t. In its thread. */
enum attempt_outcome attempt(struct destination *t);

/* The last part of its path, for messages. */
const char *replica_base_name(const struct replica *r);

/* Of CLOCK_MONOTONIC. */
double seconds_now(void);

#endif
