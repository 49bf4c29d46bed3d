/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_SUBVOLUME_H
#define EXTENTD_RECEIVE_SUBVOLUME_H

/* Subvolumes of the target's filesystem: found by UUID, made, and declared received. */

#include <stdbool.h>
#include <stdint.h>

struct subvolume_match {
	uint64_t id;
	uint64_t transid; /* what its received uuid, or its own, was last valid for */
	bool received;	  /* found by received UUID */
};

/*
 * By received UUID, then by its own; among several one whose transid fits. mount is any descriptor
 * on the filesystem. -ENOENT if there is none. Needs CAP_SYS_ADMIN.
 */
int subvolume_find(int mount, const uint8_t uuid[16], uint64_t transid,
		   struct subvolume_match *out);

/* Its directory, reached from mount without leaving it: -EXDEV if it lies elsewhere. */
int subvolume_open(int mount, uint64_t id);

/* In directory parent; returns a descriptor. source < 0: empty. */
int subvolume_make(int parent, const char *name, int source);

/*
 * Declares a complete subvolume as received, then read-only. All its data must be safe on disk
 * before. No crash can make an incomplete one look complete; one right between the two steps
 * leaves it complete, named as such, and still writable.
 */
int subvolume_seal(int fd, const uint8_t uuid[16], uint64_t transid);

#endif
