/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_FILE_FACTS_H
#define EXTENTD_STORE_FILE_FACTS_H

#include "filesystem.h"

/* What file_examine() found; fd is owned until file_new() takes it. */
struct file_facts {
	int fd;
	bool own;
	bool readable;
	bool nodatacow;
	uint64_t device;
	uint64_t number;
	uint64_t size;
	struct filesystem_facts fs;
};

#endif
