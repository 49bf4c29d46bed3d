// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "common/forge-edit.h"
#include "common/sample.h"

void forge_good(struct forged *f, uint32_t compression, uint32_t unencoded_len, uint64_t seed)
{
	static const uint8_t kinds[] = { SAMPLE_MIXED, SAMPLE_TEXT, SAMPLE_SPARSE };
	struct sample_random random = { .state = seed };
	struct payload_compressor *compressor = NULL;
	unsigned int kind = seed % 2;
	int r;

	f->compression = compression;
	f->unencoded_len = unencoded_len;
	must(!payload_compressor_new(compression, 0, &compressor));
	do { /* short text is too much for LZO */
		sample_fill(f->data, unencoded_len, kinds[kind++], &random);
		r = payload_compress(compressor, payload_lzo_sector(compression) ?: 4096, f->data,
				     unencoded_len, f->p, &f->len);
	} while (r == PAYLOAD_INCOMPRESSIBLE && kind < sizeof(kinds));
	must(!r);
	payload_compressor_free(compressor);
}

void forge_row_make(const struct forge_row *row, struct forged *f)
{
	memset(f, 0, sizeof(*f));
	forge_good(f, row->compression, row->unencoded_len, 7);
	row->make(f);
}

const struct forge_row *forge_row(size_t n)
{
	const struct forge_row *const tables[] = { forge_zlib_rows, forge_zstd_rows,
						   forge_lzo_rows };

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct forge_row *row = tables[i]; row->name; row++)
			if (!n--)
				return row;
	return NULL;
}

void forge_append(struct forged *f, const void *p, size_t len)
{
	must(sizeof(f->p) - f->len >= len);
	memmove(f->p + f->len, p, len);
	f->len += len;
}

void forge_insert(struct forged *f, size_t at, const void *p, size_t len)
{
	must(at <= f->len && sizeof(f->p) - f->len >= len);
	memmove(f->p + at + len, f->p + at, f->len - at);
	memcpy(f->p + at, p, len);
	f->len += len;
}

uint32_t forge_le32(const struct forged *f, size_t at)
{
	uint32_t n;

	memcpy(&n, f->p + at, sizeof(n));
	return le32toh(n);
}

void forge_le32_put(struct forged *f, size_t at, uint32_t n)
{
	n = htole32(n);
	memcpy(f->p + at, &n, sizeof(n));
}

void forge_claims_more(struct forged *f)
{
	memset(f->data + f->unencoded_len, 'x', 4096);
	f->unencoded_len += 4096;
}

void forge_claims_less(struct forged *f)
{
	f->unencoded_len -= 4096;
}

/* A tail whose surplus is the file's old contents instead of zeros. */
void forge_surplus_not_zero(struct forged *f)
{
	f->unencoded_len -= 100;
}

void forge_junk_after(struct forged *f)
{
	forge_append(f, "junk", 4);
}

void forge_cut_half(struct forged *f)
{
	f->len /= 2;
}

void forge_cut_at_page(struct forged *f)
{
	must(f->len > 4096);
	f->len = 4096;
}

void forge_cut_one(struct forged *f)
{
	f->len--;
}
