/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The layers of a configuration put together, and the questions that are asked of it. */

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "config/config.h"
#include "config/filesystems.h"
#include "config/options.h"

struct reading {
	struct config *config;
	FILE *file;
	char reason[CONFIG_TEXT_BYTES / 2];
	int error;		    /* the first one; nothing is assigned after it */
	bool seen[CONFIG_KEYS_MAX]; /* assigned by this file already */
};

static bool section_exists(const char *section)
{
	for (size_t i = 0; i < config_keys_n; i++)
		if (!strcmp(config_keys[i].section, section))
			return true;
	return false;
}

static int refuse_key(struct reading *r, const char *section, const char *name)
{
	if (!*section)
		snprintf(r->reason, sizeof(r->reason), "\"%s\" stands before any section", name);
	else if (!section_exists(section))
		snprintf(r->reason, sizeof(r->reason), "there is no section [%s]", section);
	else
		snprintf(r->reason, sizeof(r->reason), "there is no key \"%s\" in [%s]", name,
			 section);
	return -EINVAL;
}

/* For inih, which goes on after errors and returns the line of the first. 1 is success. */
static int assign(void *user, const char *section, const char *name, const char *value)
{
	struct reading *r = user;
	const struct config_key *key = config_key_find(section, name);

	if (r->error)
		return 0;
	if (!key) {
		r->error = refuse_key(r, section, name);
		return 0;
	}
	if (!r->seen[key - config_keys]) {
		r->seen[key - config_keys] = true;
		config_key_clear(key, r->config);
	}
	r->error = config_key_set(key, r->config, value, r->reason, sizeof(r->reason));
	if (r->error) {
		size_t n = strlen(key->name);

		/* "Key: reason" */
		if (n + 2 + strlen(r->reason) < sizeof(r->reason)) {
			memmove(r->reason + n + 2, r->reason, strlen(r->reason) + 1);
			memcpy(r->reason, key->name, n);
			memcpy(r->reason + n, ": ", 2);
		}
	}
	return !r->error;
}

/* inih would take the rest of a line that is longer than its buffer for a line of its own. */
static char *read_line(char *line, int size, void *user)
{
	struct reading *r = user;

	if (!fgets(line, size, r->file))
		return NULL;
	if (!strchr(line, '\n') && !feof(r->file) && !r->error) {
		r->error = -EINVAL;
		snprintf(r->reason, sizeof(r->reason),
			 "the line is longer than %d bytes: lists may be continued by repeating "
			 "their key",
			 size - 2);
		snprintf(line, (size_t)size, "?\n"); /* no assignment: inih notes the line */
	}
	return line;
}

static int read_file(const char *path, bool must_exist, struct config *c,
		     char text[CONFIG_TEXT_BYTES])
{
	_cleanup_(fclosep) FILE *file = fopen(path, "re");
	struct reading r = { .config = c, .file = file };
	int line, error = -errno;

	if (!file) {
		if (error == -ENOENT && !must_exist)
			return 0;
		snprintf(text, CONFIG_TEXT_BYTES, "%s: cannot be read: %s", path, strerror(-error));
		return error;
	}
	line = ini_parse_stream(read_line, &r, assign, &r);
	if (ferror(file)) {
		snprintf(text, CONFIG_TEXT_BYTES, "%s: cannot be read: %s", path, strerror(errno));
		return -EIO;
	}
	if (line == 0 && !r.error)
		return 0;
	if (line < 0)
		return -ENOMEM;
	if (!r.error)
		snprintf(r.reason, sizeof(r.reason),
			 "this is neither [Section] nor Key=value nor a # comment");
	snprintf(text, CONFIG_TEXT_BYTES, "%s:%d: %s", path, line, r.reason);
	return r.error ? r.error : -EINVAL;
}

