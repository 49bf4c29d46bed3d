/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_READER_H
#define EXTENTD_STORE_READER_H

#include <linux/btrfs.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include "store.h"
#include "wire/wire.h"

struct arena;
struct batch;
struct engine;
struct file;
struct reading;

/*
 * One extent on its way to a client. The owner fills in the first part, calls reader_start() and
 * leaves it alone until notify(); then it is the owner's again, to free. An owner that loses
 * interest keeps the memory all the same: the kernel may be writing to it.
 */
struct reading {
	struct file *file;   /* opened for reading; a reference is held meanwhile */
	struct arena *arena; /* that the payload is put into, or NULL: it stays in memory */
	uint64_t arena_offset;
	uint64_t offset;
	uint32_t room; /* bytes that the payload may have */
	void (*notify)(struct reading *reading);

	/* The outcome. */
	uint32_t code; /* enum wire_code */
	int kernel_errno;
	enum wire_read_kind kind;
	uint64_t len, unencoded_len, unencoded_offset;
	uint32_t payload_len;
	uint32_t compression;
	void *memory; /* the payload, where arena is NULL; room bytes from store_hold(), the
		       * owner's to release */

	/* The reader's own. */
	TAILQ_ENTRY(reading) entry; /* user->readings, or batch->readings */
	struct batch *batch;
	int result;				 /* of the encoded read */
	struct btrfs_ioctl_encoded_io_args args; /* the kernel uses these two ... */
	struct iovec iov;			 /* ... until the completion */
};

void reader_start(struct reading *reading);

/* Hands over what may be handed over: lanes or memory may have become free. */
void reader_pump(struct store *store);

/* The ring's answer. In the loop's thread. */
void reader_completed(struct reading *reading, int result);

/* Fills in args and iov. */
void reader_prepare(struct reading *reading);

#endif
