/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A registered buffer of several slots, and files of the two file systems that the tests get. */
#pragma once

#include "encoded.h"

#define PAYLOAD	   (64 * 1024)
#define SLOTS	   16
#define SLOT_SIZE  EXTENT_UNENCODED
#define ARENA_SIZE ((size_t)SLOTS * SLOT_SIZE)
#define DELAY_MS   200 /* of each data write to SLOW */

extern unsigned char plain[EXTENT_UNENCODED], *arena;
extern struct io_uring ring; /* arena is its buffer 0 */

/* A new file in the directory that the variable @dir names: FILES is quick, SLOW is not. */
int file_open(const char *dir, const char *name, int flags);

/* ARENA_SIZE bytes of their own mapping. */
unsigned char *arena_new(void);

/* Set-up of a cmocka group: ring and arena. */
int group_start(void **state);

/* Writes the extent of @seed and @size that is put at @at of the arena, alone. */
int write_one(int fd, size_t at, size_t size, unsigned seed, uint64_t offset);

/* 0: run the tests. 1: this kernel has no commands, say so and leave. 99: used wrongly. */
int group_wanted(const char *name);
