// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * races ROOT OUTSIDE COUNT: opens ROOT/swap/N by path, creating it, while the name "swap" changes
 * back and forth between a directory and a symbolic link to OUTSIDE, and "deep" is renamed. What
 * was opened is written to. Nothing may come to lie in OUTSIDE; a refusal is PATH_UNSAFE, or an
 * errno of the moment.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "raw.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

static void make(const char *outside)
{
	if (mkdir("swap", 0777) < 0 || symlink(outside, "link") < 0 || mkdir("deep", 0777) < 0 ||
	    mkdir("deep/in", 0777) < 0)
		err(2, "making directories");
}

static void swap_for_ever(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		syscall(SYS_renameat2, AT_FDCWD, "swap", AT_FDCWD, "link", RENAME_EXCHANGE);
		rename("deep", "moved");
		rename("moved", "deep");
	}
}

int main(int argc, char **argv)
{
	unsigned int count = argc == 4 ? (unsigned int)atoi(argv[3]) : 0, opened = 0, unsafe = 0;
	pid_t child;
	int s;

	if (!count || chdir(argv[1]) < 0)
		return 2;
	make(argv[2]);
	child = fork();
	if (child == 0)
		swap_for_ever();
	s = raw_hello();
	for (unsigned int i = 0; i < count; i++) {
		char path[4096];
		uint32_t code;

		snprintf(path, sizeof(path), "%s/%s/%u", argv[1], i % 3 ? "swap" : "deep/in/../in",
			 i);
		code = raw_open(s, i % 8, -1, path, WIRE_OPEN_CREATE);
		opened += code == 0;
		unsafe += code == WIRE_E_PATH_UNSAFE;
		if (code && code != WIRE_E_PATH_UNSAFE && code != WIRE_E_OPEN_FAILED)
			errx(1, "%s: %s", path, wire_code_name(code));
		if (!code && raw_write(s, i % 8, WIRE_NO_ARENA, 0, 0))
			errx(1, "%s: cannot be written to", path);
		if (!code)
			raw_close(s, i % 8);
	}
	kill(child, SIGKILL);
	printf("%u of %u opened, %u refused as unsafe\n", opened, count, unsafe);
	return 0;
}
