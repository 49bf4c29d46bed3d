/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_TESTS_MUTATE_H
#define EXTENTD_TESTS_MUTATE_H

/*
 * Payloads between good and bad, the same for the same seed and number. Some are good in unusual
 * ways, some are damaged, some are damaged and then repaired as far as checksums and lengths go,
 * so that a good share gets past the outer checks and reaches the decoders.
 */

#include "common/forge.h"

struct mutator;

struct mutator *mutator_new(uint32_t compression, uint64_t seed);
struct mutator *mutator_free(struct mutator *mutator);
void mutator_make(struct mutator *mutator, uint64_t number, struct forged *f);

#endif
