/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The table. A default is written as it would stand in the file and is read by the same code,
 * so there is one notion of what a value means, and the documentation can print the table.
 */

#include <string.h>
#include <sys/un.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "config/config.h"
#include "config/keys.h"

static const struct config_word backends[] = {
	{ "auto", CONFIG_BACKEND_AUTO },
	{ "uring", CONFIG_BACKEND_URING },
	{ "ioctl", CONFIG_BACKEND_IOCTL },
	{ "decode", CONFIG_BACKEND_DECODE },
	{ NULL, 0 },
};

static const struct config_word validations[] = {
	{ "none", CONFIG_VALIDATION_NONE },
	{ "structure", CONFIG_VALIDATION_STRUCTURE },
	{ "full", CONFIG_VALIDATION_FULL },
	{ NULL, 0 },
};

static const struct config_word log_levels[] = {
	{ "error", LOG_ERR }, { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
	{ "info", LOG_INFO }, { "debug", LOG_DEBUG },	  { NULL, 0 },
};

static const struct config_word yes_no[] = {
	{ "yes", 1 }, { "no", 0 },  { "true", 1 }, { "false", 0 },
	{ "on", 1 },  { "off", 0 }, { NULL, 0 },
};

#define KEY(section_, name_, type_, field_)                                                        \
	.section = section_, .name = name_, .kind = type_, .at = offsetof(struct config, field_)

#define LONGEST_SOCKET (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

const struct config_key config_keys[] = {
	{ KEY("Daemon", "Socket", CONFIG_PATH, socket), .option = "socket",
	  .initial = "/run/extentd/extentd.sock", .max = LONGEST_SOCKET,
	  .text = "where to listen when systemd passes no socket" },
	{ KEY("Daemon", "Backend", CONFIG_WORD, backend), .option = "backend", .initial = "auto",
	  .words = backends, .text = "how extents are written; auto takes the first that works" },
	{ KEY("Daemon", "Workers", CONFIG_NUMBER, workers), .initial = "16", .min = 1, .max = 1024,
	  .text = "threads for calls that block" },
	{ KEY("Daemon", "Checkers", CONFIG_NUMBER, checkers), .initial = "0", .max = 1024,
	  .text = "threads that validate payloads; 0 means one for each processor" },
	{ KEY("Daemon", "Batch", CONFIG_NUMBER, batch), .initial = "32", .min = 1, .max = 1024,
	  .reload = true, .text = "extents of a file that are made durable together" },
	{ KEY("Daemon", "LogLevel", CONFIG_WORD, log_level), .option = "log-level",
	  .initial = "info", .words = log_levels, .reload = true,
	  .text = "the least important messages that are logged" },
	{ KEY("Daemon", "Sandbox", CONFIG_WORD, sandbox), .option = "sandbox", .initial = "yes",
	  .words = yes_no, .text = "forbid the system calls that the daemon does not need" },

	{ KEY("Access", "Users", CONFIG_USERS, users), .initial = "root", .reload = true,
	  .text = "users who may connect; the daemon's own user always may" },
	{ KEY("Access", "Groups", CONFIG_GROUPS, groups), .initial = "extentd", .reload = true,
	  .text = "groups whose members may connect" },
	{ KEY("Access", "Validation", CONFIG_WORD, validation), .option = "validation",
	  .initial = "full", .words = validations, .reload = true,
	  .text = "how payloads are checked before they are written" },
	{ KEY("Access", "TrustedUsers", CONFIG_USERS, trusted_users), .initial = "", .reload = true,
	  .text = "users whose payloads are checked by structure only" },
	{ KEY("Access", "TrustedGroups", CONFIG_GROUPS, trusted_groups), .initial = "",
	  .reload = true, .text = "groups whose members' payloads are checked by structure only" },
	{ KEY("Access", "Root", CONFIG_PATHS, roots), .initial = "", .reload = true,
	  .text = "directories beneath which files may be opened by path; none: descriptors only" },
	{ KEY("Access", "Filesystems", CONFIG_FILESYSTEMS, filesystems),
	  .initial = "btrfs ext4 xfs tmpfs", .reload = true,
	  .text = "types of filesystem on which files are taken" },

#define X(field_, name_, initial_, largest, bytes, text_)                                          \
	{ KEY("Limits", #name_, (bytes) ? CONFIG_BYTES : CONFIG_NUMBER, limits.field_),            \
	  .initial_number = initial_,                                                              \
	  .min = 1,                                                                                \
	  .max = largest,                                                                          \
	  .reload = true,                                                                          \
	  .text = text_ },
	CONFIG_LIMITS(X)
#undef X
};

const size_t config_keys_n = ARRAY_SIZE(config_keys);

static_assert(ARRAY_SIZE(config_keys) <= CONFIG_KEYS_MAX, "struct options has room for each");

const struct config_key *config_key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < config_keys_n; i++)
		if (!strcmp(config_keys[i].section, section) && !strcmp(config_keys[i].name, name))
			return &config_keys[i];
	return NULL;
}
