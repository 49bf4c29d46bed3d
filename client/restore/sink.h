/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RESTORE_SINK_H
#define EXTENTD_RESTORE_SINK_H

/*
 * Where the data of files go. The core makes names and sets attributes; a sink takes extents, at
 * once or later. A write that it keeps in flight is counted in the file until write_done().
 * One thread; may serve one job after another, not two at once.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct extent_session;
struct extent_write;
struct restore;
struct restore_file;

struct sink_stats {
	uint64_t encoded, decoded, plain; /* writes by the form that reached the disk */
	uint64_t payload_bytes;		  /* handed over */
	uint64_t file_bytes;		  /* of content that they stand for */
};

struct sink {
	/* A compressed extent, or (where only the sink can do it soundly) a plain one. 0 when it
	 * was taken, else negative errno; a buffer of w is taken in any case. */
	int (*write)(struct sink *s, struct restore_file *f, struct extent_write *w);
	/* Copies a plain one, and writes it while we go on; false: it will not. NULL: it never
	 * will. */
	bool (*plain)(struct sink *s, struct restore_file *f, const struct extent_write *w);
	/* Proves that what was written to f is on disk. */
	int (*prove)(struct sink *s, struct restore_file *f);
	/* No more writes to f from here on; those in flight go on. */
	void (*close)(struct sink *s, struct restore_file *f);
	/* Sets the times of a finished file, closes it, and calls file_ended(); false: it will not.
	 * NULL: it never will. */
	bool (*end)(struct sink *s, struct restore_file *f);
	/* Asks for proof of all that was written; the answer is settle_answered(). -EAGAIN. */
	int (*sync)(struct sink *s, struct restore *r);
	/* Handles what has arrived, waiting for timeout_ms (-1: no limit). Number or an error
	 * that ends all. */
	int (*turn)(struct sink *s, struct restore *r, int timeout_ms);
	bool (*busy)(const struct sink *s); /* something will arrive */
	/* Waits for what it does itself, daemon or not; how much that was. NULL: nothing. */
	int (*quiesce)(struct sink *s);
	unsigned int files; /* that may be open at once; 0: no limit */
	bool nodatacow;	    /* takes such files too: their proof is an fsync and nothing more */
	void (*drop)(struct sink *s, void *buffer); /* back to where it came from */
	void (*free)(struct sink *s);
	/* The job's owner's: what went wrong with a write taken earlier. May be NULL. */
	void (*report)(void *userdata, const char *text);
	void *userdata;
	struct sink_stats stats;
	char text[256]; /* more about the last error than its errno, or empty */
};

/*
 * Writes by the calling thread: the encoded-write ioctl, and where the kernel will not have an
 * extent (or this process may not), decompressed. check: payloads are decoded as a test even when
 * the kernel would take them as they are. Proves nothing.
 */
int sink_direct_new(bool check, bool decompress, struct sink **out);

/* Extents to extentd. The session stays the caller's; nobody else uses it meanwhile. */
int sink_extent_new(struct extent_session *session, struct sink **out);

#endif
