// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A file that became shorter ends inside a sector. The stream writes its new last extent while the
 * file still has its old length, and cuts it only then; the kernel takes an extent that ends inside
 * a sector only where the file ends too, so this one would have to be decompressed. If the old end
 * is cut off before the write instead, the extent is taken as it is.
 *
 * R6 An encoded write of [a, e), and a TRUNCATE of the same path to exactly e: the file may be
 *    cut to a before the write. Of the old bytes those in [a, e) are overwritten in full by the
 *    write and those behind e are removed by the TRUNCATE, so the result holds none of them; a file
 *    that was shorter than a grows by a hole to a in both orders. (Cutting to e would do as well,
 *    but write out the rest of a sector that is replaced at once.) The TRUNCATE is executed all the
 *    same. Should the write fail, the subvolume is not complete in any order.
 *
 *    Between the two may stand only what neither reads content nor can tell where the file ends:
 *    mode, owner, times and xattrs of any path, and writes of the same path that end at a or
 *    before. Not content of other paths, which may be this file's other names. The order stays
 *    what it was.
 *
 * The kernel ends an inode with its truncation, right behind its last extent; other makers of
 * streams need not.
 */
#include "receive/tail.h"
#include "stream/block.h"

/* No filesystem has smaller sectors, so what is aligned less may have to be held. */
#define SECTOR_MIN 4096

static uint64_t tail_end(const struct stream_command *c)
{
	return c->file_offset + c->unencoded_file_len; /* wraps: then it is no size either */
}

static void hold(struct tail *t, const struct stream_command *c)
{
	t->held[t->count++] = *c;
	t->bytes += c->length;
	block_ref(c->block);
}

bool tail_hold(struct tail *t, const struct stream_command *c)
{
	if (c->op != STREAM_C_ENCODED_WRITE || !c->compression || tail_end(c) % SECTOR_MIN == 0)
		return false;
	hold(t, c);
	return true;
}

static bool may_stand_between(const struct stream_command *tail, const struct stream_command *c)
{
	uint64_t size = c->data.size, end;

	switch (c->op) {
	case STREAM_C_SET_XATTR:
	case STREAM_C_REMOVE_XATTR:
	case STREAM_C_CHMOD:
	case STREAM_C_CHOWN:
	case STREAM_C_UTIMES:
	case STREAM_C_UPDATE_EXTENT:
		return true;
	case STREAM_C_ENCODED_WRITE:
		if (c->compression)
			size = c->unencoded_file_len;
		__attribute__((fallthrough));
	case STREAM_C_WRITE:
		return stream_string_equal(c->path, tail->path) &&
		       !__builtin_add_overflow(c->file_offset, size, &end) &&
		       end <= tail->file_offset;
	default:
		return false;
	}
}

bool tail_goes_on(struct tail *t, const struct stream_command *next)
{
	if (!t->count || t->count == TAIL_COMMANDS || t->bytes + next->length > TAIL_BYTES ||
	    !may_stand_between(&t->held[0], next))
		return false;
	hold(t, next);
	return true;
}

bool tail_is_cut(const struct tail *t, const struct stream_command *next)
{
	const struct stream_command *c = &t->held[0];

	return t->count && next->op == STREAM_C_TRUNCATE && next->size == tail_end(c) &&
	       next->size > c->file_offset && stream_string_equal(next->path, c->path);
}

void tail_drop(struct tail *t)
{
	while (t->count)
		block_unref(t->held[--t->count].block);
	t->bytes = 0;
}
