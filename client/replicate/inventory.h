/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REPLICATE_INVENTORY_H
#define EXTENTD_REPLICATE_INVENTORY_H

/*
 * The subvolumes of a filesystem, and which of two filesystems' stand for the same content. The
 * far side prints its own as JSON (extentctl snapshots), the near side reads that.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replicate/parts.h"

struct replica {
	uint64_t id;
	uint64_t otransid; /* made in that transaction: the order in time */
	uint64_t ctransid; /* last changed in that one */
	uint64_t stransid; /* ctransid of what it was received from */
	int64_t otime;	   /* seconds since 1970 */
	bool read_only;
	uint8_t uuid[16], parent_uuid[16], received_uuid[16]; /* all 0: none */
	char *path; /* from the top of the filesystem; NULL if it is being deleted */
};

struct inventory {
	uint8_t filesystem[16]; /* its UUID */
	uint64_t free;		/* bytes, as df says */
	struct replica *list;
	size_t count;
	struct part *parts; /* in the directory itself */
	size_t part_count;
};

/* Of the filesystem that the directory fd lies on. Without CAP_SYS_ADMIN only what lies below fd,
 * which must then be a subvolume. -ENOTTY: it is no btrfs. */
int inventory_take(int fd, struct inventory *out);
void inventory_free(struct inventory *i);

/* NULL without memory. */
json_t *inventory_to_json(const struct inventory *i);
/* 0, -ENOMEM, or -EPROTO for what is no inventory. */
int inventory_from_json(const char *text, struct inventory *out);

bool replica_has(const uint8_t uuid[16]); /* is it one? */

/* What a stream calls the subvolume it sends: its received UUID if it has one, else its own. */
const uint8_t *replica_name(const struct replica *r);

/*
 * Is theirs a complete copy of ours? Complete: read-only and declared received, which happens
 * last. ctransid tells a copy of what ours was before somebody changed it.
 */
bool replica_same(const struct replica *ours, const struct replica *theirs);

/*
 * Of our read-only subvolumes that are related to which (the same origin, or its origin), the
 * newest not newer than which, that they have a copy of. NULL: none.
 */
const struct replica *inventory_common(const struct inventory *ours, const struct replica *which,
				       const struct inventory *theirs);

/* The copy of which that they have; NULL: none. */
const struct replica *inventory_copy(const struct inventory *theirs, const struct replica *which);

/* What they have in part of which; NULL: nothing. */
const struct part *inventory_part(const struct inventory *theirs, const struct replica *which);

const struct replica *inventory_find(const struct inventory *i, uint64_t id);

/* "0a1b…-…" in 37 bytes; back: 0 or -EINVAL. */
#define UUID_TEXT 37
char *uuid_print(const uint8_t uuid[16], char out[UUID_TEXT]);
int uuid_parse(const char *text, uint8_t uuid[16]);

#endif
