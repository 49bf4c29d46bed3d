/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_COPY_FETCH_H
#define EXTENTD_COPY_FETCH_H

/*
 * Reading a piece of a source into a payload buffer, as it will be written: still encoded, plain,
 * or compressed on the way. Three readers do it: the ring (encoded only, kernel 6.13 on), the
 * daemon (likewise, see daemon.c) and the pool of threads (everything else). Jobs are the caller's;
 * a reader holds them from submit to next, and nobody touches job, descriptor or buffer meanwhile.
 */

#include <linux/btrfs.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>
#include "copy/plan.h"
#include "lib/extent.h"

enum fetch_how {
	FETCH_ENCODED, /* one extent, as it is on disk */
	FETCH_DAEMON,  /* the same, by a daemon that has the privilege */
	FETCH_PLAIN,
	FETCH_COMPRESSED, /* or plain, where that saves nothing */
};

struct fetch_job {
	TAILQ_ENTRY(fetch_job) entry;
	void *owner;
	int fd;
	enum fetch_how how;
	struct piece piece;
	uint64_t file_size;
	uint32_t sector; /* of the destination */
	void *buffer;
	uint32_t size; /* of the buffer */

	/* The answer: error is 0 or negative errno; len 0 is the end of the file. */
	int error;
	uint32_t payload_len;
	uint64_t len, unencoded_len, unencoded_offset;
	uint32_t compression; /* enum extent_compression */

	struct btrfs_ioctl_encoded_io_args args;
	struct iovec iov;
	struct extent_read read; /* of FETCH_DAEMON */
};
TAILQ_HEAD(fetch_jobs, fetch_job);

struct codec {
	uint32_t compression; /* enum extent_compression */
	int level;	      /* 0: the codec's default */
};

/* Before an encoded read, and from its result (bytes or negative errno) after. */
void fetch_prepare(struct fetch_job *job);
void fetch_result(struct fetch_job *job, int64_t result);

/* The ring. -ENOSYS, -EPERM …: this kernel, or its administrator, gives us none. */
struct fetch_ring;
int fetch_ring_new(unsigned int depth, struct fetch_ring **out);
struct fetch_ring *fetch_ring_free(struct fetch_ring *ring); /* waits for what is under way */
int fetch_ring_fd(const struct fetch_ring *ring);	     /* poll for POLLIN */
void fetch_ring_submit(struct fetch_ring *ring, struct fetch_job *job);
void fetch_ring_flush(struct fetch_ring *ring); /* to the kernel, what was submitted */
struct fetch_job *fetch_ring_next(struct fetch_ring *ring);

/* The pool. */
struct fetch_pool;
int fetch_pool_new(const struct codec *codec, unsigned int threads, struct fetch_pool **out);
struct fetch_pool *fetch_pool_free(struct fetch_pool *pool);
int fetch_pool_fd(const struct fetch_pool *pool);
void fetch_pool_submit(struct fetch_pool *pool, struct fetch_job *job);
struct fetch_job *fetch_pool_next(struct fetch_pool *pool);

/* Does what the job says, in this thread; not for FETCH_COMPRESSED. */
void fetch_now(struct fetch_job *job);

#endif
