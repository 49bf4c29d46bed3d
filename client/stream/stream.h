/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STREAM_STREAM_H
#define EXTENTD_STREAM_STREAM_H

/*
 * Reads btrfs send streams (versions 1 to 3, concatenated ones too) command by command. The input
 * is untrusted: every length is capped before use and memory is bounded by the block source.
 * One thread at a time.
 */

#include <stdint.h>
#include <sys/types.h>

#include "stream/block.h"
#include "stream/command.h"
#include "stream/fault.h"

/* Like read(2): bytes, 0 at the end, -1 with errno. Short reads are fine. */
typedef ssize_t (*stream_read_fn)(void *userdata, void *buffer, size_t size);

struct stream;

/* fd and source stay the caller's and must outlive the stream. Negative errno on failure. */
int stream_new_fd(int fd, struct block_source *source, struct stream **out);
int stream_new(stream_read_fn read, void *userdata, struct block_source *source,
	       struct stream **out);
void stream_free(struct stream *s);

#define STREAM_DONE 1

/*
 * The next command. 0, STREAM_DONE where the input ends after an END (an input without a single
 * byte is truncated), or a negative errno with stream_fault() filled in. END is a command like any
 * other; behind it the input may end or the next stream header follow.
 *
 * The command's bytes stay valid until the next call; to keep them longer take a reference to
 * c->block. After a recoverable fault the next call goes on behind the faulty command; after any
 * other it returns the same fault again.
 */
int stream_next(struct stream *s, struct stream_command *c);

const struct stream_fault *stream_fault(const struct stream *s);

/* Bytes consumed: where the next command or stream header starts. */
uint64_t stream_position(const struct stream *s);

#endif
