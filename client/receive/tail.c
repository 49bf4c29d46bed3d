// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A file that became shorter ends inside a sector. The stream writes its new last extent while the
 * file still has its old length, and cuts it only then; the kernel takes an extent that ends inside
 * a sector only where the file ends too, so this one would have to be decompressed. If the old end
 * is cut off before the write instead, the extent is taken as it is.
 *
 * R6 An encoded write of [a, e) with a TRUNCATE of the same path to exactly e right behind it: the
 *    file may be cut to a before the write. Of the old bytes those in [a, e) are overwritten in
 *    full by the write and those behind e are removed by the TRUNCATE, so the result holds none of
 *    them; a file that was shorter than a grows by a hole to a in both orders. Nothing stands
 *    between the two commands, so nobody reads or clones what is cut early. (Cutting to e would do
 *    as well, but write out the rest of a sector that is replaced at once.) The TRUNCATE is
 *    executed all the same. Should the write fail, the subvolume is not complete in any order.
 *
 * Only the very next command is looked at: the kernel ends an inode with its truncation, and its
 * last extent is the last thing before that.
 */
#include "receive/tail.h"
#include "stream/block.h"

/* No filesystem has smaller sectors, so what is aligned less may have to be held. */
#define SECTOR_MIN 4096

static uint64_t tail_end(const struct stream_command *c)
{
	return c->file_offset + c->unencoded_file_len; /* wraps: then it is no size either */
}

bool tail_hold(struct tail *t, const struct stream_command *c)
{
	if (c->op != STREAM_C_ENCODED_WRITE || !c->compression || tail_end(c) % SECTOR_MIN == 0)
		return false;
	t->command = *c;
	t->held = true;
	block_ref(c->block);
	return true;
}

bool tail_is_cut(const struct tail *t, const struct stream_command *next)
{
	const struct stream_command *c = &t->command;

	return t->held && next->op == STREAM_C_TRUNCATE && next->size == tail_end(c) &&
	       next->size > c->file_offset && stream_string_equal(next->path, c->path);
}

void tail_drop(struct tail *t)
{
	if (t->held)
		block_unref(t->command.block);
	t->held = false;
}
