/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_FILE_FACTS_H
#define EXTENTD_STORE_FILE_FACTS_H

#include <stddef.h>

#include "filesystem.h"

/* What file_examine() found; own, peers and anchor are owned until file_new() takes them. */
struct file_facts {
	int fd, view, own, peers; /* as in struct file */
	int anchor;		  /* for reading, should the filesystem be new; or -1 */
	bool nodatacow;
	uint64_t device;
	uint64_t number;
	uint64_t size;
	struct filesystem_facts fs;
};

void file_facts_close(struct file_facts *facts);

/*
 * The file once more, in the first of the access modes that the caller may have; or -1. It is the
 * same inode: the link in /proc leads to nothing else, whatever has become of the name.
 */
int file_reopen(int fd, const int modes[], size_t n, int *mode);

#endif
