/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_OPTIONS_H
#define EXTENTD_OPTIONS_H

/* The command line. Settings that it may override are those whose config_key has an option. */

#include <stdbool.h>

#include "config/keys.h"

#define OPTIONS_DONE 1 /* --help and its like: all is printed, exit with 0 */

struct options {
	const char *config_file; /* never NULL */
	bool config_named;	 /* by --config: then it must exist */
	int session_fd;		 /* serve this one session and exit (a private daemon), or -1 */
	const char *given[CONFIG_KEYS_MAX]; /* by index into config_keys: the argument, or NULL */
};

/*
 * 0, OPTIONS_DONE, or -EINVAL after the reason was printed to stderr. The strings are argv's.
 */
int options_parse(int argc, char *argv[], struct options *out);

#endif
