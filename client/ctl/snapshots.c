// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/commands.h"
#include "ctl/exit.h"
#include "replicate/inventory.h"

struct values {
	bool json;
};

static const struct command_option options[] = {
	{ "json", 'j', NULL, OPTION_FLAG, offsetof(struct values, json), "print one JSON object" },
	{ NULL },
};

static int print_json(const struct inventory *i)
{
	json_t *all = inventory_to_json(i);
	int r = all ? json_dumpf(all, stdout, JSON_INDENT(2)) : -1;

	json_decref(all);
	putchar('\n');
	return r || fflush(stdout) ? -EIO : 0;
}

static void print_table(const struct inventory *i)
{
	for (size_t k = 0; k < i->count; k++) {
		const struct replica *r = &i->list[k];
		time_t at = r->otime;
		char text[UUID_TEXT], when[32];
		struct tm tm;

		if (!r->path)
			continue;
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", localtime_r(&at, &tm));
		printf("%s  %-9s  %s  %s\n", when,
		       r->read_only && replica_has(r->received_uuid) ? "received"
		       : r->read_only				     ? "snapshot"
								     : "writable",
		       uuid_print(replica_name(r), text), r->path);
	}
}

static int run(int argc, char *argv[])
{
	struct values v = { false };
	struct inventory inventory;
	_cleanup_(closep) int fd = -1;
	int first, r;

	r = option_parse(&snapshots_command, argc, argv, &v, &first);
	if (r)
		return r < 0 ? CTL_USAGE : CTL_OK;
	if (argc - first != 1) {
		fprintf(stderr, "extentctl snapshots: one DIRECTORY is needed; try --help\n");
		return CTL_USAGE;
	}
	fd = open(argv[first], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -errno : inventory_take(fd, &inventory);
	if (r) {
		fprintf(stderr, "extentctl: %s: %s\n", argv[first],
			r == -ENOTTY ? "this is no btrfs" : strerror(-r));
		return CTL_FATAL;
	}
	if (v.json)
		r = print_json(&inventory);
	else
		print_table(&inventory);
	inventory_free(&inventory);
	return r ? CTL_FATAL : CTL_OK;
}

const struct command snapshots_command = {
	.name = "snapshots",
	.arguments = "DIRECTORY",
	.text = "Lists the subvolumes of a filesystem, and what they were received from.",
	.options = options,
	.run = run,
};
