// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <string.h>

#include "base/cleanup.h"
#include "deliver/where.h"
#include "replicate/inventory.h"
#include "stream/encode.h"

size_t where_begin(const uint8_t *bytes, size_t size, struct stream_command *first)
{
	const uint8_t *command = bytes + STREAM_HEADER_SIZE;
	struct stream_fault fault;
	uint32_t length;

	if (size < STREAM_HEADER_SIZE + STREAM_COMMAND_HEADER)
		return 0;
	memcpy(&length, command, sizeof(length));
	length = le32toh(length);
	if (length > size - STREAM_HEADER_SIZE - STREAM_COMMAND_HEADER)
		return 0;
	*first = (struct stream_command){ .op = STREAM_C_SUBVOL, .version = STREAM_ENCODE_VERSION };
	if (command_decode(first, command + STREAM_COMMAND_HEADER, length, &fault))
		return 0;
	return STREAM_HEADER_SIZE + STREAM_COMMAND_HEADER + length;
}

static void look(const struct inventory *theirs, const struct stream_command *first,
		 struct where *out)
{
	for (size_t i = 0; i < theirs->count; i++)
		out->complete |= theirs->list[i].read_only &&
				 !memcmp(theirs->list[i].received_uuid, first->uuid, 16);
	for (size_t i = 0; i < theirs->part_count; i++) {
		const struct part *p = &theirs->parts[i];

		if (memcmp(p->stream, first->uuid, 16) || p->transid != first->ctransid)
			continue;
		out->offset = p->offset;
		out->digest = p->digest;
	}
}

int where_ask(const struct rsh *rsh, const char *directory, const struct stream_command *first,
	      struct where *out, struct far *f, int *status)
{
	const char *const arguments[] = { "snapshots", "--json", "--", directory, NULL };
	struct inventory theirs = { .list = NULL };
	struct pump pump = { .from = -1 };
	int r = far_begin(f, rsh->host, rsh, arguments);

	*out = (struct where){ .offset = 0 };
	if (!r)
		r = far_run(f, &pump, status);
	if (!r && !*status)
		r = inventory_from_json(f->report ?: "", &theirs);
	if (!r && !*status)
		look(&theirs, first, out);
	inventory_free(&theirs);
	return r;
}
