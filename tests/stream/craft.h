/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_TESTS_STREAM_CRAFT_H
#define EXTENTD_TESTS_STREAM_CRAFT_H

/* Writes streams by hand, well-formed or not, into a buffer that aborts the test when it is full.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "stream/stream.h"

#define CRAFT_SIZE (8u << 20)

struct craft {
	uint8_t *data;
	size_t size;
	size_t command; /* where the open command starts */
	size_t read;	/* how far craft_read() has come */
	size_t chunk;	/* the most that one craft_read() gives; 0 for all */
	uint32_t version;
};

void craft_new(struct craft *c);
void craft_free(struct craft *c);
void craft_raw(struct craft *c, const void *data, size_t size);

void craft_header(struct craft *c, uint32_t version);
void craft_begin(struct craft *c, unsigned int op);
void craft_attribute(struct craft *c, unsigned int attribute, const void *data, size_t size);
void craft_u32(struct craft *c, unsigned int attribute, uint32_t v);
void craft_u64(struct craft *c, unsigned int attribute, uint64_t v);
void craft_string(struct craft *c, unsigned int attribute, const char *s);
void craft_time(struct craft *c, unsigned int attribute, int64_t sec, uint32_t nsec);
/* Sets length and crc. */
void craft_end(struct craft *c);

/*
 * A whole command: a letter and its values each. p/t/l/c: PATH, PATH_TO, PATH_LINK, CLONE_PATH
 * (const char *); i s m u g r o: INO SIZE MODE UID GID RDEV FILE_OFFSET (uint64_t); d: DATA (const
 * void *, size_t); x: XATTR_NAME, XATTR_DATA (const char *, const void *, size_t); U/C: UUID or
 * CLONE_UUID and its CTRANSID (const uint8_t[16], uint64_t); T: one time (int64_t) for all three.
 */
void craft(struct craft *c, unsigned int op, const char *letters, ...);

/* A stream_read_fn over what was written so far. */
ssize_t craft_read(void *userdata, void *buffer, size_t size);

extern const uint8_t craft_uuid[16], craft_parent_uuid[16];

#endif
