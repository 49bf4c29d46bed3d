/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_PACK_QUEUE_H
#define EXTENTD_PACK_QUEUE_H

/* Read in any order, written in that of the walk. Each is 0, or what ends all. */

#include "pack/job.h"

int queue_begin(struct pack *p);
void queue_end(struct pack *p);
/* A piece of the file, behind all commands so far. May wait, and write. */
int queue_read(struct pack *p, struct pack_file *f, const struct piece *piece);
/* Nothing more of it comes. Takes it over. */
int queue_last(struct pack *p, struct pack_file *f);
/* Writes what can be written; everything, if drain. */
int queue_turn(struct pack *p, bool drain);

#endif
