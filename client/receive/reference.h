/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_REFERENCE_H
#define EXTENTD_RECEIVE_REFERENCE_H

/*
 * What a stream refers to: parents and clone sources, found by UUID below a mount. Says what is
 * missing and what does not fit.
 */

#include <stdbool.h>
#include <stdint.h>

struct reference {
	int mount;   /* borrowed */
	bool strict; /* one that was changed since is an error */
	void (*message)(void *userdata, int level, const char *text);
	void *userdata;
	uint64_t warnings;
	int fd; /* the one looked up last, or -1 */
	uint8_t uuid[16];
};

/* A descriptor of the subvolume, until the next call or reference_close(); or negative errno, told.
 * role: "parent", "clone source". */
int reference_open(struct reference *s, const char *role, const uint8_t uuid[16], uint64_t transid);
void reference_close(struct reference *s);

/* The top of the mount that fd lies in, for struct reference; negative if it cannot be opened. */
int reference_mount_top(int fd);

#endif
