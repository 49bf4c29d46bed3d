// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line, the line of progress, the report; argv[1] and [2]: man page and completion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "ctl/commands.h"
#include "ctl/exit.h"
#include "ctl/json.h"
#include "ctl/option.h"
#include "ctl/progress.h"

struct values {
	bool flag, cleared;
	const char *string;
	unsigned long long number;
	int parsed;
};

static int parse(void *values, const char *text)
{
	if (strcmp(text, "good"))
		return -EINVAL;
	((struct values *)values)->parsed++;
	return 0;
}

static const struct command_option options[] = {
	{ "flag", 'f', NULL, OPTION_FLAG, offsetof(struct values, flag), "" },
	{ "no-cleared", 0, NULL, OPTION_CLEAR, offsetof(struct values, cleared), "" },
	{ "string", 's', "TEXT", OPTION_STRING, offsetof(struct values, string), "" },
	{ "number", 'n', "N", OPTION_NUMBER, offsetof(struct values, number), "" },
	{ "parsed", 0, "X", OPTION_PARSED, 0, "", parse },
	{ NULL },
};
static const struct command command = { "test", "ARG", "Tests.", options, NULL };

static int run(struct values *v, int *first, const char *const *words)
{
	char *argv[16] = { (char *)(uintptr_t) "test" };
	int argc = 1;

	*v = (struct values){ .cleared = true };
	while (*words)
		argv[argc++] = (char *)(uintptr_t)*words++;
	return option_parse(&command, argc, argv, v, first);
}

#define RUN(v, first, ...) run(v, first, (const char *const[]){ __VA_ARGS__, NULL })

static void test_options(void **state)
{
	struct values v;
	int first;

	assert_int_equal(RUN(&v, &first, "-f", "--no-cleared", "-sx", "--number=3K", "arg"), 0);
	assert_true(v.flag);
	assert_false(v.cleared);
	assert_string_equal(v.string, "x");
	assert_int_equal(v.number, 3072);
	assert_int_equal(first, 5);
	assert_int_equal(RUN(&v, &first, "--parsed", "good", "--", "-f"), 0);
	assert_int_equal(v.parsed, 1);
	assert_false(v.flag);

	assert_int_equal(RUN(&v, &first, "--parsed", "bad"), -EINVAL);
	assert_int_equal(RUN(&v, &first, "-n", "3X"), -EINVAL);
	assert_int_equal(RUN(&v, &first, "-n", "-3"), -EINVAL);
	assert_int_equal(RUN(&v, &first, "-n", ""), -EINVAL);
	assert_int_equal(RUN(&v, &first, "-n", "99999999999999999999"), -EINVAL);
	assert_int_equal(RUN(&v, &first, "-n", "99999999999T"), -EINVAL);
	assert_int_equal(RUN(&v, &first, "--unknown"), -EINVAL);
	assert_int_equal(RUN(&v, &first, "-s"), -EINVAL);
	assert_int_equal(RUN(&v, &first, "--help"), OPTION_DONE);
}

static void test_bytes(void **state)
{
	char out[16];

	assert_string_equal(progress_bytes(0, out), "0 B");
	assert_string_equal(progress_bytes(1023, out), "1023 B");
	assert_string_equal(progress_bytes(1024, out), "1.0 KiB");
	assert_string_equal(progress_bytes(1536, out), "1.5 KiB");
	assert_string_equal(progress_bytes(1048575, out), "1.0 MiB");
	assert_string_equal(progress_bytes(UINT64_MAX, out), "16.0 EiB");
}

static void test_line(void **state)
{
	struct progress_view view = {
		.done = 1 << 20,
		.total = 4 << 20,
		.files = 7,
		.extents = 9,
		.bytes = 3 << 20,
		.payload_bytes = 1 << 19,
	};
	char out[300];

	progress_line(&view, 2, 1 << 20, 79, out, sizeof(out));
	assert_non_null(strstr(out, " 25%"));
	assert_non_null(strstr(out, "ETA 0:03"));
	assert_non_null(strstr(out, "7 files"));
	assert_non_null(strstr(out, "9 extents"));
	assert_null(strchr(out, '['));
	assert_null(strstr(out, "decompressed"));
	view.decompressed = 2;
	progress_line(&view, 2, 1 << 20, 140, out, sizeof(out));
	assert_non_null(strstr(out, "3.0 MiB as 512 KiB"));
	assert_non_null(strstr(out, "2 decompressed"));
	progress_line(&view, 2, 1 << 20, 120, out, sizeof(out));
	assert_non_null(strstr(out, "[#####..............."));

	/* The source grew: no more than all, no time left below zero. */
	view.done = 8 << 20;
	progress_line(&view, 2, 1 << 20, 79, out, sizeof(out));
	assert_non_null(strstr(out, "100%"));
	assert_null(strstr(out, "ETA"));
	view.total = 0;
	progress_line(&view, 62, 0, 79, out, sizeof(out));
	assert_null(strchr(out, '%'));
	assert_non_null(strstr(out, "1:02"));

	for (unsigned int width = 1; width < 140; width++)
		assert_true(strlen(progress_line(&view, 1e9, 1e18, width, out, sizeof(out))) <=
			    width);
}

static void test_json(void **state)
{
	char text[512] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");
	struct json j;

	assert_non_null(f);
	json_begin(&j, f);
	json_number(&j, "n", INT64_MAX);
	json_bool(&j, "b", true);
	json_text(&j, "s", "a\"b\\c\n\xc3\xa4");
	json_text(&j, "not", "a\xff\xed\xa0");
	json_text(&j, "z", NULL);
	json_decimal(&j, "d", 1.23456);
	assert_int_equal(json_end(&j), 0);
	fclose(f);
	assert_string_equal(text, "{\n  \"n\": 9223372036854775807,\n  \"b\": true,\n"
				  "  \"s\": \"a\\\"b\\\\c\\n\xc3\xa4\",\n"
				  "  \"not\": \"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\n"
				  "  \"z\": null,\n  \"d\": 1.235\n}\n");
}

static const char *const *arguments;

static char *file_read(const char *path)
{
	static char text[65536];
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static const struct command *const commands[] = {
#define X(name) &name##_command,
	CTL_COMMANDS(X)
#undef X
};

/* Every command, option and exit code is in the man page, and every option can be completed. */
static void test_documents(void **state)
{
	for (int file = 1; file <= 2; file++) {
		const char *text = file_read(arguments[file]);

		for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
			assert_non_null(strstr(text, commands[i]->name));
			for (const struct command_option *o = commands[i]->options; o && o->name;
			     o++) {
				char option[64];

				snprintf(option, sizeof(option), "--%s", o->name);
				if (strstr(text, option))
					continue;
				fail_msg("%s of %s is not in %s", option, commands[i]->name,
					 arguments[file]);
			}
		}
	}
#define X(code, NAME, what)                                                                        \
	if (!strstr(file_read(arguments[1]), "*" #code "*\n\t" what))                              \
		fail_msg("exit code %d is not in the man page as: %s", code, what);
	CTL_EXITS(X)
#undef X
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),	  cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_line),	  cmocka_unit_test(test_json),
		cmocka_unit_test(test_documents),
	};

	if (argc != 3)
		return 2;
	arguments = (const char *const *)argv;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
