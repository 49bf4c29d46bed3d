/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Layers, lists, limits at and beyond, messages with their place, and the command line. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/magic.h>

#include "base/cleanup.h"
#include "config/config.h"
#include "config/filesystems.h"
#include "config/options.h"

static char text[CONFIG_TEXT_BYTES];

static int load(const char *content, struct config **out)
{
	char path[] = "/tmp/extentd-config-XXXXXX";
	int fd = mkstemp(path);
	struct options o = { .config_file = path, .config_named = true, .session_fd = -1 };
	int error;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
	*out = NULL;
	text[0] = 0;
	error = config_load(&o, out, text);
	unlink(path);
	return error;
}

static void good(const char *content, struct config **out)
{
	int error = load(content, out);

	if (error)
		fail_msg("refused: %s", text);
}

/* Refused, and the message holds what; the place is the last thing before ": ". */
static void refused(const char *content, const char *what)
{
	_cleanup_(config_freep) struct config *c = NULL;

	assert_int_equal(load(content, &c), -EINVAL);
	assert_null(c);
	if (!strstr(text, what))
		fail_msg("\"%s\" does not say \"%s\"", text, what);
}

static void test_defaults(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;

	good("", &c);
	assert_string_equal(c->socket, "/run/extentd/extentd.sock");
	assert_int_equal(c->backend, CONFIG_BACKEND_AUTO);
	assert_int_equal(c->validation, CONFIG_VALIDATION_FULL);
	assert_int_equal(c->workers, 16);
	assert_int_equal(c->batch, 32);
	assert_true(c->checkers >= 1);
	assert_int_equal(c->sandbox, 1);
	assert_int_equal(c->roots.n, 0);
	assert_int_equal(c->users.n, 1);
	assert_int_equal(c->users.id[0], 0);
	assert_int_equal(c->trusted_users.n + c->trusted_groups.n, 0);
#define X(field, name, initial, largest, bytes, text_) assert_int_equal(c->limits.field, initial);
	CONFIG_LIMITS(X)
#undef X
	/* What one user may have is not more than his share of what all have. */
	assert_true(2 * c->limits.user_files <= c->limits.files_total);
	assert_true(2 * c->limits.user_inline_bytes <= c->limits.held_bytes);
}

/* At the smallest and largest value each limit is taken, one beyond it is not. */
static void test_limits(void **state)
{
	for (size_t i = 0; i < config_keys_n; i++) {
		const struct config_key *key = &config_keys[i];
		char line[256];

		if (key->kind != CONFIG_NUMBER && key->kind != CONFIG_BYTES)
			continue;
		for (int d = -1; d <= 1; d++) {
			_cleanup_(config_freep) struct config *c = NULL;

			snprintf(line, sizeof(line), "[%s]\n%s=%llu\n", key->section, key->name,
				 (unsigned long long)key->max + (unsigned int)(d > 0) -
					 (unsigned int)(d < 0));
			assert_int_equal(load(line, &c), d > 0 ? -EINVAL : 0);
			if (d > 0)
				assert_non_null(strstr(text, "is not between"));
		}
		if (key->min) {
			_cleanup_(config_freep) struct config *c = NULL;

			snprintf(line, sizeof(line), "[%s]\n%s=%llu\n", key->section, key->name,
				 (unsigned long long)key->min - 1);
			refused(line, "is not between");
			snprintf(line, sizeof(line), "[%s]\n%s=%llu\n", key->section, key->name,
				 (unsigned long long)key->min);
			good(line, &c);
		}
	}
}

static void test_numbers(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;

	good("[Limits]\nCreditBytes=8M\nArenaBytes=1g\nUserInlineBytes=512K\nOutputBytes = 70000",
	     &c);
	assert_int_equal(c->limits.credit_bytes, 8 << 20);
	assert_int_equal(c->limits.arena_bytes, 1 << 30);
	assert_int_equal(c->limits.user_inline_bytes, 512 << 10);
	assert_int_equal(c->limits.output_bytes, 70000);
	refused("[Limits]\nFiles=1K\n", ":2: Files: \"1K\" is not a number");
	refused("[Limits]\nFiles=-1\n", "not a number");
	refused("[Limits]\nFiles=\n", "not a number");
	refused("[Limits]\nFiles=0x10\n", "not a number");
	refused("[Limits]\nCreditBytes=1T\n", "K, M or G may follow");
	refused("[Limits]\nCreditBytes=1MB\n", "K, M or G may follow");
	refused("[Limits]\nCreditBytes=99999999999999999999\n", "is not between");
	refused("[Limits]\nCreditBytes=18446744073709551615G\n", "is not between");
}

