/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_TESTS_FORGE_EDIT_H
#define EXTENTD_TESTS_FORGE_EDIT_H

/* What the forgers of the three formats share. */

#include <stdio.h>
#include "common/forge.h"

#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Each ends in an empty row. */
extern const struct forge_row forge_zlib_rows[];
extern const struct forge_row forge_zstd_rows[];
extern const struct forge_row forge_lzo_rows[];

void forge_append(struct forged *f, const void *p, size_t len);
void forge_insert(struct forged *f, size_t at, const void *p, size_t len);
uint32_t forge_le32(const struct forged *f, size_t at);
void forge_le32_put(struct forged *f, size_t at, uint32_t n);

/* Faults that every format can have. */
void forge_claims_more(struct forged *f);
void forge_claims_less(struct forged *f);
void forge_surplus_not_zero(struct forged *f);
void forge_junk_after(struct forged *f);
void forge_cut_half(struct forged *f);
void forge_cut_at_page(struct forged *f);
void forge_cut_one(struct forged *f);

#endif
