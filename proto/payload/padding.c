// SPDX-License-Identifier: GPL-2.0-or-later
/* Zeros: what pads a payload and its last sector, and must be nothing else. */
#include <string.h>
#include "payload/format.h"

size_t zero_prefix(const uint8_t *p, size_t len)
{
	size_t n = 0;

	if (len && !p[0] && !memcmp(p, p + 1, len - 1))
		return len;
	while (n < len && !p[n])
		n++;
	return n;
}

int walk_rest_zero(struct walk *walk, size_t position)
{
	size_t zeros = zero_prefix(walk->p + position, walk->len - position);

	if (zeros < walk->len - position)
		return walk_bad(walk, PAYLOAD_FAULT_TRAILING_DATA, position + zeros);
	return 0;
}
