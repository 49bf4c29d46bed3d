/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CONFIG_KEYS_H
#define EXTENTD_CONFIG_KEYS_H

/* The one table of settings: parsing, defaults, --help, --show-config and the test of the man
 * page all come from it. */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/limits.h"

struct config;

/*
 * X(field, key, default, largest value, is it in bytes, text). Where the largest value is the
 * default, it also sizes something of the protocol and can only be lowered.
 */
#define CONFIG_LIMITS(X)                                                                           \
	X(credit_requests, CreditRequests, LIMIT_CREDIT_REQUESTS, LIMIT_CREDIT_REQUESTS, 0,        \
	  "requests that a session may have unacknowledged")                                       \
	X(credit_bytes, CreditBytes, LIMIT_CREDIT_BYTES, 1024 * MIB, 1,                            \
	  "payload bytes that a session may have unacknowledged")                                  \
	X(files, Files, LIMIT_FILES, LIMIT_FILES, 0, "files that a session may hold open")         \
	X(arenas, Arenas, LIMIT_ARENAS, LIMIT_ARENAS, 0, "arenas that a session may hand over")    \
	X(arena_bytes, ArenaBytes, LIMIT_ARENA_BYTES, 4096 * MIB, 1, "size of one arena")          \
	X(unsettled, Unsettled, LIMIT_UNSETTLED, LIMIT_UNSETTLED, 0,                               \
	  "writes of a session that the kernel has taken and no sync has proved yet")              \
	X(output_bytes, OutputBytes, LIMIT_OUTPUT_BYTES, 16 * MIB, 1,                              \
	  "unread replies of a session beyond which its requests wait")                            \
	X(user_output_bytes, UserOutputBytes, LIMIT_USER_OUTPUT_BYTES, 16384 * MIB, 1,             \
	  "unread replies of one user beyond which a session that has some waits")                 \
	X(user_sessions, UserSessions, LIMIT_USER_SESSIONS, 65536, 0, "sessions of one user")      \
	X(user_files, UserFiles, LIMIT_USER_FILES, 1048576, 0,                                     \
	  "files that all sessions of one user may hold open")                                     \
	X(user_arena_bytes, UserArenaBytes, LIMIT_USER_ARENA_BYTES, 65536 * MIB, 1,                \
	  "bytes of all arenas of one user")                                                       \
	X(user_inline_bytes, UserInlineBytes, LIMIT_USER_INLINE_BYTES, 16384 * MIB, 1,             \
	  "payload bytes of one user held in the daemon's own memory")                             \
	X(held_bytes, HeldBytes, LIMIT_HELD_BYTES, 16384 * MIB, 1,                                 \
	  "payload bytes of all sessions held in the daemon's memory; beyond, it reads no more")   \
	X(requests_total, RequestsTotal, LIMIT_REQUESTS_TOTAL, 1048576, 0,                         \
	  "requests of all sessions that may be under way")                                        \
	X(sessions, Sessions, LIMIT_SESSIONS, 65536, 0, "sessions of the daemon")                  \
	X(files_total, FilesTotal, LIMIT_FILES_TOTAL, 1048576, 0,                                  \
	  "files that the daemon may hold open; keep LimitNOFILE= above it")                       \
	X(hello_seconds, HelloSeconds, LIMIT_HELLO_SECONDS, 3600, 0,                               \
	  "seconds after which a connection that has said nothing is closed")                      \
	X(stop_seconds, StopSeconds, LIMIT_STOP_SECONDS, 3600, 0,                                  \
	  "seconds that writes under way are waited for when the daemon is asked to stop")

enum config_kind {
	CONFIG_WORD,   /* unsigned int: index into words, or its value there */
	CONFIG_NUMBER, /* uint64_t between min and max */
	CONFIG_BYTES,  /* the same with K, M, G */
	CONFIG_PATH,   /* char *, absolute */
	CONFIG_USERS,  /* struct config_ids */
	CONFIG_GROUPS,
	CONFIG_PATHS, /* struct config_names */
	CONFIG_FILESYSTEMS,
};

struct config_word {
	const char *word; /* NULL ends the list */
	unsigned int value;
};

struct config_key {
	const char *section;
	const char *name;
	const char *option;  /* command-line option without "--", or NULL */
	const char *initial; /* the default, as it would stand in the file; NULL: a number */
	uint64_t initial_number;
	const char *text;
	const struct config_word *words;
	uint64_t min, max;
	size_t at; /* in struct config */
	enum config_kind kind;
	bool reload; /* does SIGHUP apply a change? else it waits for a restart */
};

#define CONFIG_KEYS_MAX 64

extern const struct config_key config_keys[];
extern const size_t config_keys_n;

/* NULL if there is no such key. */
const struct config_key *config_key_find(const char *section, const char *name);

/* Puts the default into c. Users and groups in it that this system has not are left out. */
int config_key_reset(const struct config_key *key, struct config *c);

/*
 * Parses value into c; to a list it adds, and an empty value empties it. 0, or -EINVAL or
 * -ENOMEM with the reason, without key and place, in text.
 */
int config_key_set(const struct config_key *key, struct config *c, const char *value, char *text,
		   size_t text_size);

/* Empties a list, releases a string. */
void config_key_clear(const struct config_key *key, struct config *c);

/* The value as the file would say it; cut to size. Returns out. */
const char *config_key_print(const struct config_key *key, const struct config *c, char *out,
			     size_t size);

#endif
