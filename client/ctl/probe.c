// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What this kernel and filesystem can do for a file at PATH. Nothing is assumed from a version:
 * the calls themselves are made, with a descriptor that is not open for writing, so that a kernel
 * that knows them says EBADF and nothing is ever written.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/feature.h"
#include "ctl/commands.h"
#include "ctl/exit.h"
#include "ctl/json.h"
#include "ctl/session.h"

struct values {
	const char *socket;
	bool json;
};

static const struct command_option options[] = {
	{ "socket", 's', "PATH", OPTION_STRING, offsetof(struct values, socket),
	  "of the daemon to ask" },
	{ "json", 'j', NULL, OPTION_FLAG, offsetof(struct values, json), "print one JSON object" },
	{ NULL },
};

struct findings {
	const char *path;
	struct utsname kernel;
	const char *filesystem;
	uint32_t sector_size;
	bool btrfs, read_only, privileged, nodatacow, sync, zero_copy;
	int ioctl, uring; /* 0: usable; else the errno that it answers, negative */
	char compression[32];
	bool daemon;
	struct extent_limits limits;
	const char *backend, *why;
};

static const char *filesystem_name(const struct statfs *fs, char *out, size_t size)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} known[] = {
		{ BTRFS_SUPER_MAGIC, "btrfs" },
		{ EXT4_SUPER_MAGIC, "ext4" },
		{ TMPFS_MAGIC, "tmpfs" },
		{ XFS_SUPER_MAGIC, "xfs" },
		{ OVERLAYFS_SUPER_MAGIC, "overlayfs" },
		{ F2FS_SUPER_MAGIC, "f2fs" },
		{ NFS_SUPER_MAGIC, "nfs" },
		{ FUSE_SUPER_MAGIC, "fuse" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if ((unsigned long)fs->f_type == known[i].magic)
			return known[i].name;
	snprintf(out, size, "0x%lx", (unsigned long)fs->f_type);
	return out;
}

/* A regular file on the same filesystem, read-only: PATH itself, or a nameless one beside. */
static int file_open(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_(closep) int tmp = -1;
	char reopen[64];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return steal_fd(&fd);
	tmp = openat(fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (tmp < 0)
		return steal_fd(&fd);
	snprintf(reopen, sizeof(reopen), "/proc/self/fd/%d", tmp);
	close(fd);
	fd = open(reopen, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : steal_fd(&fd);
}

static int probe_ioctl(int fd)
{
	struct btrfs_ioctl_encoded_io_args args = { 0 };

	if (ioctl(fd, BTRFS_IOC_ENCODED_WRITE, &args) == 0 || errno == EBADF)
		return 0;
	return -errno;
}

static int probe_uring(int fd)
{
	struct btrfs_ioctl_encoded_io_args args = { 0 };
	struct io_uring_cqe *cqe = NULL;
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	int err = io_uring_queue_init(2, &ring, 0);

	if (err < 0)
		return err;
	sqe = io_uring_get_sqe(&ring);
	if (sqe) {
		io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, &args, 0, 0);
		sqe->cmd_op = BTRFS_IOC_ENCODED_WRITE;
		err = io_uring_submit_and_wait(&ring, 1);
	}
	if (err >= 0)
		err = io_uring_peek_cqe(&ring, &cqe);
	if (err >= 0)
		err = cqe->res == -EBADF ? 0 : cqe->res;
	io_uring_queue_exit(&ring);
	return err;
}

static void decide(struct findings *f)
{
	static const char *const names[] = { "unknown", "uring", "ioctl", "decode" };
	bool privileged = f->daemon ? f->limits.backend != 3 : f->privileged;

	if (!f->btrfs) {
		f->backend = "decode";
		f->why = "only btrfs takes encoded extents";
	} else if (!privileged) {
		f->backend = "decode";
		f->why = f->daemon ? "the daemon lacks CAP_SYS_ADMIN, or was told to"
				   : "CAP_SYS_ADMIN is missing";
	} else if (f->daemon) {
		f->backend = names[f->limits.backend < 4 ? f->limits.backend : 0];
		f->why = "the daemon says so";
	} else if (!f->uring) {
		f->backend = "uring";
		f->why = "the kernel has the io_uring command";
	} else if (!f->ioctl) {
		f->backend = "ioctl";
		f->why = "the kernel has the ioctl and not the io_uring command";
	} else {
		f->backend = "decode";
		f->why = "the kernel has no encoded writes (Linux 5.18)";
	}
	if (f->nodatacow) {
		f->backend = "decode";
		f->why = "nodatacow: refused unless asked for by name (--nodatacow)";
	}
}

static int probe(struct findings *f, const char *socket)
{
	_cleanup_(closep) int fd = file_open(f->path);
	struct extent_session *s = NULL;
	static char unknown[32];
	unsigned int flags = 0;
	struct statfs fs;
	ssize_t n;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return fd < 0 ? fd : -errno;
	uname(&f->kernel);
	f->filesystem = filesystem_name(&fs, unknown, sizeof(unknown));
	f->btrfs = fs.f_type == BTRFS_SUPER_MAGIC;
	f->read_only = fs.f_flags & ST_RDONLY;
	f->sector_size = (uint32_t)fs.f_bsize;
	f->privileged = session_privileged();
	f->ioctl = f->btrfs ? probe_ioctl(fd) : -EOPNOTSUPP;
	f->uring = f->btrfs ? probe_uring(fd) : -EOPNOTSUPP;
	f->nodatacow = f->btrfs && !ioctl(fd, FS_IOC_GETFLAGS, &flags) && flags & FS_NOCOW_FL;
	n = getxattr(f->path, "btrfs.compression", f->compression, sizeof(f->compression) - 1);
	f->compression[n > 0 ? n : 0] = '\0';
	f->sync = feature_present(FEATURE_SYNC);
	f->zero_copy = feature_present(FEATURE_ZERO_COPY);

	if (!extent_connect(socket, &s)) {
		f->daemon = true;
		extent_get_limits(s, &f->limits);
		extent_disconnect(s);
	}
	decide(f);
	return 0;
}

static const char *answer(int err)
{
	return err == 0		    ? "yes"
	       : err == -EPERM	    ? "not without CAP_SYS_ADMIN"
	       : err == -ENOTTY	    ? "no"
	       : err == -EOPNOTSUPP ? "no"
	       : err == -ENOSYS	    ? "no"
				    : strerror(-err);
}

static void print_text(const struct findings *f)
{
	printf("%s\n", f->path);
	printf("  kernel                 %s\n", f->kernel.release);
	printf("  filesystem             %s%s, sectors of %u bytes\n", f->filesystem,
	       f->read_only ? " (read-only)" : "", f->sector_size);
	printf("  privilege              %s\n",
	       f->privileged ? "CAP_SYS_ADMIN" : "none for encoded I/O");
	printf("  encoded write, ioctl   %s\n", answer(f->ioctl));
	printf("  encoded write, uring   %s\n", answer(f->uring));
	printf("  fsync waits for them   %s\n",
	       f->sync ? "yes" : "no: the daemon waits and checks itself");
	printf("  written without a copy %s\n",
	       f->zero_copy ? "yes, for peers that are configured as trusted" : "no");
	printf("  nodatacow              %s\n", f->nodatacow ? "yes" : "no");
	printf("  compression property   %s\n", *f->compression ? f->compression : "none");
	printf("  daemon                 %s\n",
	       f->daemon ? "running" : "none reachable: a private one would be started");
	printf("  backend                %s (%s)\n", f->backend, f->why);
}

static int print_json(const struct findings *f)
{
	struct json j;

	json_begin(&j, stdout);
	json_text(&j, "path", f->path);
	json_text(&j, "kernel", f->kernel.release);
	json_text(&j, "filesystem", f->filesystem);
	json_bool(&j, "read_only", f->read_only);
	json_number(&j, "sector_size", f->sector_size);
	json_bool(&j, "cap_sys_admin", f->privileged);
	json_bool(&j, "encoded_write_ioctl", !f->ioctl);
	json_bool(&j, "encoded_write_uring", !f->uring);
	json_bool(&j, "encoded_write_sync", f->sync);
	json_bool(&j, "encoded_write_zero_copy", f->zero_copy);
	json_bool(&j, "nodatacow", f->nodatacow);
	json_text(&j, "compression", *f->compression ? f->compression : NULL);
	json_bool(&j, "daemon", f->daemon);
	json_text(&j, "backend", f->backend);
	json_text(&j, "reason", f->why);
	return json_end(&j);
}

static int run(int argc, char *argv[])
{
	struct values v = { NULL };
	struct findings f = { NULL };
	int first;
	int err = option_parse(&probe_command, argc, argv, &v, &first);

	if (err)
		return err < 0 ? CTL_USAGE : CTL_OK;
	if (argc - first != 1) {
		fprintf(stderr, "extentctl probe: one PATH is needed; try --help\n");
		return CTL_USAGE;
	}
	f.path = argv[first];
	err = probe(&f, v.socket);
	if (err < 0) {
		fprintf(stderr, "extentctl: %s: %s\n", f.path, strerror(-err));
		return CTL_PARTIAL;
	}
	if (v.json)
		return print_json(&f) < 0 ? CTL_FATAL : CTL_OK;
	print_text(&f);
	return CTL_OK;
}

const struct command probe_command = {
	.name = "probe",
	.arguments = "PATH",
	.text = "Says what kernel and filesystem can do at PATH, and which backend will serve.",
	.options = options,
	.run = run,
};
