// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/option.h"

#define LONG_ONLY 1000 /* what getopt_long() returns for the i-th option: LONG_ONLY + i */

static void print_help(const struct command *command)
{
	printf("extentctl %s [OPTION...]%s%s\n\n%s\n\n", command->name,
	       *command->arguments ? " " : "", command->arguments, command->text);
	for (const struct command_option *o = command->options; o && o->name; o++) {
		char letter[] = { '-', o->letter, ',', ' ', 0 };

		printf("  %s--%s%s%s\n\t%s\n", o->letter ? letter : "", o->name,
		       o->argument ? " " : "", o->argument ? o->argument : "", o->text);
	}
	printf("  --help\n  --version\n\nSee extentctl(1).\n");
}

int option_number(const char *text, unsigned long long *out)
{
	static const char units[] = "KMGT";
	unsigned long long n;
	const char *unit;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *text == '-')
		return -EINVAL;
	unit = *end ? strchr(units, *end) : NULL;
	if (*end && (!unit || end[1]))
		return -EINVAL;
	for (const char *u = units; unit && u <= unit; u++)
		if (__builtin_mul_overflow(n, 1024ULL, &n))
			return -EINVAL;
	*out = n;
	return 0;
}

static int option_set(const struct command *command, const struct command_option *o, void *values,
		      const char *argument)
{
	void *at = (char *)values + o->at;
	int err = 0;

	switch (o->kind) {
	case OPTION_FLAG:
		*(bool *)at = true;
		break;
	case OPTION_CLEAR:
		*(bool *)at = false;
		break;
	case OPTION_STRING:
		*(const char **)at = argument;
		break;
	case OPTION_NUMBER:
		err = option_number(argument, at);
		break;
	case OPTION_PARSED:
		err = o->parse(values, argument);
		break;
	}
	if (err < 0)
		fprintf(stderr, "extentctl %s: --%s: \"%s\" is not %s; try --help\n", command->name,
			o->name, argument ? argument : "", o->argument ? o->argument : "possible");
	return err;
}

int option_parse(const struct command *command, int argc, char *argv[], void *values, int *first)
{
	struct option known[OPTION_TABLE_ROOM + 3] = { { NULL } };
	char letters[2 * OPTION_TABLE_ROOM + 1] = "", *letter = letters;
	const struct command_option *table = command->options;
	size_t n = 0;
	int c, err = 0;

	for (; table && table[n].name && n < OPTION_TABLE_ROOM; n++) {
		known[n] = (struct option){ table[n].name, table[n].argument ? 1 : 0, NULL,
					    LONG_ONLY + (int)n };
		if (table[n].letter) {
			*letter++ = table[n].letter;
			if (table[n].argument)
				*letter++ = ':';
		}
	}
	known[n] = (struct option){ "help", 0, NULL, LONG_ONLY + (int)n };
	known[n + 1] = (struct option){ "version", 0, NULL, LONG_ONLY + (int)n + 1 };

	optind = 1;
	while (!err && (c = getopt_long(argc, argv, letters, known, NULL)) != -1) {
		size_t i = (size_t)(c - LONG_ONLY);

		if (c == '?')
			return -EINVAL;
		if (c < LONG_ONLY)
			for (i = 0; table[i].letter != c; i++)
				;
		if (i == n) {
			print_help(command);
			return OPTION_DONE;
		}
		if (i == n + 1) {
			printf("extentctl %s\n", EXTENTD_VERSION);
			return OPTION_DONE;
		}
		err = option_set(command, &table[i], values, optarg);
	}
	*first = optind;
	return err;
}
