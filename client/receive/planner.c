// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel sends an inode in one piece: make it under a temporary name, rename it, xattrs, data,
 * owner, mode, times, and after it the times of its directory, again and again. The planner
 * collects such a piece (a group) and emits it as: made under its final name with its final mode
 * and owner, data, and the rest in one step at the end.
 *
 * What may be left out or moved, and why nobody can tell:
 *
 * R1 The temporary name. A RENAME of the new inode right behind the command that made it: no
 *    command in between can have used either name. If something stands at the final name, the
 *    executor learns it from EEXIST and does both steps; if the final directory would hand down
 *    what the root does not, likewise (see ACTION_MAKE).
 * R2 Mode and owner from the start. Commands between the making and CHOWN/CHMOD are on the same
 *    inode, and neither data nor xattrs depend on its mode or owner. Nobody else sees the
 *    difference: the executor keeps the subvolume's root closed (0700) until the end. setuid,
 *    setgid and sticky are not given at the start but last, a write or chown would strip them.
 * R3 The last of several CHMODs, of several CHOWNs, of an inode: nothing between depends on them,
 *    as long as no CHOWN follows a CHMOD (it strips setuid), no ACL follows a CHMOD (it changes the
 *    mode) and no data or CHOWN follows a capability (they strip it). Such an order, which the
 *    kernel does not send, ends the group first.
 * R4 The times of a directory, once at the end. Whatever changes a directory later is followed by
 *    its UTIMES again; the last is what counts. (Where a stream leaves the last one out, it would
 *    have left the time of receiving there; now the stream's own word stays.) They follow renames,
 *    and are dropped with what is removed. The planner need not know what is a directory: times of
 *    any path can wait, but must be set before the next command that would change them: data,
 *    truncation, fallocate, or a hard link, after which the path is no longer the inode.
 * R5 Nothing else moves, but for the end of a file that shrinks: R6, in tail.c. A group is emitted
 *    in the order of its commands, before any command that does not belong to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "receive/planner.h"
#include "receive/tail.h"
#include "stream/block.h"
#include "stream/path.h"

struct planner {
	bool literal;
	action_fn emit;
	void *userdata;
	struct later *later;

	/* The group: held[0] made the inode. Empty when count is 0. */
	struct stream_command held[PLANNER_COMMANDS];
	unsigned int count;
	size_t bytes;
	struct stream_string path; /* into a block held */
	bool renamed;		   /* held[1] is the rename */
	unsigned int set;
	bool capability;
	struct action last; /* mode, owner and times as said so far */

	/* The file of the latest data command outside a group: its times do not wait. */
	char file[STREAM_PATH_MAX + 1];
	size_t file_size;
	struct tail tail; /* a write of it */
};

int planner_new(bool literal, action_fn emit, void *userdata, struct planner **out)
{
	struct planner *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	r = later_new(&p->later);
	if (r) {
		free(p);
		return r;
	}
	p->literal = literal;
	p->emit = emit;
	p->userdata = userdata;
	*out = p;
	return 0;
}

static void group_drop(struct planner *p)
{
	while (p->count)
		block_unref(p->held[--p->count].block);
	p->bytes = 0;
	p->renamed = false;
	p->capability = false;
	p->set = 0;
}

void planner_free(struct planner *p)
{
	if (!p)
		return;
	group_drop(p);
	tail_drop(&p->tail);
	later_free(p->later);
	free(p);
}

static int emit_write(struct planner *p, const struct stream_command *c, bool cut)
{
	struct action a = {
		.type = ACTION_COMMAND,
		.command = c,
		.position = c->position,
		.path = c->path,
		.cut = cut,
	};

	return p->emit(p->userdata, &a);
}

static int emit_command(struct planner *p, const struct stream_command *c)
{
	return emit_write(p, c, false);
}

static int emit_times(void *userdata, struct stream_string path, const struct later_times *times)
{
	struct planner *p = userdata;
	struct action a = {
		.type = ACTION_TIMES,
		.position = times->position,
		.path = path,
		.set = ACTION_SET_TIMES,
		.atime = times->atime,
		.mtime = times->mtime,
	};

	return p->emit(p->userdata, &a);
}

static int later_relieve(struct planner *p)
{
	return later_full(p->later, PLANNER_LATER) ? later_take_all(p->later, emit_times, p) : 0;
}

static int emit_later(struct planner *p, struct stream_string path)
{
	struct later_times times;

	return later_take(p->later, path, &times) ? emit_times(p, path, &times) : 0;
}

static void group_hold(struct planner *p, const struct stream_command *c)
{
	p->held[p->count++] = *c;
	p->bytes += c->length;
	block_ref(c->block);
}

static void file_set(struct planner *p, struct stream_string path)
{
	if (path.size > STREAM_PATH_MAX)
		return;
	memcpy(p->file, path.data, path.size);
	p->file_size = path.size;
}

static int group_emit(struct planner *p)
{
	struct action a = p->last;
	int r;

	if (!p->count)
		return 0;
	a.type = ACTION_MAKE;
	a.command = &p->held[0];
	a.position = a.command->position;
	a.path = p->path;
	a.set = p->set & (ACTION_OWNER | ACTION_MODE);
	r = p->emit(p->userdata, &a);
	for (unsigned int i = 1 + p->renamed; i < p->count && !r; i++)
		r = emit_command(p, &p->held[i]);
	if (!r && p->set) {
		a.type = ACTION_FINISH;
		a.set = p->set;
		a.command = &p->held[p->count - 1];
		r = p->emit(p->userdata, &a);
	}
	p->file_size = 0;
	if (p->held[0].op == STREAM_C_MKFILE)
		file_set(p, p->path);
	group_drop(p);
	return r;
}

/* Does c belong to the group in a way that the rules allow? */
static bool group_takes(const struct planner *p, const struct stream_command *c)
{
	if (p->count == PLANNER_COMMANDS || p->bytes + c->length > PLANNER_BYTES)
		return false;
	if (c->op == STREAM_C_LINK) /* another name for it: changes neither it nor its first name */
		return stream_string_equal(c->path_link, p->path);
	if (!stream_string_equal(c->path, p->path))
		return false;
	switch (c->op) {
	case STREAM_C_CHOWN: /* R3 */
		return !(p->set & ACTION_MODE) && !p->capability;
	case STREAM_C_CHMOD:
	case STREAM_C_UTIMES:
	case STREAM_C_UPDATE_EXTENT:
		return true;
	case STREAM_C_SET_XATTR:
	case STREAM_C_REMOVE_XATTR:
		return !(p->set & ACTION_MODE) || !stream_string_starts(c->xattr_name, "system.");
	default:
		return stream_op_writes(c->op) && p->held[0].op == STREAM_C_MKFILE &&
		       !(p->set & (ACTION_MODE | ACTION_OWNER)) && !p->capability;
	}
}

static int group_take(struct planner *p, const struct stream_command *c)
{
	switch (c->op) {
	case STREAM_C_CHOWN:
		p->set |= ACTION_OWNER;
		p->last.uid = c->uid;
		p->last.gid = c->gid;
		return 0;
	case STREAM_C_CHMOD:
		p->set |= ACTION_MODE;
		p->last.mode = c->mode & 07777;
		return 0;
	case STREAM_C_UTIMES:			     /* the kernel's last word on an inode */
		if (p->held[0].op == STREAM_C_MKDIR) /* R4 */
			return later_set(p->later, c) ?: group_emit(p) ?: later_relieve(p);
		p->set |= ACTION_SET_TIMES;
		p->last.atime = c->atime;
		p->last.mtime = c->mtime;
		return group_emit(p);
	case STREAM_C_UPDATE_EXTENT: /* a stream without data: nothing to do */
		return 0;
	case STREAM_C_SET_XATTR:
		p->capability |= stream_string_is(c->xattr_name, "security.capability");
		break;
	default:
		break;
	}
	group_hold(p, c);
	return 0;
}

static void group_start(struct planner *p, const struct stream_command *c)
{
	group_hold(p, c);
	p->path = c->path;
}

/* A command outside any group. */
static int push_alone(struct planner *p, const struct stream_command *c)
{
	struct stream_string file = { p->file, p->file_size };
	int r = 0;

	switch (c->op) {
	case STREAM_C_UTIMES:
		if (p->file_size && stream_string_equal(file, c->path))
			break;
		return later_set(p->later, c) ?: later_relieve(p);
	case STREAM_C_RENAME:
		p->file_size = 0;
		r = later_rename(p->later, c->path, c->path_to);
		break;
	case STREAM_C_UNLINK:
	case STREAM_C_RMDIR:
		p->file_size = 0;
		later_drop(p->later, c->path);
		break;
	case STREAM_C_LINK:
		r = emit_later(p, c->path_link); /* R4 */
		break;
	case STREAM_C_SUBVOL:
	case STREAM_C_SNAPSHOT:
	case STREAM_C_END:
		p->file_size = 0;
		r = later_take_all(p->later, emit_times, p);
		break;
	default:
		if (!stream_op_writes(c->op))
			break;
		if (!stream_string_equal(file, c->path)) {
			r = emit_later(p, c->path); /* R4 */
			file_set(p, c->path);
		}
		if (!r && !p->tail.count && tail_hold(&p->tail, c))
			return 0;
	}
	return r ?: emit_command(p, c);
}

static int push_tail(struct planner *p, bool cut)
{
	int r = p->tail.count ? emit_write(p, &p->tail.held[0], cut) : 0;

	for (unsigned int i = 1; i < p->tail.count && !r; i++)
		r = push_alone(p, &p->tail.held[i]);
	tail_drop(&p->tail);
	return r;
}

int planner_push(struct planner *p, const struct stream_command *c)
{
	int r;

	if (p->literal)
		return emit_command(p, c);
	if (tail_goes_on(&p->tail, c))
		return 0;
	r = push_tail(p, tail_is_cut(&p->tail, c));
	if (r)
		return r;
	if (p->count) {
		if (p->count == 1 && !p->set && c->op == STREAM_C_RENAME &&
		    stream_string_equal(c->path, p->path)) { /* R1 */
			later_drop(p->later, c->path_to);
			group_hold(p, c);
			p->path = c->path_to;
			p->renamed = true;
			return 0;
		}
		if (group_takes(p, c))
			return group_take(p, c);
		/* Its directory's times, typically: they wait, and the group goes on. */
		if (c->op == STREAM_C_UTIMES && !stream_string_equal(c->path, p->path) &&
		    !later_full(p->later, PLANNER_LATER))
			return later_set(p->later, c);
		r = group_emit(p);
		if (r)
			return r;
	}
	if (stream_op_makes(c->op)) {
		group_start(p, c);
		return 0;
	}
	return push_alone(p, c);
}

int planner_flush(struct planner *p)
{
	int r = push_tail(p, false);

	if (p->literal)
		return 0;
	return r ?: group_emit(p) ?: later_take_all(p->later, emit_times, p);
}
