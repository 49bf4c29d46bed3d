/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_TESTS_MUTATE_FORMAT_H
#define EXTENTD_TESTS_MUTATE_FORMAT_H

/* The part of mutate.c that knows the three formats. */

#include "common/forge.h"
#include "common/sample.h"

void mutate_delete(struct forged *f, size_t at, size_t len);
/* Nothing happens where there is no room. */
void mutate_insert(struct forged *f, size_t at, const uint8_t *p, size_t len);

/* Frame surgery: headers, blocks, segments, rebuilt as far as lengths go. */
void mutate_format(struct forged *f, struct sample_random *random);
void mutate_zlib_repair(struct forged *f);

#endif
