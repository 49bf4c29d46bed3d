/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_DELIVER_SPOOL_H
#define EXTENTD_DELIVER_SPOOL_H

/*
 * A stream from one writer to several readers, each at its own pace: a file without a name, of
 * limit bytes at most. One half is for what the slowest has not read yet: when that is full, the
 * writer waits. What is slow slows the others, but only then; a reader that takes nothing at all
 * meanwhile, for patience seconds, is dropped if there are others. The other half keeps what all
 * have read, for one that has to go back.
 *
 * One thread writes; each reader has one thread.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SPOOL_READERS_MAX   64
#define SPOOL_FIRST_BYTES   4096 /* of the stream's beginning, kept in any case */
#define SPOOL_LIMIT_LEAST   (8u << 20)
#define SPOOL_LIMIT_DEFAULT (1u << 30)
#define SPOOL_PATIENCE	    60 /* seconds */

struct spool;

/* directory: for the file; NULL: $TMPDIR, or /var/tmp. 0 or negative errno; -EOPNOTSUPP where files
 * there cannot have holes. */
int spool_new(const char *directory, uint64_t limit, double patience, unsigned int readers,
	      struct spool **out);
struct spool *spool_free(struct spool *s); /* NULL. When no thread uses it any more. */
const char *spool_directory(void);

/*
 * Both parts or, for want of room, none: -EAGAIN after a while of waiting, to be tried again.
 * -EPIPE: nobody reads any more. Other errors are the file's; a full disk is one only if nothing of
 * the stream can be taken from it any more.
 */
int spool_write(struct spool *s, const void *head, size_t head_size, const void *data, size_t size);
void spool_end(struct spool *s); /* nothing more comes */

/* Waits for something to read. 0: the end, or the reader has paused or left, or was dropped. */
ssize_t spool_read(struct spool *s, unsigned int reader, void *buffer, size_t size);
/* It will go back, and reads nothing until it does: what it may want then is kept as long as there
 * is room. In any thread. */
void spool_pause(struct spool *s, unsigned int reader);
/* Goes on there. 0, or -ESTALE: that is not kept any more. */
int spool_seek(struct spool *s, unsigned int reader, uint64_t position);
/* It reads no more. In any thread. */
void spool_leave(struct spool *s, unsigned int reader);
/* Becomes true when it is dropped. */
const atomic_bool *spool_dropped(const struct spool *s, unsigned int reader);

/* The stream's beginning: its size. */
size_t spool_first(struct spool *s, uint8_t out[SPOOL_FIRST_BYTES]);

#endif
