/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "config/config.h"
#include "config/options.h"

enum { /* what getopt_long() returns; keys follow */
       OPTION_CONFIG = 1000,
       OPTION_SESSION,
       OPTION_SHOW,
       OPTION_HELP,
       OPTION_VERSION,
       OPTION_KEYS,
};

static const struct option fixed[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "session-fd", required_argument, NULL, OPTION_SESSION },
	{ "show-config", no_argument, NULL, OPTION_SHOW },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
};

/* "PATH", or "auto|uring|..." */
static const char *argument_of(const struct config_key *key, char *out, size_t size)
{
	size_t used = 0;

	if (!key->words)
		return "PATH";
	for (const struct config_word *w = key->words; w->word && used < size; w++) {
		/* One word for each value is enough. */
		if (w != key->words && !strcmp(key->initial, "yes") && w->value == 1)
			break;
		used += (size_t)snprintf(out + used, size - used, "%s%s", used ? "|" : "", w->word);
	}
	return out;
}

static void print_help(void)
{
	printf("extentd [OPTION...]\n\n"
	       "Takes compressed extents over a unix socket, writes them to btrfs as they are, "
	       "and\n"
	       "acknowledges each when it is safe on disk.\n\n"
	       "  --config FILE\n\tread FILE instead of " CONFIG_DEFAULT_FILE "\n"
	       "  --session-fd N\n\tserve one session on the connected socket N and exit at its "
	       "end\n"
	       "  --show-config\n\tprint the configuration that results, with all defaults\n"
	       "  --help\n  --version\n\n"
	       "Over the configuration file:\n");
	for (size_t i = 0; i < config_keys_n; i++) {
		const struct config_key *key = &config_keys[i];
		char words[128];

		if (key->option)
			printf("  --%s %s\n\t%s (%s)\n", key->option,
			       argument_of(key, words, sizeof(words)), key->text, key->initial);
	}
	printf("\nSee extentd(8) and extentd.conf(5).\n");
}

static int show_config(const struct options *options)
{
	_cleanup_(config_freep) struct config *c = NULL;
	char text[CONFIG_TEXT_BYTES];
	int error = config_load(options, &c, text);

	if (error) {
		fprintf(stderr, "extentd: %s\n", text);
		return error;
	}
	config_print(c, stdout);
	return OPTIONS_DONE;
}

static int parse_descriptor(const char *argument, int *out)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(argument, &end, 10);
	if (errno || !*argument || *end || n < 0 || n > 1048576) {
		fprintf(stderr, "extentd: --session-fd: \"%s\" is not a descriptor\n", argument);
		return -EINVAL;
	}
	*out = (int)n;
	return 0;
}

static size_t known_options(struct option *out)
{
	size_t n = 0;

	for (; n < ARRAY_SIZE(fixed); n++)
		out[n] = fixed[n];
	for (size_t i = 0; i < config_keys_n; i++)
		if (config_keys[i].option)
			out[n++] = (struct option){ config_keys[i].option, required_argument, NULL,
						    OPTION_KEYS + (int)i };
	return n;
}

int options_parse(int argc, char *argv[], struct options *out)
{
	struct option known[ARRAY_SIZE(fixed) + CONFIG_KEYS_MAX + 1] = { 0 };
	bool show = false;
	int c, error = 0;

	*out = (struct options){ .config_file = CONFIG_DEFAULT_FILE, .session_fd = -1 };
	known_options(known);
	optind = 1;
	while (!error && (c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case OPTION_CONFIG:
			out->config_file = optarg;
			out->config_named = true;
			break;
		case OPTION_SESSION:
			error = parse_descriptor(optarg, &out->session_fd);
			break;
		case OPTION_SHOW:
			show = true;
			break;
		case OPTION_HELP:
			print_help();
			return OPTIONS_DONE;
		case OPTION_VERSION:
			printf("extentd %s\n", EXTENTD_VERSION);
			return OPTIONS_DONE;
		case '?':
			error = -EINVAL;
			break;
		default:
			out->given[c - OPTION_KEYS] = optarg;
		}
	}
	if (!error && optind < argc) {
		fprintf(stderr, "extentd: unexpected argument \"%s\"; try --help\n", argv[optind]);
		error = -EINVAL;
	}
	if (!error && show)
		return show_config(out);
	return error;
}