static void test_lists(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;

	good("[Access]\nUsers=1000 1001\nUsers=root\nGroups=\nRoot=/srv/a/ \"/srv/b c\"\nRoot=/\n"
	     "Filesystems=BTRFS\nTrustedGroups=7\n",
	     &c);
	assert_int_equal(c->users.n, 3);
	assert_int_equal(c->users.id[2], 0);
	assert_int_equal(c->groups.n, 0);
	assert_int_equal(c->roots.n, 3);
	assert_string_equal(c->roots.name[0], "/srv/a");
	assert_string_equal(c->roots.name[1], "/srv/b c");
	assert_string_equal(c->roots.name[2], "/");
	assert_true(config_takes_filesystem(c, BTRFS_SUPER_MAGIC));
	assert_true(config_takes_filesystem(c, (uint64_t)(int32_t)BTRFS_SUPER_MAGIC));
	assert_false(config_takes_filesystem(c, EXT4_SUPER_MAGIC));
	assert_false(config_takes_filesystem(c, FUSE_SUPER_MAGIC));
	refused("[Access]\nUsers=no-such-user-here\n", ":2: Users: there is no user");
	refused("[Access]\nGroups=no-such-group-here\n", "there is no group");
	refused("[Access]\nUsers=4294967295\n", "neither a name nor a valid number");
	refused("[Access]\nRoot=srv\n", "not an absolute path");
	refused("[Access]\nRoot=\"/srv\n", "quotation mark");
	refused("[Access]\nFilesystems=btrfs reiser5\n", "unknown filesystem \"reiser5\"");
}

static void test_messages(void **state)
{
	char longer[400];

	refused("# comment\n\n[Daemon]\nSokcet=/x\n", ":4: there is no key \"Sokcet\" in [Daemon]");
	refused("[Demon]\nSocket=/x\n", ":2: there is no section [Demon]");
	refused("Socket=/x\n", ":1: \"Socket\" stands before any section");
	refused("[Daemon]\nSocket\n", ":2: this is neither");
	refused("[Daemon]\nSocket=relative\n", ":2: Socket: \"relative\" is not an absolute path");
	refused("[Daemon]\nBackend=fast\n", ":2: Backend: \"fast\" is not one of: auto, uring");
	refused("[Daemon]\nWorkers=0\nBatch=x\n", ":2: Workers: 0 is not between 1 and 1024");
	snprintf(longer, sizeof(longer), "[Daemon]\n# %0300d\n", 1);
	refused(longer, ":2: the line is longer than");
}

static void test_socket_length(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;
	char line[200];

	snprintf(line, sizeof(line), "[Daemon]\nSocket=/%0106d\n", 0);
	good(line, &c);
	snprintf(line, sizeof(line), "[Daemon]\nSocket=/%0107d\n", 0);
	refused(line, "is longer than 107 bytes");
}

static void test_access(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;
	const gid_t groups[] = { 50, 60 };

	good("[Access]\nUsers=1000\nGroups=60\nTrustedUsers=2000\nTrustedGroups=50\n", &c);
	assert_true(config_may_connect(c, 1000, 1000, NULL, 0));
	assert_false(config_may_connect(c, 1001, 1001, NULL, 0));
	assert_false(config_may_connect(c, 1001, 50, groups, 1));
	assert_true(config_may_connect(c, 1001, 1001, groups, 2));
	assert_true(config_may_connect(c, 1001, 60, NULL, 0));
	assert_true(config_may_connect(c, geteuid(), 1, NULL, 0));
	assert_int_equal(config_validation_for(c, 0, 0, NULL, 0), CONFIG_VALIDATION_FULL);
	assert_int_equal(config_validation_for(c, 2000, 1, NULL, 0), CONFIG_VALIDATION_STRUCTURE);
	assert_int_equal(config_validation_for(c, 1, 1, groups, 2), CONFIG_VALIDATION_STRUCTURE);
	assert_int_equal(config_validation_for(c, 1, 60, NULL, 0), CONFIG_VALIDATION_FULL);
}

static void test_trust_never_adds_checks(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;

	good("[Access]\nValidation=none\nTrustedUsers=2000\n", &c);
	assert_int_equal(config_validation_for(c, 2000, 1, NULL, 0), CONFIG_VALIDATION_NONE);
}

