// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A tree of names, with a single hash table over (parent, name) in place of a map in every node. A
 * rename is one node changing its parent. Nodes exist only for paths with times and what is above
 * them; one that has neither times nor children is freed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "receive/later.h"
#include "stream/path.h"

struct node {
	LIST_ENTRY(node) bucket, sibling;
	LIST_HEAD(, node) children;
	struct node *parent; /* NULL for the root only */
	uint64_t hash;
	bool has_times;
	struct later_times times;
	size_t size;
	char name[];
};

LIST_HEAD(bucket, node);

struct later {
	struct node *root;
	struct bucket *buckets;
	size_t mask;  /* number of buckets, a power of two, minus one */
	size_t nodes; /* without the root */
	size_t count; /* with times */
};

static uint64_t name_hash(const struct node *parent, const char *name, size_t size)
{
	uint64_t h = (uintptr_t)parent * 0x9e3779b97f4a7c15ull ^ size;

	while (size--)
		h = (h ^ (unsigned char)*name++) * 0x100000001b3ull;
	return h ^ h >> 29;
}

static void node_link(struct later *l, struct node *n, struct node *parent)
{
	n->parent = parent;
	n->hash = name_hash(parent, n->name, n->size);
	LIST_INSERT_HEAD(&l->buckets[n->hash & l->mask], n, bucket);
	LIST_INSERT_HEAD(&parent->children, n, sibling);
}

static void node_unlink(struct node *n)
{
	LIST_REMOVE(n, bucket);
	LIST_REMOVE(n, sibling);
}

static struct node *node_child(struct later *l, struct node *parent, const char *name, size_t size)
{
	uint64_t h = name_hash(parent, name, size);
	struct node *n;

	LIST_FOREACH(n, &l->buckets[h & l->mask], bucket)
		if (n->hash == h && n->parent == parent && n->size == size &&
		    !memcmp(n->name, name, size))
			return n;
	return NULL;
}

static struct node *node_new(const char *name, size_t size)
{
	struct node *n = calloc(1, sizeof(*n) + size + 1);

	if (n) {
		LIST_INIT(&n->children);
		n->size = size;
		memcpy(n->name, name, size);
	}
	return n;
}

static void table_grow(struct later *l)
{
	size_t count = 2 * (l->mask + 1);
	struct bucket *grown = calloc(count, sizeof(*grown));

	if (!grown)
		return; /* longer chains, nothing worse */
	for (size_t i = 0; i <= l->mask; i++) {
		struct node *n;

		while ((n = LIST_FIRST(&l->buckets[i]))) {
			LIST_REMOVE(n, bucket);
			LIST_INSERT_HEAD(&grown[n->hash & (count - 1)], n, bucket);
		}
	}
	free(l->buckets);
	l->buckets = grown;
	l->mask = count - 1;
}

