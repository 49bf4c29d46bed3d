/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_COPY_DATA_H
#define EXTENTD_COPY_DATA_H

/*
 * The content of files: from a source descriptor into a file of the restore core, many at once.
 */

#include <sys/stat.h>
#include "copy/copy.h"
#include "copy/fetch.h"
#include "restore/restore.h"

struct data;
struct identities;

struct data_options {
	struct restore *restore;
	struct extent_session *session;
	struct codec codec;
	bool encoded;	 /* destination and daemon take encoded extents */
	uint32_t sector; /* of the destination */
	struct copy_stats *stats;
	void (*failed)(void *userdata, const char *path, uint64_t offset, int error,
		       const char *cause);
	void (*tick)(void *userdata);
	void *userdata;
};

int data_new(const struct data_options *options, struct data **out);
struct data *data_free(struct data *data);

/* Waits until another file may be begun. */
int data_room(struct data *data);

/*
 * Copies fd's content and gives file away with attr when all of it is on its way. Takes fd and
 * file over; path names the source in errors. May return before it is done.
 */
int data_copy(struct data *data, int fd, const struct stat *st, const char *path,
	      struct restore_file *file, const struct restore_attr *attr);

/* The same for the ranges alone, of which those that are whole are extents. */
int data_copy_ranges(struct data *data, int fd, const struct stat *st, const char *path,
		     struct restore_file *file, const struct restore_attr *attr,
		     const struct identities *ranges);

/* Waits until everything begun has been handed to the daemon. */
int data_drain(struct data *data);

#endif
