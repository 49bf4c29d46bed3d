/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_JOURNAL_H
#define EXTENTD_RECEIVE_JOURNAL_H

/*
 * What is known about a subvolume that was received in part: of which stream, into which subvolume,
 * and up to which byte everything is in a checkpoint. A file of fixed size beside it, replaced as a
 * whole. Whoever reads one trusts nothing in it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal {
	uint8_t stream_uuid[16]; /* the stream's name for what it sends */
	uint64_t stream_transid;
	uint64_t begin;		/* digest of the stream's first command */
	uint8_t subvolume[16];	/* UUID of the one being filled */
	uint8_t checkpoint[16]; /* UUID of the snapshot that has all up to offset; 0: none yet */
	uint64_t offset;	/* bytes behind the start of the first command */
	uint64_t digest;	/* of the commands up to there */
};

#define JOURNAL_NAME	"journal"
#define JOURNAL_VERSION 1u
#define JOURNAL_SIZE	128u /* bytes on disk */

void journal_encode(const struct journal *j, uint8_t out[JOURNAL_SIZE]);
/* 0; -EBADMSG: damaged, or no journal; -EPROTONOSUPPORT: of another version. */
int journal_decode(const uint8_t *bytes, size_t size, struct journal *j);

/* In the directory dir: what was there before, or this, is found after any crash. */
int journal_store(int dir, const struct journal *j);
/* Also -ENOENT. */
int journal_load(int dir, struct journal *j);

bool journal_has_checkpoint(const struct journal *j);

/*
 * The digest of a command appended to that of those before it (0 at first). A command is known by
 * its length, number and crc, which the parser has checked.
 */
struct stream_command;
uint64_t journal_digest(uint64_t before, const struct stream_command *c);

#endif
