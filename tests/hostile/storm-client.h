/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_TESTS_STORM_CLIENT_H
#define EXTENTD_TESTS_STORM_CLIENT_H

#include "ledger.h"

struct storm {
	struct ledger *ledger;
	const char *dir; /* files are called 0, 1, 2 ... */
	unsigned int files;
	uint64_t file_bytes; /* a multiple of the largest extent */
	unsigned int paths;  /* 1: some files are opened by path */
	double until;	     /* CLOCK_MONOTONIC; then everything is drained and synced */
};

double storm_now(void);

/* One client process's whole life. Returns its exit status. */
int storm_client(const struct storm *storm, uint64_t seed);

#endif
