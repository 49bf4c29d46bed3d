// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "pack/listing.h"

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct listed *const *)a)->name, (*(struct listed *const *)b)->name);
}

static int by_inode(const void *a, const void *b)
{
	const struct listed *x = *(struct listed *const *)a, *y = *(struct listed *const *)b;

	return x->ino < y->ino ? -1 : x->ino > y->ino ? 1 : strcmp(x->name, y->name);
}

int listing_add(struct listing *l, unsigned long long ino, const char *name)
{
	size_t size = strlen(name) + 1;
	struct listed *e = malloc(sizeof(*e) + size);

	if (e && l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct listed **larger = reallocarray(l->list, room, sizeof(*larger));

		if (larger) {
			l->list = larger;
			l->room = room;
		}
	}
	if (!e || l->n == l->room) {
		free(e);
		return -ENOMEM;
	}
	e->ino = ino;
	memcpy(e->name, name, size);
	l->list[l->n++] = e;
	return 0;
}

void listing_settle(struct listing *l)
{
	size_t kept = 0;

	if (!l->n)
		return;
	qsort(l->list, l->n, sizeof(*l->list), by_name);
	for (size_t i = 0; i < l->n; i++)
		if (kept && !strcmp(l->list[kept - 1]->name, l->list[i]->name))
			free(l->list[i]);
		else
			l->list[kept++] = l->list[i];
	l->n = kept;
	qsort(l->list, l->n, sizeof(*l->list), by_inode);
}

int listing_read(int fd, struct listing *out)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* the same open file: O_NOATIME, too */
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;
	int r = 0;

	*out = (struct listing){ NULL };
	if (!d) {
		r = -errno;
		closep(&copy);
		return r;
	}
	while (!r && (errno = 0, e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			r = listing_add(out, e->d_ino, e->d_name);
	if (!r)
		r = -errno;
	closedir(d);
	listing_settle(out);
	return r;
}

void listing_free(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->list[i]);
	free(l->list);
	*l = (struct listing){ NULL };
}
