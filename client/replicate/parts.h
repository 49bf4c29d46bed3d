/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REPLICATE_PARTS_H
#define EXTENTD_REPLICATE_PARTS_H

/*
 * What a target has of subvolumes that did not arrive completely, and a stream without it: see
 * receive/journal.h for what the numbers mean.
 */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct part {
	uint8_t stream[16]; /* the stream's name for its subvolume */
	uint64_t transid;
	uint64_t offset, digest; /* where it goes on; 0: from the beginning */
};

/* In directory. Damaged and foreign ones are passed over. 0 or negative errno. */
int parts_take(int directory, struct part **out, size_t *count);

/* An array; NULL without memory. */
json_t *parts_to_json(const struct part *parts, size_t count);
/* 0, -ENOMEM, or -EPROTO. NULL is no part at all. */
int parts_from_json(const json_t *array, struct part **out, size_t *count);

/*
 * Reads the stream from, a pipe, up to the part's end and perhaps some further. *out, to be freed,
 * is what is to be sent before the rest: the stream's header, its first command, and what was read
 * too far. -ESTALE: it is not the stream that the part is of.
 */
int part_skip(const struct part *part, int from, uint8_t **out, size_t *size);

#endif
