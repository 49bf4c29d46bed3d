/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_USER_H
#define EXTENTD_STORE_USER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "store.h"
#include "workers.h"

struct session;

/* What one uid uses of the daemon, over all its sessions. Loop thread only. */
struct user {
	uid_t uid;
	unsigned int refs; /* one for each session and each file */
	unsigned int sessions;
	unsigned int files;	  /* descriptors: files, arenas, what is being opened or closed */
	unsigned int closing_fds; /* of those, what is being closed or waits for it */
	unsigned int queued_fds;  /* received, and not yet claimed by a frame */
	unsigned int requests;	  /* up to their verdict, and syncs */
	unsigned int extents;	  /* under way or not settled yet */
	unsigned int lanes;	  /* kernel threads that may be stuck on this user's files */
	uint64_t arena_bytes;
	uint64_t output_bytes;	/* replies that its sessions have not sent yet */
	uint64_t held_bytes;	/* payloads in the daemon's own memory */
	uint64_t decoded_bytes; /* what they were decompressed to */

	/* Of its sessions, those that wait for the loop, and what of that it has had: see
	 * session/schedule.h. */
	TAILQ_HEAD(, session) in_line;
	TAILQ_ENTRY(user) line_entry;
	uint64_t loop_ns;

	struct line line; /* in the pool that checks payloads: the user outlives its jobs */

	/* Extents that wait for memory, in order of arrival: to be copied or decoded into. */
	struct extent_list copying;
	struct extent_list decoding;
	TAILQ_HEAD(, reading) readings; /* that wait for a lane or memory */
	bool reader;			/* on store->readers */
	TAILQ_ENTRY(user) reader_entry;
	bool hungry; /* on store->hungry */
	TAILQ_ENTRY(user) hungry_entry;
};

/* Finds or makes. NULL when out of memory. */
struct user *user_get(uid_t uid);
struct user *user_ref(struct user *user);
void user_unref(struct user *user);

/*
 * Of what all share (sessions, requests, memory, threads, files) a user may take more only while as
 * much is nobody's: alone he comes to half of it, each of two to a third, and whoever comes next
 * finds some left, also where nobody gives anything back.
 */
bool user_share_left(uint64_t all, uint64_t taken, uint64_t his, uint64_t more);

#endif
