// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The proof of small extents sees what is missing: files are written through the restore core in
 * DIRECTORY (on btrfs), some are spoilt behind its back before the end, and exactly those have to
 * be told. Prints what was told; exit status 0 if restore_sync() said so too.
 *
 *	restore-small SOCKET DIRECTORY
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/falloc.h>

#include "payload/payload.h"
#include "restore/restore.h"

#define FILES 3000

static void failed(void *userdata, enum restore_step step, const char *path, uint64_t offset,
		   uint64_t len, int error, const char *cause)
{
	printf("%s %s %llu+%llu\n", step == RESTORE_LOST ? "lost" : "failed", path,
	       (unsigned long long)offset, (unsigned long long)len);
}

/* 8 KiB that become one extent of one sector. */
static size_t payload_make(void *out)
{
	struct payload_compressor *c;
	char plain[8192];
	size_t size;

	memset(plain, 'x', sizeof(plain));
	if (payload_compressor_new(EXTENT_ZSTD, 0, &c) ||
	    payload_compress(c, 4096, plain, sizeof(plain), out, &size))
		errx(2, "no payload");
	payload_compressor_free(c);
	return size;
}

int main(int argc, char **argv)
{
	struct restore_options o = { .failed = failed };
	struct extent_session *session;
	static char payload[8192];
	struct restore_dir *root;
	struct restore *r;
	size_t size;
	int err;

	if (argc != 3 || chdir(argv[2]))
		errx(2, "SOCKET DIRECTORY");
	size = payload_make(payload);
	if (extent_connect(argv[1], &session) || sink_extent_new(session, &o.sink) ||
	    restore_new(&o, &r) || restore_root(r, open(".", O_RDONLY | O_DIRECTORY), "", &root))
		errx(2, "cannot begin");
	for (unsigned int i = 0; i < FILES; i++) {
		struct extent_write w = {
			.len = 8192,
			.unencoded_len = 8192,
			.payload = payload,
			.payload_len = (uint32_t)size,
			.compression = EXTENT_ZSTD,
		};
		struct restore_file *file;
		char name[16];
		int fd;

		snprintf(name, sizeof(name), "%u", i);
		if (restore_file_create(root, name, NULL, &file))
			errx(2, "create");
		/* Two extents, of which a later spoiler may hit only one. */
		for (w.offset = 0; w.offset < 16384; w.offset += 8192)
			if (restore_write(file, &w))
				errx(2, "write");
		restore_file_finish(file, &(struct restore_attr){ 0 });
		if (i % 1000 != 999)
			continue;
		if (restore_barrier(r)) /* what is not written yet can't be spoilt */
			errx(2, "barrier");
		fd = open(name, O_RDWR);
		if (i == 999) /* all of it */
			err = ftruncate(fd, 0);
		else if (i == 1999) /* the second extent */
			err = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192, 8192);
		else /* half of the first */
			err = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
		if (err)
			errx(2, "spoiling %s", name);
		close(fd);
	}
	/* Removed through the core: no loss. */
	if (restore_name_remove(root, "5", false))
		errx(2, "remove");
	err = restore_sync(r);
	restore_dir_put(root);
	restore_free(r);
	o.sink->free(o.sink);
	extent_disconnect(session);
	return err == -EIO ? 0 : 1;
}
