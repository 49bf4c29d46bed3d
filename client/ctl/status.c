// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/commands.h"
#include "ctl/exit.h"
#include "ctl/json.h"
#include "ctl/session.h"
#include "wire/counters.h"

struct values {
	struct session_options session;
	bool json, watch;
};

static const struct command_option options[] = {
	{ "socket", 's', "PATH", OPTION_STRING, offsetof(struct values, session.socket),
	  "of the daemon to ask" },
	{ "json", 'j', NULL, OPTION_FLAG, offsetof(struct values, json), "print one JSON object" },
	{ "watch", 'w', NULL, OPTION_FLAG, offsetof(struct values, watch),
	  "print again each second, with what changed, until interrupted" },
	SESSION_RSH_OPTIONS(offsetof(struct values, session.rsh)),
	{ NULL },
};

static const struct {
	const char *name, *text;
} counters[] = {
#define X(name, text) { #name, text },
	WIRE_COUNTERS(X)
#undef X
};

struct sample {
	uint64_t values[ARRAY_SIZE(counters)];
	unsigned int n; /* that the daemon has: an older one has fewer */
};

static int sample_take(struct extent_session *s, struct sample *out)
{
	const uint64_t *values;
	int err = extent_status_wait(s);

	if (err < 0)
		return err;
	out->n = extent_counters(s, &values);
	if (out->n > ARRAY_SIZE(counters))
		out->n = ARRAY_SIZE(counters);
	memcpy(out->values, values, out->n * sizeof(*values));
	return 0;
}

static void print_json(const struct sample *sample)
{
	struct json j;

	json_begin(&j, stdout);
	for (unsigned int i = 0; i < sample->n; i++)
		json_number(&j, counters[i].name, sample->values[i]);
	json_end(&j);
}

/* before: a second ago, or NULL. */
static void print_table(const struct sample *sample, const struct sample *before)
{
	for (unsigned int i = 0; i < sample->n; i++) {
		uint64_t value = sample->values[i];

		printf("%20llu  ", (unsigned long long)value);
		if (before && i < before->n && before->values[i] != value)
			printf("%+12lld  ", (long long)(value - before->values[i]));
		else if (before)
			printf("%12s  ", "");
		printf("%s\n", counters[i].text);
	}
}

static int watch(struct extent_session *s, bool json)
{
	struct sample samples[2];
	bool terminal = isatty(STDOUT_FILENO);
	int err = 0;

	for (unsigned int i = 0; !err; i++) {
		err = sample_take(s, &samples[i % 2]);
		if (err < 0)
			break;
		if (json) {
			print_json(&samples[i % 2]);
		} else {
			if (terminal)
				fputs("\033[H\033[J", stdout);
			print_table(&samples[i % 2], i ? &samples[(i + 1) % 2] : NULL);
			if (!terminal)
				putchar('\n');
		}
		if (fflush(stdout))
			return 0; /* the reader is gone */
		sleep(1);
	}
	return err;
}

static int run(int argc, char *argv[])
{
	struct values v = { { NULL } };
	struct session session = { NULL, 0 };
	struct sample sample;
	int first;
	int err = option_parse(&status_command, argc, argv, &v, &first);

	if (err)
		return err < 0 ? CTL_USAGE : CTL_OK;
	if (argc != first) {
		fprintf(stderr, "extentctl status: takes no arguments; try --help\n");
		return CTL_USAGE;
	}
	if (v.session.rsh.host) {
		if (session_open(&v.session, &session))
			return CTL_DAEMON;
	} else {
		err = extent_connect(v.session.socket, &session.extent);
	}
	if (!err)
		err = v.watch ? watch(session.extent, v.json)
			      : sample_take(session.extent, &sample);
	if (err < 0)
		fprintf(stderr, "extentctl: %s\n", extent_error_text(session.extent));
	else if (!v.watch && v.json)
		print_json(&sample);
	else if (!v.watch)
		print_table(&sample, NULL);
	session_close(&session);
	return err < 0 ? CTL_DAEMON : CTL_OK;
}

const struct command status_command = {
	.name = "status",
	.arguments = "",
	.text = "Says what the daemon is doing, and what it has done since it started.",
	.options = options,
	.run = run,
};
