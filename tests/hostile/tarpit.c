// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tarpit statfs|write|getattr|flush MOUNTPOINT: a filesystem of one file, "file", that everybody
 * may open, and that never answers certain questions: statfs, whatever changes the file, that and
 * what the file is, once it was opened twice (by the client, and by the daemon), or every close of
 * a descriptor. Who asks, waits until the tarpit is killed.
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define FILE_INODE 2

static bool statfs_hangs, getattr_hangs, flush_hangs;
static unsigned int opened;

static void stat_of(fuse_ino_t ino, struct stat *out)
{
	*out = (struct stat){ .st_ino = ino, .st_nlink = 1, .st_mode = S_IFREG | 0666 };
	if (ino != FILE_INODE)
		out->st_mode = S_IFDIR | 0755;
}

static void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = { .ino = FILE_INODE,
					  .attr_timeout = getattr_hangs ? 0 : 3600,
					  .entry_timeout = 3600 };

	stat_of(FILE_INODE, &entry.attr);
	if (strcmp(name, "file"))
		fuse_reply_err(request, ENOENT);
	else
		fuse_reply_entry(request, &entry);
}

static void op_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *info)
{
	struct stat st;

	if (getattr_hangs && opened >= 2)
		return;
	stat_of(ino, &st);
	fuse_reply_attr(request, &st, getattr_hangs ? 0 : 3600);
}

static void op_open(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *info)
{
	opened++;
	info->direct_io = 1;
	fuse_reply_open(request, info);
}

static void op_statfs(fuse_req_t request, fuse_ino_t ino)
{
	const struct statvfs st = { .f_bsize = 4096,
				    .f_blocks = 1000,
				    .f_bfree = 1000,
				    .f_bavail = 1000,
				    .f_namemax = 255 };

	if (statfs_hangs)
		return; /* kept for ever, as below */
	fuse_reply_statfs(request, &st);
}

static void op_flush(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *info)
{
	if (!flush_hangs)
		fuse_reply_err(request, 0);
}

static void op_write(fuse_req_t request, fuse_ino_t ino, const char *bytes, size_t size,
		     off_t offset, struct fuse_file_info *info)
{
}

static void op_fsync(fuse_req_t request, fuse_ino_t ino, int datasync, struct fuse_file_info *info)
{
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = op_lookup,
	.getattr = op_getattr,
	.open = op_open,
	.statfs = op_statfs,
	.write = op_write,
	.fsync = op_fsync,
	.flush = op_flush,
};

int main(int argc, char **argv)
{
	char *arguments[] = { (char *)"tarpit", (char *)"-oallow_other,subtype=tarpit" };
	struct fuse_args args = FUSE_ARGS_INIT(2, arguments);
	struct fuse_session *session;
	int r = 1;

	if (argc != 3)
		return 2;
	statfs_hangs = !strcmp(argv[1], "statfs");
	getattr_hangs = !strcmp(argv[1], "getattr");
	flush_hangs = !strcmp(argv[1], "flush");
	session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (!session)
		return 1;
	if (!fuse_session_mount(session, argv[2])) {
		r = fuse_session_loop(session) ? 1 : 0;
		fuse_session_unmount(session);
	}
	fuse_session_destroy(session);
	return r;
}
