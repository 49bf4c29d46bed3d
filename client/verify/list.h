/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_VERIFY_LIST_H
#define EXTENTD_VERIFY_LIST_H

/*
 * A list of digests: text, so that it can be looked at, compressed and kept. A line for each entry,
 * and behind that of a file one for each extent:
 *
 *	extentd-digests 1
 *	D PATH				a directory
 *	L PATH				a symbolic link, and on the next line ...
 *	T TARGET			... where it leads
 *	S MODE PATH			a device, fifo or socket: the octal type
 *	F SIZE PATH			a regular file
 *	E OFFSET LEN UNENCODED-LEN UNENCODED-OFFSET COMPRESSION DIGEST [DIGEST OF THE CONTENT]
 *	P OFFSET LEN DIGEST		plain content
 *	H OFFSET LEN			a hole
 *	. ENTRIES			the end
 *
 * Digests are XXH3, 128 bits. Paths are relative, with what is below space, DEL and backslash as
 * \ooo. Whoever reads a list does not trust it.
 */

#include <stdio.h>
#include <sys/stat.h>
#include "verify/mark.h"

struct list_entry {
	mode_t type; /* S_IFREG, S_IFDIR, S_IFLNK, ... */
	uint64_t size;
	char *path;
	char *target; /* of a link */
};

struct list {
	FILE *file;
	uint64_t entries, line;
	int pushed; /* a line was read and not used */
	char *text;
	size_t room;
};

int list_begin(FILE *out);
int list_put_entry(FILE *out, const struct list_entry *entry);
int list_put_mark(FILE *out, const struct mark *mark);
int list_end(FILE *out, uint64_t entries);

/* 0, or -EBADMSG when it is no such list. */
int list_open(FILE *in, struct list *out);
/* 1: there is one, whose strings are the caller's; 0: the end; -EBADMSG, -errno. */
int list_next(struct list *list, struct list_entry *out);
/* Of the last entry, as list_next(). */
int list_next_mark(struct list *list, struct mark *out);
void list_close(struct list *list);

#endif
