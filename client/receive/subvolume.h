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
 * By received UUID, then by its own; among all one whose transid fits, if there is one. mount is
 * any descriptor on the filesystem. -ENOENT if there is none. Needs CAP_SYS_ADMIN.
 */
int subvolume_find(int mount, const uint8_t uuid[16], uint64_t transid,
		   struct subvolume_match *out);

/* Its directory, reached from mount without leaving it: -EXDEV if it lies elsewhere. */
int subvolume_open(int mount, uint64_t id);

/* Its path from the top of the filesystem, for a message; to be freed. NULL: unknown. */
char *subvolume_path(int mount, uint64_t id);

/* In directory parent; returns a descriptor. source < 0: empty. */
int subvolume_make(int parent, const char *name, int source);

/* A snapshot of source, read-only, in directory parent. */
int subvolume_freeze(int source, int parent, const char *name);
/* Deletes what is in parent under that name, if it is there and a subvolume. */
int subvolume_delete(int parent, const char *name);

struct subvolume_identity {
	uint8_t uuid[16], received_uuid[16];
	uint64_t transid; /* with the received UUID */
	bool readonly;
};

/* -ENOTTY or -EINVAL if fd is not the root of a subvolume. */
int subvolume_identify(int fd, struct subvolume_identity *out);
/* The same for a name in parent, which no symbolic link may be. */
int subvolume_identify_at(int parent, const char *name, struct subvolume_identity *out);

/*
 * Declares a complete subvolume as received, then read-only; each is committed. All its data must
 * be safe on disk before. Who may see it between the two steps is the caller's business.
 */
int subvolume_seal(int fd, const uint8_t uuid[16], uint64_t transid);
/* Waits until all metadata of fd's filesystem as of now is on disk. */
int subvolume_commit(int fd);

#endif
