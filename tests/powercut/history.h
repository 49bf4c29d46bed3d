/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERCUT_HISTORY_H
#define POWERCUT_HISTORY_H

/*
 * The history of one disk: every write, discard and flush it was sent, when each was completed,
 * and what the programs above it had to say meanwhile ("marks"). Append-only, in the one order
 * in which the recorder saw things. Host endian: a history never leaves its machine.
 *
 * A request has two records: one when it arrives (with its payload), one when it is answered.
 * Both matter, because a flush covers exactly the writes answered before it arrived.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_MAGIC	 0x68637465u   /* "etch" */
#define HISTORY_MAX_SIZE (64ULL << 30) /* address space, not memory: the file is sparse */

enum history_type {
	HISTORY_WRITE = 1, /* payload follows */
	HISTORY_DISCARD,   /* no payload: the range reads as zeros afterwards */
	HISTORY_FLUSH,
	HISTORY_DONE, /* answers the request called `id` with `error` */
	HISTORY_MARK, /* payload: text lines, see ledger.h */
};

/* What a write carries, as far as its bytes tell (see kind.h). */
enum history_kind {
	KIND_DATA,
	KIND_TREE,  /* nodes of the ordinary trees */
	KIND_LOG,   /* nodes of the log trees fsync writes */
	KIND_SUPER, /* a superblock */
	KIND_FLUSH,
	KIND_DISCARD,
	_KIND_N,
};

#define HISTORY_LIE (1u << 0) /* a flush that was answered and did nothing */

struct history_record {
	uint32_t magic;
	uint8_t type; /* enum history_type */
	uint8_t kind; /* enum history_kind */
	uint16_t flags;
	int32_t error; /* negative errno of a HISTORY_DONE */
	uint32_t reserved;
	uint64_t id;
	uint64_t offset;  /* on the disk, bytes */
	uint64_t length;  /* of the range, or of the mark's text */
	uint64_t time_ns; /* CLOCK_MONOTONIC */
};

_Static_assert(sizeof(struct history_record) == 48, "history records are packed by design");

struct history {
	pthread_mutex_t lock;
	int fd;
	uint8_t *map;
	uint64_t used; /* bytes of records so far */
	uint64_t next_id;
};

/* Both return 0 or a negative errno. history_open() maps a finished file read-only. */
int history_create(const char *path, struct history *out);
int history_open(const char *path, struct history *out);
/* Cuts the file to what was used. Idempotent. */
void history_close(struct history *history);

/*
 * Appends @record and its payload (NULL: none). Sets the time, and a fresh id where @record->id
 * is 0. On return *@where is the payload's place in history->map: stable until close.
 * Returns 0, or -ENOSPC. Thread-safe.
 */
int history_append(struct history *history, struct history_record *record, const void *payload,
		   const uint8_t **where);

/* The record at *@position, or NULL at the end; moves *@position on. */
const struct history_record *history_next(const struct history *history, uint64_t *position);

static inline const void *history_payload(const struct history_record *record)
{
	return record + 1;
}

const char *history_kind_name(enum history_kind kind);
/* -1 for an unknown name. */
int history_kind_parse(const char *name);

#endif
