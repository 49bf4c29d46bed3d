// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names that follow renames are what later.c keeps; here it is which of them are symbolic links,
 * and no times.
 */
#include <errno.h>
#include <stdlib.h>

#include "receive/crossing.h"

struct crossing {
	struct later *names;
};

int crossing_new(struct crossing **out)
{
	struct crossing *l = calloc(1, sizeof(*l));
	int r = l ? later_new(&l->names) : -ENOMEM;

	if (r) {
		free(l);
		return r;
	}
	*out = l;
	return 0;
}

void crossing_free(struct crossing *l)
{
	if (l)
		later_free(l->names);
	free(l);
}

static bool through(struct crossing *l, struct stream_string path)
{
	return later_look(l->names, path) == LATER_ABOVE;
}

int crossing_refuse(struct crossing *l, const struct action *a, bool own)
{
	const struct stream_command *c = a->command;

	if (!later_count(l->names))
		return 0;
	if (through(l, a->path))
		return -ENOTDIR;
	if (a->type != ACTION_COMMAND)
		return 0;
	if ((c->op == STREAM_C_RENAME && through(l, c->path_to)) ||
	    (c->op == STREAM_C_LINK && through(l, c->path_link)))
		return -ENOTDIR;
	/* No content is reached by the name of a link. */
	if ((stream_op_writes(c->op) || c->op == STREAM_C_ENABLE_VERITY) &&
	    later_look(l->names, c->path) != LATER_NONE)
		return -ELOOP;
	if (c->op == STREAM_C_CLONE && own && later_look(l->names, c->clone_path) != LATER_NONE)
		return -ELOOP;
	return 0;
}

static int made(struct crossing *l, const struct action *a, bool link)
{
	struct stream_command name = *a->command;

	name.path = a->path;
	later_drop(l->names, name.path);
	return link && !later_full(l->names, CROSSING_LINKS - 1) ? later_set(l->names, &name) : 0;
}

int crossing_follow(struct crossing *l, const struct action *a)
{
	const struct stream_command *c = a->command;

	if (a->type == ACTION_MAKE)
		return made(l, a, c->op == STREAM_C_SYMLINK);
	if (a->type != ACTION_COMMAND)
		return 0;
	switch (c->op) {
	case STREAM_C_RENAME:
		return later_rename(l->names, c->path, c->path_to);
	case STREAM_C_UNLINK:
	case STREAM_C_RMDIR:
		later_drop(l->names, c->path);
		return 0;
	case STREAM_C_LINK:
		return made(l, a, later_look(l->names, c->path_link) == LATER_HERE);
	default:
		return stream_op_makes(c->op) ? made(l, a, c->op == STREAM_C_SYMLINK) : 0;
	}
}
