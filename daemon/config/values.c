/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How a value of each kind is read, printed and released. */

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "config/config.h"
#include "config/filesystems.h"
#include "config/keys.h"

struct reason {
	char *text;
	size_t size;
	bool lenient; /* leave out unknown users and groups */
};

__attribute__((format(printf, 2, 3))) static int bad(struct reason *r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(r->text, r->size, format, ap);
	va_end(ap);
	return -EINVAL;
}

static void *field_of(const struct config_key *key, const struct config *c)
{
	return (char *)(uintptr_t)c + key->at;
}

static int set_word(const struct config_key *key, unsigned int *out, const char *value,
		    struct reason *r)
{
	char known[256] = "";

	for (const struct config_word *w = key->words; w->word; w++) {
		if (!strcasecmp(w->word, value)) {
			*out = w->value;
			return 0;
		}
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s",
			 *known ? ", " : "", w->word);
	}
	return bad(r, "\"%s\" is not one of: %s", value, known);
}

static int set_number(const struct config_key *key, uint64_t *out, const char *value,
		      struct reason *r)
{
	static const char suffixes[] = "KMG";
	unsigned long long n;
	char *end;

	/* strtoull() would take a sign and wrap it round. */
	if (!isdigit((unsigned char)*value))
		return bad(r, "\"%s\" is not a number", value);
	errno = 0;
	n = strtoull(value, &end, 10);
	if (key->kind == CONFIG_BYTES && *end) {
		const char *s = strchr(suffixes, toupper((unsigned char)*end));

		if (s) {
			if (__builtin_mul_overflow(n, 1ULL << (10 * (s - suffixes + 1)), &n))
				errno = ERANGE;
			end++;
		}
	}
	if (*end)
		return bad(r, "\"%s\" is not a number%s", value,
			   key->kind == CONFIG_BYTES ? " of bytes (K, M or G may follow)" : "");
	if (errno || n < key->min || n > key->max)
		return bad(r, "%s is not between %llu and %llu", value,
			   (unsigned long long)key->min, (unsigned long long)key->max);
	*out = n;
	return 0;
}

