/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STREAM_DUMP_H
#define EXTENTD_STREAM_DUMP_H

#include <stdio.h>

#include "stream/stream.h"

/*
 * Prints a line per command in the format of `btrfs receive --dump` as btrfs-progs 6.19 has it, for
 * every concatenated stream, or with stop_at_end up to the first END. 0, the stream's negative
 * errno (see stream_fault()), or -EIO when out cannot be written.
 *
 * What a stream holds is printed escaped, so a hostile one cannot steer a terminal. btrfs-progs 6.2
 * printed xattr values and clone sources raw and put commas behind the numbers of encoded_write.
 */
int stream_dump(struct stream *s, FILE *out, bool stop_at_end);

#endif
