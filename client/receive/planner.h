/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_PLANNER_H
#define EXTENTD_RECEIVE_PLANNER_H

/*
 * Turns the commands of a stream into fewer and cheaper steps. A pure function with a bounded
 * window: it never looks at a filesystem. planner.c has the rules and why each is legal.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "receive/later.h"
#include "stream/command.h"

enum action_type {
	/* Make what command (MKFILE … SYMLINK) says at path. Where a name is in the way there,
	 * or where path's directory hands something down that the root does not (default ACL,
	 * setgid, properties), make it at command->path and rename it. */
	ACTION_MAKE,
	/* What is known to be said last of the inode just made. */
	ACTION_FINISH,
	/* Times that were kept for later. */
	ACTION_TIMES,
	/* command as it stands. */
	ACTION_COMMAND,
};

enum {
	ACTION_OWNER = 1,
	ACTION_MODE = 2,
	ACTION_SET_TIMES = 4,
};

struct action {
	enum action_type type;
	const struct stream_command *command; /* NULL for TIMES */
	uint64_t position;		      /* in the stream, for messages */
	struct stream_string path;
	unsigned int set; /* MAKE: known ahead. FINISH, TIMES: to be set */
	mode_t mode;	  /* permission bits and setuid, setgid, sticky */
	bool cut;	  /* COMMAND: write; first cut a longer file where the extent starts */
	uint64_t uid, gid;
	struct timespec atime, mtime;
};

/* The action and what it points to are valid during the call. Non-zero ends planning. */
typedef int (*action_fn)(void *userdata, const struct action *a);

/* The window, in commands and in bytes on the wire. */
#define PLANNER_COMMANDS 64
#define PLANNER_BYTES	 (512u << 10)
/* Paths whose times are kept for later; when there are more, all are set at once. */
#define PLANNER_LATER 65536

struct planner;

/* literal: every command becomes an ACTION_COMMAND at once. */
int planner_new(bool literal, action_fn emit, void *userdata, struct planner **out);
void planner_free(struct planner *p);

/* 0, or what emit returned, or -ENOMEM. Keeps a reference to the command's block. */
int planner_push(struct planner *p, const struct stream_command *c);
/* Emits all that is held back. */
int planner_flush(struct planner *p);

#endif