static int add_id(struct config_ids *ids, uint32_t id)
{
	uint32_t *grown = reallocarray(ids->id, ids->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	grown[ids->n++] = id;
	ids->id = grown;
	return 0;
}

static int add_name(struct config_names *names, const char *name)
{
	char **grown = reallocarray(names->name, names->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	names->name = grown;
	grown[names->n] = strdup(name);
	if (!grown[names->n])
		return -ENOMEM;
	names->n++;
	return 0;
}

static int add_user_or_group(const struct config_key *key, struct config_ids *ids, const char *name,
			     struct reason *r)
{
	bool user = key->kind == CONFIG_USERS;
	unsigned long number;
	char *end;

	if (isdigit((unsigned char)*name)) {
		errno = 0;
		number = strtoul(name, &end, 10);
		if (*end || errno || number >= UINT32_MAX) /* the last one means "none" */
			return bad(r, "\"%s\" is neither a name nor a valid number", name);
		return add_id(ids, (uint32_t)number);
	}
	if (user) {
		const struct passwd *p = getpwnam(name);

		if (p)
			return add_id(ids, p->pw_uid);
	} else {
		const struct group *g = getgrnam(name);

		if (g)
			return add_id(ids, g->gr_gid);
	}
	return r->lenient ? 0 : bad(r, "there is no %s \"%s\"", user ? "user" : "group", name);
}

static int add_path(struct config_names *paths, char *path, struct reason *r)
{
	size_t n = strlen(path);

	if (path[0] != '/')
		return bad(r, "\"%s\" is not an absolute path", path);
	while (n > 1 && path[n - 1] == '/')
		path[--n] = 0;
	return add_name(paths, path);
}

static int add_filesystem(struct config_names *names, char *name, struct reason *r)
{
	uint64_t magic;

	if (!filesystem_magic(name, &magic))
		return bad(r, "unknown filesystem \"%s\"; known are: %s", name, filesystem_names());
	return add_name(names, name);
}

static int add_item(const struct config_key *key, void *field, char *item, struct reason *r)
{
	switch (key->kind) {
	case CONFIG_PATHS:
		return add_path(field, item, r);
	case CONFIG_FILESYSTEMS:
		return add_filesystem(field, item, r);
	default:
		return add_user_or_group(key, field, item, r);
	}
}

/* Words in double quotes may hold blanks: directories' names do. */
static int set_list(const struct config_key *key, struct config *c, const char *value,
		    struct reason *r)
{
	_cleanup_(freep) char *copy = strdup(value);
	char *at = copy;
	int error;

	if (!copy)
		return -ENOMEM;
	if (!*value)
		config_key_clear(key, c);
	for (;;) {
		const char *stop = " \t";
		char *item;

		at += strspn(at, " \t");
		if (!*at)
			return 0;
		if (*at == '"') {
			stop = "\"";
			at++;
			if (!strchr(at, '"'))
				return bad(r, "a quotation mark is missing in: %s", value);
		}
		item = at;
		at += strcspn(at, stop);
		if (*at)
			*at++ = 0;
		error = add_item(key, field_of(key, c), item, r);
		if (error)
			return error;
	}
}

static int set_path(const struct config_key *key, char **out, const char *value, struct reason *r)
{
	char *copy;

	if (value[0] != '/')
		return bad(r, "\"%s\" is not an absolute path", value);
	if (key->max && strlen(value) > key->max)
		return bad(r, "\"%s\" is longer than %llu bytes", value,
			   (unsigned long long)key->max);
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*out);
	*out = copy;
	return 0;
}

static int set(const struct config_key *key, struct config *c, const char *value, struct reason *r)
{
	void *field = field_of(key, c);

	switch (key->kind) {
	case CONFIG_WORD:
		return set_word(key, field, value, r);
	case CONFIG_NUMBER:
	case CONFIG_BYTES:
		return set_number(key, field, value, r);
	case CONFIG_PATH:
		return set_path(key, field, value, r);
	default:
		return set_list(key, c, value, r);
	}
}

int config_key_set(const struct config_key *key, struct config *c, const char *value, char *text,
		   size_t text_size)
{
	struct reason r = { .text = text, .size = text_size };
	int error = set(key, c, value, &r);

	if (error == -ENOMEM)
		snprintf(text, text_size, "out of memory");
	return error;
}

int config_key_reset(const struct config_key *key, struct config *c)
{
	char ignored[128];
	struct reason r = { .text = ignored, .size = sizeof(ignored), .lenient = true };

	config_key_clear(key, c);
	if (!key->initial) {
		*(uint64_t *)field_of(key, c) = key->initial_number;
		return 0;
	}
	return set(key, c, key->initial, &r);
}

void config_key_clear(const struct config_key *key, struct config *c)
{
	struct config_names *names = field_of(key, c);
	struct config_ids *ids = field_of(key, c);
	char **string = field_of(key, c);

	switch (key->kind) {
	case CONFIG_PATH:
		free(*string);
		*string = NULL;
		break;
	case CONFIG_USERS:
	case CONFIG_GROUPS:
		free(ids->id);
		*ids = (struct config_ids){ 0 };
		break;
	case CONFIG_PATHS:
	case CONFIG_FILESYSTEMS:
		for (size_t i = 0; i < names->n; i++)
			free(names->name[i]);
		free(names->name);
		*names = (struct config_names){ 0 };
		break;
	default:
		break;
	}
}

static const char *print_number(uint64_t n, bool bytes, char *out, size_t size)
{
	const char *suffix = "";

	if (bytes && n && n % (1024 * MIB) == 0)
		n /= 1024 * MIB, suffix = "G";
	else if (bytes && n && n % MIB == 0)
		n /= MIB, suffix = "M";
	else if (bytes && n && n % KIB == 0)
		n /= KIB, suffix = "K";
	snprintf(out, size, "%llu%s", (unsigned long long)n, suffix);
	return out;
}

const char *config_key_print(const struct config_key *key, const struct config *c, char *out,
			     size_t size)
{
	const struct config_names *names = field_of(key, c);
	const struct config_ids *ids = field_of(key, c);
	size_t used = 0;

	*out = 0;
	switch (key->kind) {
	case CONFIG_WORD:
		for (const struct config_word *w = key->words; w->word; w++)
			if (w->value == *(unsigned int *)field_of(key, c)) {
				snprintf(out, size, "%s", w->word);
				break;
			}
		break;
	case CONFIG_NUMBER:
	case CONFIG_BYTES:
		return print_number(*(uint64_t *)field_of(key, c), key->kind == CONFIG_BYTES, out,
				    size);
	case CONFIG_PATH:
		snprintf(out, size, "%s", *(char **)field_of(key, c));
		break;
	case CONFIG_USERS:
	case CONFIG_GROUPS:
		for (size_t i = 0; i < ids->n && used < size; i++)
			used += (size_t)snprintf(out + used, size - used, "%s%u", i ? " " : "",
						 ids->id[i]);
		break;
	case CONFIG_PATHS:
	case CONFIG_FILESYSTEMS:
		for (size_t i = 0; i < names->n && used < size; i++) {
			const char *q = strpbrk(names->name[i], " \t") ? "\"" : "";

			used += (size_t)snprintf(out + used, size - used, "%s%s%s%s", i ? " " : "",
						 q, names->name[i], q);
		}
		break;
	}
	return out;
}