static int set_options(const struct options *options, struct config *c,
		       char text[CONFIG_TEXT_BYTES])
{
	char reason[CONFIG_TEXT_BYTES / 2];

	for (size_t i = 0; i < config_keys_n; i++) {
		int error;

		if (!options->given[i])
			continue;
		config_key_clear(&config_keys[i], c);
		error = config_key_set(&config_keys[i], c, options->given[i], reason,
				       sizeof(reason));
		if (error) {
			snprintf(text, CONFIG_TEXT_BYTES, "--%s: %s", config_keys[i].option,
				 reason);
			return error;
		}
	}
	return 0;
}

int config_load(const struct options *options, struct config **out, char text[CONFIG_TEXT_BYTES])
{
	_cleanup_(config_freep) struct config *c = calloc(1, sizeof(*c));
	int error = c ? 0 : -ENOMEM;

	for (size_t i = 0; !error && i < config_keys_n; i++)
		error = config_key_reset(&config_keys[i], c);
	/* A private daemon depends on its command line alone: it serves who started it. */
	if (!error && (options->session_fd < 0 || options->config_named))
		error = read_file(options->config_file, options->config_named, c, text);
	if (!error)
		error = set_options(options, c, text);
	if (error == -ENOMEM)
		snprintf(text, CONFIG_TEXT_BYTES, "out of memory for the configuration");
	if (error)
		return error;
	if (!c->checkers) {
		long cpus = sysconf(_SC_NPROCESSORS_ONLN);

		c->checkers = cpus > 0 ? (uint64_t)cpus : 1;
	}
	*out = steal_ptr(&c);
	return 0;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < config_keys_n; i++)
		config_key_clear(&config_keys[i], c);
	free(c);
}

void config_freep(struct config **c)
{
	config_free(*c);
}

void config_print(const struct config *c, FILE *out)
{
	const char *section = "";
	char value[4096];

	for (size_t i = 0; i < config_keys_n; i++) {
		const struct config_key *key = &config_keys[i];

		if (strcmp(section, key->section))
			fprintf(out, "%s[%s]\n", i ? "\n" : "", key->section);
		section = key->section;
		fprintf(out, "# %s\n%s=%s\n", key->text, key->name,
			config_key_print(key, c, value, sizeof(value)));
	}
}

static bool ids_have(const struct config_ids *ids, uint32_t id)
{
	for (size_t i = 0; i < ids->n; i++)
		if (ids->id[i] == id)
			return true;
	return false;
}

static bool ids_have_any(const struct config_ids *ids, gid_t gid, const gid_t *groups, size_t n)
{
	if (ids_have(ids, gid))
		return true;
	for (size_t i = 0; i < n; i++)
		if (ids_have(ids, groups[i]))
			return true;
	return false;
}

bool config_may_connect(const struct config *c, uid_t uid, gid_t gid, const gid_t *groups, size_t n)
{
	return uid == geteuid() || ids_have(&c->users, uid) ||
	       ids_have_any(&c->groups, gid, groups, n);
}

unsigned int config_validation_for(const struct config *c, uid_t uid, gid_t gid,
				   const gid_t *groups, size_t n)
{
	if (c->validation == CONFIG_VALIDATION_FULL &&
	    (ids_have(&c->trusted_users, uid) || ids_have_any(&c->trusted_groups, gid, groups, n)))
		return CONFIG_VALIDATION_STRUCTURE;
	return c->validation;
}

bool config_takes_filesystem(const struct config *c, uint64_t magic)
{
	for (size_t i = 0; i < c->filesystems.n; i++) {
		uint64_t known;

		if (filesystem_magic(c->filesystems.name[i], &known) && known == (uint32_t)magic)
			return true;
	}
	return false;
}

const char *config_root_of(const struct config *c, const char *path, const char **rest)
{
	const char *best = NULL;
	size_t best_n = 0;

	for (size_t i = 0; i < c->roots.n; i++) {
		const char *root = c->roots.name[i];
		size_t n = strcmp(root, "/") ? strlen(root) : 0;

		if (strncmp(path, root, n) || path[n] != '/' || (best && n < best_n))
			continue;
		best = root;
		best_n = n;
	}
	if (best)
		for (*rest = path + best_n; **rest == '/'; (*rest)++)
			;
	return best;
}
