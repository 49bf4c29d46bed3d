/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CTL_OPTION_H
#define EXTENTD_CTL_OPTION_H

/*
 * The command line of one command: its table drives parsing, --help, and the tests that hold the
 * man page and the completion against it. --help and --version are in every command.
 */

#include <stdbool.h>
#include <stddef.h>

#define OPTION_DONE	  1 /* --help, --version: printed */
#define OPTION_TABLE_ROOM 48

enum option_kind {
	OPTION_FLAG,   /* bool: true */
	OPTION_CLEAR,  /* bool: false */
	OPTION_STRING, /* const char *, argv's */
	OPTION_NUMBER, /* unsigned long long, with K, M, G */
	OPTION_PARSED, /* option.parse decides */
};

struct command_option {
	const char *name;
	char letter;	      /* or 0 */
	const char *argument; /* its name in help; NULL for flags */
	enum option_kind kind;
	size_t at; /* in the command's values */
	const char *text;
	/* OPTION_PARSED: 0 or -EINVAL; value is NULL for one without an argument. */
	int (*parse)(void *values, const char *value);
};

struct command {
	const char *name;
	const char *arguments; /* as in "SRC... DST" */
	const char *text;
	const struct command_option *options; /* ends with a NULL name; may be NULL */
	int (*run)(int argc, char *argv[]);   /* argv[0] is the command's name; an exit code */
};

/*
 * Fills in values; *first becomes the index of the first argument that is no option. 0,
 * OPTION_DONE, or -EINVAL after the reason was printed.
 */
int option_parse(const struct command *command, int argc, char *argv[], void *values, int *first);

/* A number, perhaps with K, M, G or T (powers of 1024): 0 or -EINVAL. */
int option_number(const char *text, unsigned long long *out);

#endif
