/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_EXTENT_H
#define EXTENTD_STORE_EXTENT_H

#include <linux/btrfs.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>
#include <xxhash.h>

#include "payload/payload.h"
#include "wire/wire.h"
#include "workers.h"

struct arena;
struct chain;
struct engine;
struct file;

/*
 * One extent on its way to the disk. The owner fills in the first part, calls extent_start()
 * and then leaves it alone until notify() says EXTENT_SAFE or EXTENT_FAILED, which are last:
 * then it is the owner's again, to free. An owner that loses interest (its client died) keeps
 * the memory all the same: the kernel may be reading from it.
 */
enum extent_event {
	EXTENT_TAKEN,	/* checked; if not safe in the end, FAILED follows */
	EXTENT_WRITTEN, /* the kernel has it; the payload is the client's again */
	EXTENT_SEEN,	/* it lies on the disk; nobody asked for more, so a commit may still fail */
	EXTENT_SAFE,	/* proved to be on stable storage */
	EXTENT_FAILED,	/* code, kernel_errno and detail say why */
};

enum extent_state {
	EXTENT_NEW,
	EXTENT_CHECKING,  /* waits for its range, its check, or both */
	EXTENT_READY,	  /* may be handed to the kernel */
	EXTENT_SUBMITTED, /* the kernel, or the job that precedes it, owns it */
	EXTENT_UNSETTLED, /* taken by the kernel, on its way to the disk */
	EXTENT_SETTLING,  /* a settle job looks at it */
	EXTENT_ONDISK,	  /* seen there, and waits for a commit to prove it safe */
	EXTENT_DONE,
};

struct extent {
	struct file *file;
	struct arena *arena; /* where the payload lies, or NULL: then memory holds it */
	uint64_t arena_offset;
	void *memory; /* private payload, from store_hold(); owned */
	uint64_t memory_bytes;
	uint64_t offset;
	uint64_t len;
	uint64_t unencoded_len;
	uint64_t unencoded_offset;
	uint32_t payload_len;
	uint32_t compression;
	enum payload_level level;
	bool early;  /* the owner's memory is its own again with TAKEN, not with WRITTEN */
	bool prompt; /* settle as soon as possible: somebody waits for it to be durable */
	bool orphan; /* nobody is left who could be told of its loss */
	void (*notify)(struct extent *extent, enum extent_event event);

	/* The outcome. */
	enum wire_form form;
	uint32_t code;	  /* enum wire_code or payload fault */
	int kernel_errno; /* positive */
	uint64_t detail;

	/* The store's own. */
	enum extent_state state;
	TAILQ_ENTRY(extent) entry;  /* held, ready, chain, unsettled or settling: one at a time */
	TAILQ_ENTRY(extent) hungry; /* user->copying, user->decoding or store->doomed */
	struct job job;
	struct chain *chain;
	struct inode *inode;	     /* once it was seen: it no longer keeps its file open */
	const struct engine *engine; /* that it was last submitted to */
	uint64_t from, to;	     /* the sectors it touches */
	const unsigned char *data;   /* what is written: payload, copy or decoded bytes */
	uint64_t data_len;
	unsigned int file_errors; /* file->errors before it was written */
	uint64_t data_done;	  /* of a plain write */
	void *decoded;		  /* what the payload decompresses to; owned */
	uint64_t decoded_bytes;	  /* counted for it */
	int result;		  /* of a write in a thread */
	bool busy;		  /* a check has it, and the outcome: failing must wait */
	uint32_t doomed;	  /* the code to fail with then */
	bool reserved;		  /* no overlapping extent is before it */
	bool held;		  /* it had to wait for another one of its range */
	unsigned int in_turn;	  /* as what it is counted in file->turn->taken */
	unsigned int before;	  /* overlapping ones that came earlier and have no verdict yet */
	bool silent;		  /* the ring tells of it only if it fails */
	bool checked;
	bool fresh; /* the range was a hole: finding an extent there proves it is this one */
	unsigned int retries;
	XXH128_hash_t digest;			 /* of an encoded extent's payload, if not fresh */
	XXH128_hash_t content;			 /* of the decoded bytes, where ... */
	bool has_content;			 /* ... they are compared, see readback.c */
	bool wants_content;			 /* there was no memory to find it out */
	struct btrfs_ioctl_encoded_io_args args; /* the kernel reads these two ... */
	struct iovec iov;			 /* ... until the completion */
};

void extent_start(struct extent *extent);

/* Its payload lies in registered memory and can be written from there. */
bool extent_in_place(const struct extent *extent);

/* Stops an extent that is not yet being written: true, and FAILED with CANCELLED came. */
bool extent_cancel(struct extent *extent);

/* Its owner wants it back between SEEN and SAFE or FAILED, and is told no more. */
void extent_forget(struct extent *extent);

/* The rest is between the store's own files. */
void extent_seen(struct extent *extent);
void extent_fail(struct extent *extent, uint32_t code, int kernel_errno, uint64_t detail);
void extent_finish(struct extent *extent, enum extent_event event);
void extent_forget_payload(struct extent *extent);

#endif