int later_new(struct later **out)
{
	struct later *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->mask = 1023;
	l->buckets = calloc(l->mask + 1, sizeof(*l->buckets));
	l->root = node_new("", 0);
	if (!l->buckets || !l->root) {
		free(l->root);
		free(l->buckets);
		free(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

/* Frees n and all below; n is not linked any more. A walk, because a stream decides the depth. */
static void node_free(struct later *l, struct node *n)
{
	struct node *top = n, *child;

	while (n) {
		child = LIST_FIRST(&n->children);
		if (child) {
			node_unlink(child);
			child->parent = n;
			n = child;
			continue;
		}
		child = n;
		n = n == top ? NULL : n->parent;
		l->count -= child->has_times;
		l->nodes -= child != l->root;
		free(child);
	}
}

void later_free(struct later *l)
{
	if (!l)
		return;
	node_free(l, l->root);
	free(l->buckets);
	free(l);
}

size_t later_count(const struct later *l)
{
	return l->count;
}

bool later_full(const struct later *l, size_t paths)
{
	return l->count > paths || l->nodes / 4 > paths;
}

/* Frees nodes from n upwards that serve nothing. */
static void node_prune(struct later *l, struct node *n)
{
	while (n != l->root && !n->has_times && LIST_EMPTY(&n->children)) {
		struct node *parent = n->parent;

		node_unlink(n);
		node_free(l, n);
		n = parent;
	}
}

static struct node *node_find(struct later *l, struct stream_string path, bool make)
{
	const char *p = path.data, *end = p + path.size, *slash;
	struct node *n = l->root, *child;

	while (p < end) {
		slash = memchr(p, '/', end - p) ?: end;
		child = node_child(l, n, p, slash - p);
		if (!child) {
			if (!make)
				return NULL;
			child = node_new(p, slash - p);
			if (!child) {
				node_prune(l, n);
				return NULL;
			}
			if (l->nodes++ > l->mask)
				table_grow(l);
			node_link(l, child, n);
		}
		n = child;
		p = slash + 1;
	}
	return n;
}

int later_set(struct later *l, const struct stream_command *c)
{
	struct node *n = node_find(l, c->path, true);

	if (!n)
		return -ENOMEM;
	l->count += !n->has_times;
	n->has_times = true;
	n->times = (struct later_times){ c->atime, c->mtime, c->position };
	return 0;
}

enum later_place later_look(struct later *l, struct stream_string path)
{
	const char *p = path.data, *end = p + path.size, *slash;
	struct node *n = l->root;

	while (p < end && l->count) {
		slash = memchr(p, '/', end - p) ?: end;
		n = node_child(l, n, p, slash - p);
		if (!n)
			break;
		if (n->has_times)
			return slash == end ? LATER_HERE : LATER_ABOVE;
		p = slash + 1;
	}
	return LATER_NONE;
}

bool later_take(struct later *l, struct stream_string path, struct later_times *times)
{
	struct node *n = l->count ? node_find(l, path, false) : NULL;

	if (!n || !n->has_times)
		return false;
	*times = n->times;
	n->has_times = false;
	l->count--;
	node_prune(l, n);
	return true;
}

void later_drop(struct later *l, struct stream_string path)
{
	struct node *n = l->count ? node_find(l, path, false) : NULL, *parent;

	if (!n || n == l->root)
		return;
	parent = n->parent;
	node_unlink(n);
	node_free(l, n);
	node_prune(l, parent);
}

int later_rename(struct later *l, struct stream_string from, struct stream_string to)
{
	const char *slash = memrchr(to.data, '/', to.size);
	struct stream_string above = { to.data, slash ? slash - to.data : 0 };
	const char *name = slash ? slash + 1 : to.data;
	struct node *n, *old, *moved, *parent;
	size_t size = to.data + to.size - name;

	if (from.size == to.size && !memcmp(from.data, to.data, to.size))
		return 0;
	later_drop(l, to);
	n = l->count ? node_find(l, from, false) : NULL;
	if (!n || n == l->root)
		return 0;
	moved = node_new(name, size);
	parent = moved ? node_find(l, above, true) : NULL;
	if (!parent) {
		free(moved);
		return -ENOMEM;
	}
	/* A directory cannot move below itself; the kernel refuses it before it comes to this. */
	for (struct node *up = parent; up; up = up->parent)
		if (up == n) {
			free(moved);
			node_prune(l, parent);
			return 0;
		}
	moved->has_times = n->has_times;
	moved->times = n->times;
	n->has_times = false; /* counted once, now there */
	l->nodes++;
	node_link(l, moved, parent);
	while (!LIST_EMPTY(&n->children)) {
		struct node *child = LIST_FIRST(&n->children);

		node_unlink(child);
		node_link(l, child, moved);
	}
	old = n->parent;
	node_unlink(n);
	node_free(l, n);
	node_prune(l, old);
	return 0;
}

static struct stream_string node_path(const struct node *n, char *buffer, size_t size)
{
	char *p = buffer + size;

	for (; n->parent; n = n->parent) {
		if ((size_t)(p - buffer) < n->size + 1)
			return (struct stream_string){ NULL, 0 };
		p -= n->size;
		memcpy(p, n->name, n->size);
		if (n->parent->parent)
			*--p = '/';
	}
	return (struct stream_string){ p, buffer + size - p };
}

int later_take_all(struct later *l, later_fn fn, void *userdata)
{
	char buffer[STREAM_PATH_MAX + 1];
	int r = 0;

	while (l->count && !r) {
		struct node *n = l->root;
		struct stream_string path;

		while (!LIST_EMPTY(&n->children))
			n = LIST_FIRST(&n->children);
		path = node_path(n, buffer, sizeof(buffer));
		/* Renames can make a path longer than any call takes; nothing can be set there. */
		if (path.data || n == l->root)
			r = fn(userdata, path, &n->times);
		n->has_times = false;
		l->count--;
		node_prune(l, n);
	}
	return r;
}
