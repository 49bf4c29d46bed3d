// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The frame decoder. What it takes is canonical: written again, it gives the same bytes, and its
 * tail is within the limits.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/limits.h"
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t again[WIRE_FRAME_MAX_FIXED];
	struct wire_header h;
	union wire_frame f;
	size_t fixed;

	if (size < sizeof(h))
		return 0;
	wire_read_header(data, &h);
	fixed = wire_fixed_size(h.type);
	if (fixed > size || (!fixed && size < WIRE_FRAME_MAX_FIXED))
		return 0;
	if (wire_read(data, &f))
		return 0;

	if (!fixed || h.length < fixed || h.length - fixed > LIMIT_PAYLOAD_BYTES)
		abort();
	wire_write(&f, again);
	if (memcmp(again, data, fixed))
		abort();
	return 0;
}
