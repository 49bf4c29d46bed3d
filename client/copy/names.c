// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "copy/names.h"

static size_t length_without_slashes(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	return len;
}

/* The last component of the first len bytes; empty for "/". */
static const char *last_component(const char *path, size_t len)
{
	const char *at = path + len;

	while (at > path && at[-1] != '/')
		at--;
	return *at == '/' ? at + 1 : at;
}

static char *directory_part(const char *path, const char *base)
{
	size_t len = (size_t)(base - path);

	if (!len)
		return strdup(".");
	while (len > 1 && path[len - 1] == '/')
		len--;
	return strndup(path, len);
}

int target_find(const char *source, const char *destination, bool is_directory, struct target *out)
{
	const char *path = is_directory ? source : destination;
	size_t len = length_without_slashes(path);
	const char *base = last_component(path, len);
	size_t base_len = (size_t)(path + len - base);
	bool itself =
		is_directory && (!base_len || *base == '/' || (base_len == 1 && base[0] == '.') ||
				 (base_len == 2 && base[0] == '.' && base[1] == '.'));

	out->parent = is_directory ? strdup(destination) : directory_part(path, base);
	out->name = itself ? NULL : strndup(base, base_len);
	if (out->parent && (itself || out->name))
		return 0;
	target_free(out);
	return -ENOMEM;
}

void target_free(struct target *t)
{
	free(t->parent);
	free(t->name);
	t->parent = t->name = NULL;
}
