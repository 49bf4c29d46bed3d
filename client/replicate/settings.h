/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REPLICATE_SETTINGS_H
#define EXTENTD_REPLICATE_SETTINGS_H

/* What a replication is to do: from the command line, or from NAME.conf. */

#include <stdbool.h>
#include <stddef.h>

#define SETTINGS_TARGETS 64 /* for more there are relays: docs/REPLICATION.md */
#define SETTINGS_STRINGS (SETTINGS_TARGETS + 16)

struct settings {
	const char *source, *snapshots;
	const char *targets[SETTINGS_TARGETS];
	size_t target_count;
	const char *rsh, *program;	 /* as in struct rsh */
	const char *metrics;		 /* a file, or NULL */
	unsigned long long bwlimit;	 /* bytes a second, 0: none */
	unsigned long long retries;	 /* attempts in a row that get nowhere */
	unsigned long long retry_wait;	 /* seconds before the second one; then twice that */
	unsigned long long keep;	 /* snapshots at the source, 0: all */
	unsigned long long checkpoint;	 /* bytes, 0: by time only */
	bool trust;			 /* the far side checks only the structure of extents */
	char *strings[SETTINGS_STRINGS]; /* owned: those of a file */
	size_t string_count;
};

/* Reads path over what is there. 0, or a negative errno after the reason was told with its line. */
int settings_read(struct settings *s, const char *path);
void settings_free(struct settings *s);

#endif