static void test_roots(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;
	const char *rest = NULL;

	good("[Access]\nRoot=/srv /srv/deep\n", &c);
	assert_string_equal(config_root_of(c, "/srv/a/b", &rest), "/srv");
	assert_string_equal(rest, "a/b");
	assert_string_equal(config_root_of(c, "/srv/deep//x", &rest), "/srv/deep");
	assert_string_equal(rest, "x");
	assert_string_equal(config_root_of(c, "/srv/deeper", &rest), "/srv");
	assert_null(config_root_of(c, "/srvx/a", &rest));
	assert_null(config_root_of(c, "/srv", &rest));
	assert_null(config_root_of(c, "srv/a", &rest));
}

static void test_root_of_all(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;
	const char *rest = NULL;

	good("[Access]\nRoot=/\n", &c);
	assert_string_equal(config_root_of(c, "/a", &rest), "/");
	assert_string_equal(rest, "a");
}

/* What is printed reads back as the same configuration. */
static void test_print(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL, *again = NULL;
	_cleanup_(freep) char *printed = NULL, *reprinted = NULL;
	size_t size;
	FILE *f;

	good("[Daemon]\nBackend=decode\nSandbox=no\n[Access]\nUsers=5 6\nRoot=\"/a b\" /c\n"
	     "[Limits]\nCreditBytes=3M\nArenaBytes=1G\nOutputBytes=70001\n",
	     &c);
	f = open_memstream(&printed, &size);
	config_print(c, f);
	fclose(f);
	good(printed, &again);
	f = open_memstream(&reprinted, &size);
	config_print(again, f);
	fclose(f);
	assert_string_equal(printed, reprinted);
	assert_int_equal(again->backend, CONFIG_BACKEND_DECODE);
	assert_int_equal(again->limits.credit_bytes, 3 << 20);
	assert_int_equal(again->limits.output_bytes, 70001);
	assert_string_equal(again->roots.name[0], "/a b");
}

static int parse(struct options *o, const char *a, const char *b)
{
	char *argv[] = { (char *)"extentd", (char *)(uintptr_t)a, (char *)(uintptr_t)b, NULL };

	return options_parse(a ? b ? 3 : 2 : 1, argv, o);
}

static void test_options(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;
	struct options o;

	assert_int_equal(parse(&o, NULL, NULL), 0);
	assert_int_equal(o.session_fd, -1);
	assert_false(o.config_named);
	assert_int_equal(parse(&o, "--session-fd", "7"), 0);
	assert_int_equal(o.session_fd, 7);
	assert_int_equal(parse(&o, "--session-fd", "-7"), -EINVAL);
	assert_int_equal(parse(&o, "--session-fd", "7x"), -EINVAL);
	assert_int_equal(parse(&o, "--sesame", NULL), -EINVAL);
	assert_int_equal(parse(&o, "word", NULL), -EINVAL);
	assert_int_equal(parse(&o, "--help", NULL), OPTIONS_DONE);
	assert_int_equal(parse(&o, "--version", NULL), OPTIONS_DONE);

	assert_int_equal(parse(&o, "--backend", "ioctl"), 0);
	o.config_file = "/dev/null";
	assert_int_equal(config_load(&o, &c, text), 0);
	assert_int_equal(c->backend, CONFIG_BACKEND_IOCTL);
}

static void test_option_errors(void **state)
{
	struct config *c = NULL;
	struct options o;

	assert_int_equal(parse(&o, "--backend", "quick"), 0);
	o.config_file = "/nonexistent/extentd.conf";
	assert_int_equal(config_load(&o, &c, text), -EINVAL);
	assert_non_null(strstr(text, "--backend: \"quick\" is not one of"));
	assert_int_equal(parse(&o, "--config", "/nonexistent/extentd.conf"), 0);
	assert_int_equal(config_load(&o, &c, text), -ENOENT);
	assert_non_null(strstr(text, "/nonexistent/extentd.conf: cannot be read"));
	assert_null(c);
}

static void test_filesystem_names(void **state)
{
	uint64_t magic;

	assert_string_equal(filesystem_name(BTRFS_SUPER_MAGIC), "btrfs");
	assert_string_equal(filesystem_name((uint64_t)(int32_t)BTRFS_SUPER_MAGIC), "btrfs");
	assert_string_equal(filesystem_name(EXT4_SUPER_MAGIC), "ext4");
	assert_string_equal(filesystem_name(1), "unknown");
	assert_true(filesystem_magic("Ext3", &magic));
	assert_int_equal(magic, EXT4_SUPER_MAGIC);
	assert_false(filesystem_magic("", &magic));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_socket_length),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_trust_never_adds_checks),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_root_of_all),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_option_errors),
		cmocka_unit_test(test_filesystem_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
