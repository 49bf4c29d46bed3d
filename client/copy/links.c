// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "copy/links.h"

struct links {
	void *tree; /* of struct seen, by tsearch(3) */
};

struct seen {
	dev_t dev;
	ino_t ino;
	struct link link;
};

static int seen_compare(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->dev < y->dev ? -1 : x->dev > y->dev;
}

static void seen_free(void *p)
{
	struct seen *e = p;

	restore_dir_put(e->link.dir);
	free(e->link.name);
	free(e);
}

int links_new(struct links **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

struct links *links_free(struct links *links)
{
	if (links)
		tdestroy(links->tree, seen_free);
	free(links);
	return NULL;
}

const struct link *links_find(struct links *links, dev_t dev, ino_t ino)
{
	struct seen key = { .dev = dev, .ino = ino };
	struct seen **found = tfind(&key, &links->tree, seen_compare);

	return found ? &(*found)->link : NULL;
}

int links_add(struct links *links, dev_t dev, ino_t ino, struct restore_dir *dir, const char *name)
{
	_cleanup_(freep) struct seen *e = calloc(1, sizeof(*e));
	struct seen **place;

	if (!e || !(e->link.name = strdup(name)))
		return -ENOMEM;
	e->dev = dev;
	e->ino = ino;
	place = tsearch(e, &links->tree, seen_compare);
	if (!place || *place != e) {
		free(e->link.name);
		return place ? 0 : -ENOMEM;
	}
	e->link.dir = dir ? restore_dir_get(dir) : NULL;
	steal_ptr(&e);
	return 0;
}
