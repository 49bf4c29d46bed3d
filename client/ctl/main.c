// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "ctl/commands.h"
#include "ctl/exit.h"

static const struct command *const commands[] = {
#define X(name) &name##_command,
	CTL_COMMANDS(X)
#undef X
};

static void print_help(FILE *out)
{
	fprintf(out, "extentctl COMMAND [OPTION...] [ARGUMENT...]\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %s%s%s\n\t%.*s\n", commands[i]->name,
			*commands[i]->arguments ? " " : "", commands[i]->arguments,
			(int)strcspn(commands[i]->text, "\n"), commands[i]->text);
	fprintf(out, "\nextentctl COMMAND --help says more, extentctl(1) all.\n");
}

/* Many files are open at a time: all that the administrator allows. */
static void descriptors_raise(void)
{
	struct rlimit rl;

	if (!getrlimit(RLIMIT_NOFILE, &rl) && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}

int main(int argc, char *argv[])
{
	const char *name = argc > 1 ? argv[1] : "--help";
	const char *called = argc ? strrchr(argv[0], '/') : NULL;

	signal(SIGPIPE, SIG_IGN);
	descriptors_raise();
	if (argc && !strcmp(called ? called + 1 : argv[0], "btrfs-receive"))
		return receive_command.run(argc, argv);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(name, commands[i]->name))
			return commands[i]->run(argc - 1, argv + 1);
	if (!strcmp(name, "--version")) {
		printf("extentctl %s\n", EXTENTD_VERSION);
		return CTL_OK;
	}
	if (!strcmp(name, "--help")) {
		print_help(argc > 1 ? stdout : stderr);
		return argc > 1 ? CTL_OK : CTL_USAGE;
	}
	fprintf(stderr, "extentctl: there is no command \"%s\"; try --help\n", name);
	return CTL_USAGE;
}
