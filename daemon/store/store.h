/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_H
#define EXTENTD_STORE_H

/*
 * The store takes extents to the disk and says when they are safe. It knows nothing of sockets
 * or sessions. All of it runs in the loop's thread, except what a job's run() does.
 *
 *	extent_start ── check ──┐
 *	                        ├─ ready ── map ── engine ── written ── settle ── safe | lost
 *	range reserved ─────────┘                 (ring or threads)   (settle.c, prove.c)
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "wire/counters.h"

struct buffers;
struct closing;
struct event;
struct event_base;
struct engine;
struct extent;
struct inode;
struct filesystem;
struct user;
struct workers;

TAILQ_HEAD(closing_list, closing);
TAILQ_HEAD(extent_list, extent);
TAILQ_HEAD(inode_list, inode);
TAILQ_HEAD(filesystem_list, filesystem);
TAILQ_HEAD(user_list, user);

enum store_backend {
	STORE_AUTO,
	STORE_URING,
	STORE_IOCTL,
	STORE_DECODE,
};

struct store_options {
	enum store_backend backend;
	unsigned int blocking_threads;
	unsigned int cpu_threads;
	unsigned int batch;	      /* extents in one chain */
	uint64_t held_bytes;	      /* of payloads in the daemon's own memory, and ... */
	uint64_t user_held_bytes;     /* ... of one user's */
	const long *filesystem_types; /* statfs magics that are accepted, ends with 0 */
};

struct store {
	struct event_base *base;
	struct store_options options;
	struct workers *blocking; /* system calls on clients' files: may hang with the file */
	struct workers *cpu;	  /* decoding: never waits for anything but a processor */
	struct engine *engine;	  /* the one in use, of these two */
	struct engine *ring;	  /* NULL where io_uring can't be used */
	struct engine *threads;
	struct buffers *buffers; /* NULL where the kernel copies payloads anyway */
	bool encoded_io;	 /* the process may use encoded I/O (CAP_SYS_ADMIN) */

	struct filesystem_list filesystems;
	void *inodes;		      /* tsearch tree by device and number */
	struct inode_list runnable;   /* inodes with extents ready to be written, oldest first */
	unsigned int lanes;	      /* see writer.h */
	unsigned int n_extents;	      /* under way, up to their last notify() */
	struct user_list readers;     /* users with readings that wait, see reader.c */
	struct closing_list closings; /* that wait for a lane, see closing.h */
	unsigned int n_closings;      /* those, and those under way */
	struct event *pump;	      /* runs writer_pump() once, after the events at hand */
	struct event *lazy;	      /* settles what nobody asked to have settled */
	uint64_t done_before;	      /* requests, sessions and their ends, when lazy came last */
	bool trimmed;		      /* the allocator has nothing to give back */

	struct extent_list doomed; /* to fail when the loop comes round, see writer_doomed() */
	struct user_list hungry;   /* users with extents that wait for memory, see check.c */
	uint64_t held_bytes;	   /* payload bytes in the daemon's own memory */
	uint64_t decoded_bytes;	   /* what they were decompressed to: as much again */
	uint64_t held_limit;
	uint64_t user_held_limit;
	struct wire_counters counters;

	/* Called when memory, files or lanes may have become free: who was paused may go on. */
	void (*relieved)(void *arg);
	void *relieved_arg;
};

int store_new(struct event_base *base, const struct store_options *options, struct store **out);

/* All files must be closed, n_closings 0, and all extents finished, see store_idle(). NULL is
 * allowed. */
void store_free(struct store *store);

/* True when no extent is under way: the daemon may stop. */
bool store_idle(const struct store *store);

/* Has everything that is written settled now, as if its clients had asked for it. */
void store_settle_all(struct store *store);

/* Memory for payloads, counted for the daemon and the user. NULL when out of memory; whether there
 * should be some left is asked first, with store_has_room(). */
void *store_hold(struct store *store, struct user *user, uint64_t bytes);
void store_release(struct store *store, struct user *user, void *memory, uint64_t bytes);
bool store_has_room(const struct store *store, const struct user *user, uint64_t bytes);
/* The same rule for memory of either kind: of it so much is taken, and so much by the user. */
bool store_memory_left(const struct store *store, uint64_t taken, uint64_t his, uint64_t more);

#endif
