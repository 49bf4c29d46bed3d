/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_TESTS_LEDGER_H
#define EXTENTD_TESTS_LEDGER_H

/*
 * What all clients of a storm wrote, in memory that they share with the process that checks, so
 * that it outlives a client that is killed. A file consists of cells of 64 bytes; each says where
 * it belongs and which write it comes from. Of a session's writes to a cell the last acknowledged
 * one, or a later one that may have been under way, must be there; which session was last is not
 * determined.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_CELL   64U
#define LEDGER_WRITES (1U << 20)

enum ledger_state {
	LEDGER_SENT,	  /* may have been written or not */
	LEDGER_ACKED,	  /* must have been */
	LEDGER_CANCELLED, /* must not have been */
};

struct ledger_write {
	uint32_t writer; /* one session of one client */
	uint32_t file;
	uint64_t offset;
	uint32_t len;
	_Atomic uint32_t state;
};

struct ledger {
	_Atomic uint32_t n_writers;
	_Atomic uint32_t n;	 /* in the order of sending, for each writer */
	_Atomic uint64_t errors; /* answers that should not have come */
	_Atomic uint64_t acked[4], cancelled, killed;
	struct ledger_write writes[LEDGER_WRITES];
};

struct ledger *ledger_new(void);

/* The index of a new write, or UINT32_MAX when the ledger is full. */
uint32_t ledger_add(struct ledger *ledger, uint32_t writer, uint32_t file, uint64_t offset,
		    uint32_t len);

/* What that write puts at offset (a multiple of the cell). */
void ledger_fill(uint32_t index, uint32_t file, uint64_t offset, void *out, size_t len);

/* Number of faults found in the content of a file, of which the first few are printed. */
unsigned int ledger_check(const struct ledger *ledger, uint32_t file, const unsigned char *content,
			  uint64_t size);

#endif
