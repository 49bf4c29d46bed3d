/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CONFIG_H
#define EXTENTD_CONFIG_H

/*
 * What the administrator decided. A struct config is filled in three layers, each over the one
 * before: the defaults of keys.c, the file, the command line. It never changes afterwards: a
 * reload makes a new one, and what must not change under way (struct config_key, reload) is
 * compared and kept by the caller. All functions may be called from any thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "config/keys.h"

struct options;

#define CONFIG_DEFAULT_FILE "/etc/extentd/extentd.conf"
#define CONFIG_TEXT_BYTES   1024

enum config_backend { /* the values of enum wire_backend, and 0 */
		      CONFIG_BACKEND_AUTO = 0,
		      CONFIG_BACKEND_URING = 1,
		      CONFIG_BACKEND_IOCTL = 2,
		      CONFIG_BACKEND_DECODE = 3,
};

enum config_validation { /* the values that HELLO_REPLY carries */
			 CONFIG_VALIDATION_NONE = 0,
			 CONFIG_VALIDATION_STRUCTURE = 1,
			 CONFIG_VALIDATION_FULL = 2,
};

struct config_ids { /* of users or groups */
	size_t n;
	uint32_t *id;
};

struct config_names {
	size_t n;
	char **name;
};

struct config {
	char *socket;
	unsigned int backend;	/* enum config_backend */
	uint64_t workers;	/* threads for calls that block */
	uint64_t checkers;	/* threads for validation; never 0 */
	uint64_t batch;		/* extents that share one sync */
	unsigned int log_level; /* LOG_ERR ... LOG_DEBUG */
	unsigned int sandbox;	/* 1: filter system calls after start-up */

	struct config_ids users, groups;
	struct config_ids trusted_users, trusted_groups;
	unsigned int validation;	 /* enum config_validation */
	struct config_names roots;	 /* absolute, no trailing slash but for "/" */
	struct config_names filesystems; /* names of filesystems.c, lower case */

#define X(field, ...) uint64_t field;
	struct {
		CONFIG_LIMITS(X)
	} limits;
#undef X
};

/*
 * Defaults, then the file that options name (a missing default file is no error, and there is
 * none for a private daemon), then the options. *out is the caller's. On failure a negative
 * errno, and text holds a message with file and line.
 */
int config_load(const struct options *options, struct config **out, char text[CONFIG_TEXT_BYTES]);
void config_free(struct config *c); /* NULL is allowed */
void config_freep(struct config **c);

/* Prints the whole configuration as a commented file that config_load() takes. */
void config_print(const struct config *c, FILE *out);

/* May this peer connect? Its groups are gid and groups together. */
bool config_may_connect(const struct config *c, uid_t uid, gid_t gid, const gid_t *groups,
			size_t n);

/* enum config_validation for what this peer sends. Being root changes nothing. */
unsigned int config_validation_for(const struct config *c, uid_t uid, gid_t gid,
				   const gid_t *groups, size_t n);

/* Are files of this type (statfs f_type) taken? */
bool config_takes_filesystem(const struct config *c, uint64_t magic);

/*
 * The longest root that path lies beneath, and in *rest what follows it, without a leading
 * slash; NULL if there is none. Compares text only: resolving is open_beneath()'s business.
 */
const char *config_root_of(const struct config *c, const char *path, const char **rest);

#endif
