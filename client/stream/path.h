/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STREAM_PATH_H
#define EXTENTD_STREAM_PATH_H

/*
 * Which paths of a stream may be used at all. This is about spelling only; that no symlink leads
 * out of the target is the business of whoever opens the path (openat2 with RESOLVE_BENEATH and
 * RESOLVE_NO_SYMLINKS).
 *
 * Every accepted path is the only spelling of its object: no ".", no "//", no trailing slash. The
 * planner depends on it, it compares paths as strings.
 */

#include <limits.h>
#include <stddef.h>

#define STREAM_PATH_MAX (PATH_MAX - 1u) /* bytes, without the NUL that system calls want */
#define STREAM_NAME_MAX 255u		/* BTRFS_NAME_LEN */

#define PATH_VERDICTS(X)                                                                           \
	X(OK, "fine")                                                                              \
	X(EMPTY, "is empty")                                                                       \
	X(ABSOLUTE, "is absolute")                                                                 \
	X(COMPONENT, "has an empty component")                                                     \
	X(DOT, "has a \".\" component")                                                            \
	X(DOTDOT, "has a \"..\" component")                                                        \
	X(NAME, "has a component longer than 255 bytes")                                           \
	X(LENGTH, "is longer than 4095 bytes")                                                     \
	X(NUL, "contains a NUL byte")                                                              \
	X(SLASH, "is not a single name")

enum path_verdict {
#define X(name, text) PATH_##name,
	PATH_VERDICTS(X)
#undef X
		PATH_VERDICT_COUNT
};

/* A path below the subvolume; empty means its root. */
enum path_verdict path_check(const char *path, size_t size);
/* The name of something to be made, moved or removed: the root itself is refused too. */
enum path_verdict path_check_entry(const char *path, size_t size);
/* The name of a subvolume: one component. */
enum path_verdict path_check_name(const char *name, size_t size);
/* What a symlink holds: never followed, so any spelling goes. */
enum path_verdict path_check_target(const char *target, size_t size);

/* Continues "path x ...". */
const char *path_verdict_text(enum path_verdict v);

#endif
