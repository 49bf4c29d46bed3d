// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "ctl/option.h"
#include "replicate/settings.h"

struct reading {
	struct settings *settings;
	FILE *file;
	char reason[256]; /* of the first error; empty: none */
};

enum kind { TEXT, NUMBER, SWITCH, TARGET };

#define AT(field) offsetof(struct settings, field)

/* The man page extentd-replicate.conf(5) has the same list, and a test compares them. */
static const struct {
	const char *name;
	enum kind kind;
	size_t at;
} keys[] = {
	{ "Source", TEXT, AT(source) },
	{ "Snapshots", TEXT, AT(snapshots) },
	{ "Target", TARGET, 0 },
	{ "Rsh", TEXT, AT(rsh) },
	{ "RemoteProgram", TEXT, AT(program) },
	{ "BandwidthLimit", NUMBER, AT(bwlimit) },
	{ "Retries", NUMBER, AT(retries) },
	{ "RetryWait", NUMBER, AT(retry_wait) },
	{ "Keep", NUMBER, AT(keep) },
	{ "Checkpoint", NUMBER, AT(checkpoint) },
	{ "Metrics", TEXT, AT(metrics) },
	{ "TrustSource", SWITCH, AT(trust) },
};

static int set_switch(bool *at, const char *value)
{
	if (!strcasecmp(value, "yes") || !strcasecmp(value, "true") || !strcmp(value, "1"))
		*at = true;
	else if (!strcasecmp(value, "no") || !strcasecmp(value, "false") || !strcmp(value, "0"))
		*at = false;
	else
		return -EINVAL;
	return 0;
}

static int keep(struct settings *s, const char *value, const char **at)
{
	if (s->string_count == SETTINGS_STRINGS)
		return -E2BIG;
	*at = s->strings[s->string_count] = strdup(value);
	if (!*at)
		return -ENOMEM;
	s->string_count++;
	return 0;
}

static int set(struct settings *s, size_t key, const char *value)
{
	void *at = (char *)s + keys[key].at;

	switch (keys[key].kind) {
	case TEXT:
		return *value ? keep(s, value, at) : -EINVAL;
	case NUMBER:
		return option_number(value, at);
	case SWITCH:
		return set_switch(at, value);
	case TARGET:
		if (s->target_count == SETTINGS_TARGETS)
			return -E2BIG;
		return *value ? keep(s, value, &s->targets[s->target_count++]) : -EINVAL;
	}
	return -EINVAL;
}

/* For inih, which goes on after errors and returns the line of the first. 1 is success. */
static int assign(void *user, const char *section, const char *name, const char *value)
{
	struct reading *r = user;
	int e;

	if (*r->reason)
		return 0;
	if (strcmp(section, "Replicate")) {
		snprintf(r->reason, sizeof(r->reason), "there is only one section, [Replicate]");
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, name))
			continue;
		e = set(r->settings, i, value);
		if (e)
			snprintf(r->reason, sizeof(r->reason), "%s: \"%.100s\": %s", name, value,
				 strerror(-e));
		return !e;
	}
	snprintf(r->reason, sizeof(r->reason), "there is no key \"%.100s\"", name);
	return 0;
}

/* inih would take the rest of a long line for a line of its own. */
static char *read_line(char *line, int size, void *user)
{
	struct reading *r = user;

	if (!fgets(line, size, r->file))
		return NULL;
	if (!strchr(line, '\n') && !feof(r->file) && !*r->reason) {
		snprintf(r->reason, sizeof(r->reason), "the line is longer than %d bytes",
			 size - 2);
		snprintf(line, (size_t)size, "?\n");
	}
	return line;
}

int settings_read(struct settings *s, const char *path)
{
	_cleanup_(fclosep) FILE *file = fopen(path, "re");
	struct reading r = { .settings = s, .file = file };
	int line;

	if (!file) {
		fprintf(stderr, "extentctl: %s: %s\n", path, strerror(errno));
		return -errno;
	}
	line = ini_parse_stream(read_line, &r, assign, &r);
	if (!line && !*r.reason)
		return 0;
	fprintf(stderr, "extentctl: %s:%d: %s\n", path, line,
		*r.reason ? r.reason : "this is neither [Replicate] nor Key=value nor a # comment");
	return -EINVAL;
}

void settings_free(struct settings *s)
{
	while (s->string_count)
		free(s->strings[--s->string_count]);
}
