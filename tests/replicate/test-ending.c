// SPDX-License-Identifier: GPL-2.0-or-later
/* How a far side ended, and whether another attempt follows; what ssh says is OpenSSH 9's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "replicate/ending.h"

static enum attempt_outcome judge(int status, bool remote, bool answered, const char *line)
{
	const char *what = NULL, *said = NULL;
	const struct ending e = { .status = status,
				  .remote = remote,
				  .answered = answered,
				  .refusal = ssh_refuses(line) ? line : NULL,
				  .last = line };
	enum attempt_outcome o = ending_judge(&e, &what, &said);

	assert_non_null(what);
	assert_true(*said);
	return o;
}

static void test_refusals(void **state)
{
	static const char *const lines[] = {
		"Host key verification failed.",
		"@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @",
		"root@vault: Permission denied (publickey,password).",
		"Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures",
		"Unable to negotiate with 10.0.0.1 port 22: no matching host key type found.",
		"ssh: Could not resolve hostname nowhere: Name or service not known",
		"command-line: line 0: Bad configuration option: nosuchoption",
		"Bad owner or permissions on /root/.ssh/config",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_int_equal(judge(255, true, false, lines[i]), ATTEMPT_HOPELESS);
		assert_int_equal(judge(255, true, true, lines[i]), ATTEMPT_HOPELESS);
	}
}

static void test_waits(void **state)
{
	static const char *const lines[] = {
		"ssh: connect to host vault port 22: Connection refused",
		"ssh: connect to host vault port 22: Connection timed out",
		"ssh: connect to host vault port 22: No route to host",
		"ssh: connect to host vault port 22: Network is unreachable",
		"ssh: Could not resolve hostname vault: Temporary failure in name resolution",
		"kex_exchange_identification: read: Connection reset by peer",
		"Connection closed by 10.0.0.1 port 22",
		"Connection to vault closed by remote host.",
		"Timeout, server vault not responding.",
		"client_loop: send disconnect: Broken pipe",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_int_equal(judge(255, true, false, lines[i]), ATTEMPT_AGAIN);
		assert_int_equal(judge(255, true, true, lines[i]), ATTEMPT_AGAIN);
	}
}

/* Without a word: what was reached before was cut, what was not may be anything. */
static void test_silence(void **state)
{
	assert_int_equal(judge(255, true, false, ""), ATTEMPT_UNSURE);
	assert_int_equal(judge(255, true, true, ""), ATTEMPT_AGAIN);
	assert_int_equal(judge(255, true, false, "Verbindungsaufbau abgelehnt"), ATTEMPT_UNSURE);
	assert_int_equal(judge(255, true, true, "Verbindungsaufbau abgelehnt"), ATTEMPT_AGAIN);
}

static void test_far_side(void **state)
{
	assert_int_equal(judge(3, true, true, "extentctl: no extentd"), ATTEMPT_AGAIN);
	assert_int_equal(judge(5, true, true, ""), ATTEMPT_AGAIN);
	assert_int_equal(judge(128 + 9, true, true, ""), ATTEMPT_AGAIN);
	assert_int_equal(judge(1, true, true, "x: No space left on device"), ATTEMPT_HOPELESS);
	assert_int_equal(judge(4, true, true, "this is no btrfs"), ATTEMPT_HOPELESS);
	assert_int_equal(judge(127, true, true, "sh: 1: extentctl: not found"), ATTEMPT_HOPELESS);
	/* Words of ssh's from somebody else are only words. */
	assert_int_equal(judge(5, true, true, "x: Permission denied (os error 13)"), ATTEMPT_AGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_far_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
