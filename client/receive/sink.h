/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_SINK_H
#define EXTENTD_RECEIVE_SINK_H

/*
 * Where the data of files go. The receiver makes names and sets attributes; a sink takes extents,
 * at once or later. It may keep writes in flight: then it counts them in the file, and calls
 * settled when the count comes back to zero. One thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "stream/block.h"

struct sink_file {
	int fd; /* O_RDWR; the receiver's, open as long as writes are in flight */
	unsigned int inflight;
	int error;	  /* the first of its writes that failed, negative errno */
	const char *path; /* below the subvolume, for messages */
	void *sink;	  /* the sink's own, NULL at first */
	void (*settled)(struct sink_file *f);
};

/* As struct extent_write of lib/extent.h; compression 0 is a plain write. */
struct sink_write {
	uint64_t offset, len; /* in the file, bytes */
	uint64_t unencoded_len, unencoded_offset;
	uint32_t compression, encryption;
	const uint8_t *payload;
	uint32_t payload_len;
	struct block *block; /* holds the payload: take a reference to keep it */
	uint64_t position;   /* in the stream, for messages */
};

struct sink_stats {
	uint64_t encoded, decoded, plain; /* writes by the form that reached the disk */
	uint64_t payload_bytes, file_bytes;
};

struct sink {
	/* 0 when the write was taken, or negative errno. */
	int (*write)(struct sink *s, struct sink_file *f, const struct sink_write *w);
	/* Waits until no write of f (NULL: of any file) is in flight. The first error. */
	int (*settle)(struct sink *s, struct sink_file *f);
	/* As settle, and proves that what was written is on disk: to be called before anything but
	 * a write changes f's content, for afterwards nothing could be proved any more. */
	int (*prove)(struct sink *s, struct sink_file *f);
	/* No more writes to f from here on; those in flight go on. */
	void (*close)(struct sink *s, struct sink_file *f);
	/* Waits until everything on f's filesystem is safe on disk; fd is a directory there. */
	int (*sync)(struct sink *s, int fd);
	void (*free)(struct sink *s);
	/* The receiver's: what went wrong with a write taken earlier, with its file and range. */
	void (*report)(void *userdata, const char *text);
	void *userdata;
	struct sink_stats stats;
	char text[256]; /* more about the last error than its errno, or empty */
};

/*
 * Writes by the calling thread: the encoded-write ioctl, and where the kernel will not have an
 * extent (or this process may not), decompressed. check: payloads are decoded as a test even when
 * the kernel would take them as they are.
 */
int sink_direct_new(bool check, bool decompress, struct sink **out);

/* Compressed extents to extentd. The session stays the caller's; nobody else uses it meanwhile. */
struct extent_session;
int sink_extent_new(struct extent_session *session, struct sink **out);

/* All of it, by pwrite(2). */
int sink_write_plain(int fd, const uint8_t *p, uint64_t size, uint64_t offset);

#endif
