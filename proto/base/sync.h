/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef EXTENTD_BASE_SYNC_H
#define EXTENTD_BASE_SYNC_H

/*
 * Syncs that can be believed. A filesystem that has aborted (a superblock or a flush failed) is
 * read-only from then on, and syncfs() of a read-only one answers 0 without having looked at it
 * (fs/sync.c: sync_filesystem()). Nor does fsync() of a file say that the commit which took it
 * along has failed. So whoever trusts a sync looks afterwards whether the filesystem still is
 * writable.
 */

#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* error: what a sync on fd's filesystem came to, 0 or positive. 0, EROFS, or another errno. */
static inline int sync_verdict(int fd, int error)
{
	struct statvfs st;

	if (fstatvfs(fd, &st) < 0)
		return errno;
	return st.f_flag & ST_RDONLY ? EROFS : error;
}

/* 0 or -errno. */
static inline int filesystem_sync(int fd)
{
	return -sync_verdict(fd, syncfs(fd) < 0 ? errno : 0);
}

#endif
