/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The documentation says what the tables say: each key with its section, default and whether a
 * reload applies it; each option; each message of the journal with its id, subject and fields.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "config/config.h"
#include "config/keys.h"
#include "journal/messages.h"
#include "replicate/messages.h"

static char *conf, *daemon_page, *catalog;

static char *slurp(const char *path)
{
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	char *all = NULL;
	size_t size = 0;

	if (!f || getdelim(&all, &size, 0, f) < 0) {
		perror(path);
		exit(1);
	}
	return all;
}

/* A copy of what lies between the end of from and the next to (or the end of all). */
static char *between(const char *all, const char *from, const char *to)
{
	const char *start = strstr(all, from), *end;

	if (!start)
		fail_msg("\"%s\" is nowhere", from);
	start += strlen(from);
	end = strstr(start, to);
	return end ? strndup(start, (size_t)(end - start)) : strdup(start);
}

static void test_keys(void **state)
{
	struct config *c = calloc(1, sizeof(*c));

	for (size_t i = 0; i < config_keys_n; i++) {
		const struct config_key *key = &config_keys[i];
		_cleanup_(freep) char *section = NULL, *entry = NULL;
		char heading[128], value[256] = "none", expected[512];

		snprintf(heading, sizeof(heading), "# SECTION [%s]\n", key->section);
		section = between(conf, heading, "\n# ");
		snprintf(heading, sizeof(heading), "\n*%s=*\n", key->name);
		entry = between(section, heading, "\n*");
		if (key->initial && *key->initial)
			snprintf(value, sizeof(value), "%s", key->initial);
		else if (!key->initial) {
			assert_int_equal(config_key_reset(key, c), 0);
			config_key_print(key, c, value, sizeof(value));
		}
		snprintf(expected, sizeof(expected), "\tDefault: %s.%s\n", value,
			 key->reload ? "" : " At start.");
		if (!strstr(entry, expected))
			fail_msg("extentd.conf(5), %s=, does not say: %s", key->name, expected);
		for (const struct config_word *w = key->words; w && w->word; w++) {
			if (!strcmp(key->name, "Sandbox"))
				break;
			snprintf(expected, sizeof(expected), "_%s_", w->word);
			if (!strstr(entry, expected))
				fail_msg("extentd.conf(5), %s=, lacks %s", key->name, w->word);
		}
		if (key->kind == CONFIG_NUMBER && !strcmp(key->section, "Limits")) {
			bool bound = key->max == key->initial_number;
			_cleanup_(freep) char *flat = strdup(entry);

			for (char *p = flat; *p; p++)
				if (*p == '\n' || *p == '\t')
					*p = ' ';
			if (bound !=
			    (strstr(flat, "Upper  bound.") || strstr(flat, "Upper bound.")))
				fail_msg("extentd.conf(5), %s=: Upper bound.?", key->name);
		}
	}
	free(c);
}

/* And nothing that does not exist. */
static void test_no_other_keys(void **state)
{
	for (const char *p = conf; (p = strstr(p, "\n*")); p++) {
		char name[64] = "";
		bool known = false;

		if (sscanf(p, "\n*%63[A-Za-z]=*", name) != 1 || !strstr(p, "=*") ||
		    p[2 + strlen(name)] != '=')
			continue;
		for (size_t i = 0; i < config_keys_n; i++)
			known |= !strcmp(config_keys[i].name, name);
		if (!known)
			fail_msg("extentd.conf(5) has %s=, the daemon has not", name);
	}
}

static void test_options(void **state)
{
	static const char *const fixed[] = { "config", "session-fd", "show-config", "help",
					     "version" };
	char expected[64];

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		snprintf(expected, sizeof(expected), "*--%s*", fixed[i]);
		if (!strstr(daemon_page, expected))
			fail_msg("extentd(8) lacks --%s", fixed[i]);
	}
	for (size_t i = 0; i < config_keys_n; i++) {
		if (!config_keys[i].option)
			continue;
		snprintf(expected, sizeof(expected), "*--%s*", config_keys[i].option);
		if (!strstr(daemon_page, expected))
			fail_msg("extentd(8) lacks --%s", config_keys[i].option);
	}
}

static void check_message(const char *id, const char *fields, const char *subject)
{
	char heading[64], expected[256];
	_cleanup_(freep) char *entry = NULL;

	assert_int_equal(strlen(id), 32);
	snprintf(heading, sizeof(heading), "\n-- %s\n", id);
	entry = between(catalog, heading, "\n-- ");
	snprintf(expected, sizeof(expected), "Subject: %s\n", subject);
	if (strncmp(entry, expected, strlen(expected)))
		fail_msg("catalog, %s: the subject should be \"%s\"", id, subject);
	/* A field that no one sends would show as @NAME@. */
	for (char *p = entry; (p = strchr(p, '@'));) {
		char *end = strchr(++p, '@');

		assert_non_null(end);
		*end = 0;
		if (!strstr(fields, p))
			fail_msg("catalog, %s: the message carries no %s", id, p);
		p = end + 1;
	}
}

static void test_messages(void **state)
{
	size_t n = 0, listed = 0;

#define X(name, id, priority, fields, subject) check_message(id, fields, subject), n++;
	MESSAGES(X)
	REPLICATE_MESSAGES(X)
#undef X
	for (const char *p = catalog; (p = strstr(p, "\n-- ")); p++)
		listed++;
	assert_int_equal(listed, n);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_no_other_keys),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_messages),
	};

	if (argc != 4)
		return 1;
	conf = slurp(argv[1]);
	daemon_page = slurp(argv[2]);
	catalog = slurp(argv[3]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
