// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel refuses, and with which errno, by the ioctl and by the command: they must agree
 * on every line of the table. FILES is a directory on btrfs with 4 KiB sectors.
 */
#include "encoded.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/capability.h>

#define PAYLOAD	 (16 * 1024)
#define IOVS_MAX 1025 /* one more than UIO_MAXIOV */

struct trial {
	struct btrfs_ioctl_encoded_io_args args;
	const struct btrfs_ioctl_encoded_io_args *argp;
	struct iovec iov[IOVS_MAX];
	int fd;
};

static unsigned char plain[EXTENT_UNENCODED];
static unsigned char payload[EXTENT_UNENCODED + PAGE_BYTES];
static struct io_uring ring;
static char path[512];

static void flags(struct trial *t)
{
	t->args.flags = 1;
}
static void reserved(struct trial *t)
{
	t->args.reserved[63] = 1;
}
static void no_compression(struct trial *t)
{
	t->args.compression = 0;
}
static void unknown_compression(struct trial *t)
{
	t->args.compression = 8;
}
static void encryption(struct trial *t)
{
	t->args.encryption = 1;
}
static void foreign_lzo(struct trial *t)
{
	t->args.compression = BTRFS_ENCODED_IO_COMPRESSION_LZO_64K;
}
static void offset_past_unencoded(struct trial *t)
{
	t->args.unencoded_offset = EXTENT_UNENCODED + PAGE_BYTES;
}
static void len_past_unencoded(struct trial *t)
{
	t->args.unencoded_offset = PAGE_BYTES;
}
static void unencoded_too_long(struct trial *t)
{
	t->args.unencoded_len = EXTENT_UNENCODED + PAGE_BYTES;
}
static void payload_too_long(struct trial *t)
{
	t->iov[0].iov_len = EXTENT_UNENCODED + 1;
}
static void payload_not_shorter(struct trial *t)
{
	t->args.len = t->args.unencoded_len = t->iov[0].iov_len;
}
static void offset_unaligned(struct trial *t)
{
	t->args.offset = 512;
}
static void inner_offset_unaligned(struct trial *t)
{
	t->args.unencoded_offset = 512;
	t->args.len = EXTENT_UNENCODED - 4096;
}
static void end_unaligned(struct trial *t)
{
	ftruncate(t->fd, 4 * EXTENT_UNENCODED);
	t->args.len = EXTENT_UNENCODED - 1;
}
static void negative_offset(struct trial *t)
{
	t->args.offset = -4096;
}
static void payload_pointer(struct trial *t)
{
	t->iov[0].iov_base = (void *)8;
}
static void iov_pointer(struct trial *t)
{
	t->args.iov = (void *)8;
}
static void iov_count(struct trial *t)
{
	t->args.iovcnt = IOVS_MAX;
}
static void args_pointer(struct trial *t)
{
	t->argp = (void *)8;
}
static void empty_iov(struct trial *t)
{
	t->args.iovcnt = 0;
}
static void empty_payload(struct trial *t)
{
	t->iov[0].iov_len = 0;
}
static void read_only(struct trial *t)
{
	close(t->fd);
	t->fd = open(path, O_RDONLY | O_CLOEXEC);
}
static void nodatacow(struct trial *t)
{
	int flag = FS_NOCOW_FL;

	ioctl(t->fd, FS_IOC_SETFLAGS, &flag);
}

static const struct {
	const char *name;
	void (*change)(struct trial *);
	int result;
} refusals[] = {
	{"a flag", flags, -EINVAL},
	{"a reserved byte", reserved, -EINVAL},
	{"no compression", no_compression, -EINVAL},
	{"an unknown compression", unknown_compression, -EINVAL},
	{"an encryption", encryption, -EINVAL},
	{"LZO of another sector size", foreign_lzo, -EINVAL},
	{"offset past the unencoded length", offset_past_unencoded, -EINVAL},
	{"length past the unencoded length", len_past_unencoded, -EINVAL},
	{"unencoded length past the limit", unencoded_too_long, -EINVAL},
	{"payload past the limit", payload_too_long, -EINVAL},
	{"payload not shorter than the data", payload_not_shorter, -EINVAL},
	{"unaligned offset", offset_unaligned, -EINVAL},
	{"unaligned unencoded offset", inner_offset_unaligned, -EINVAL},
	{"unaligned end inside the file", end_unaligned, -EINVAL},
	{"negative offset", negative_offset, -EINVAL},
	{"nodatacow file", nodatacow, -EINVAL},
	{"too many iovecs", iov_count, -EINVAL},
	{"bad payload address", payload_pointer, -EFAULT},
	{"bad iovec address", iov_pointer, -EFAULT},
	{"bad argument address", args_pointer, -EFAULT},
	{"read-only descriptor", read_only, -EBADF},
	{"no iovec", empty_iov, 0},
	{"empty payload", empty_payload, 0},
};

static void trial_start(struct trial *t, void (*change)(struct trial *))
{
	memset(t, 0, sizeof(*t));
	for (size_t i = 0; i < IOVS_MAX; i++)
		t->iov[i] = (struct iovec){payload, 1};
	t->iov[0].iov_len = PAYLOAD;
	t->args = extent_args(t->iov, 0);
	t->argp = &t->args;
	unlink(path);
	t->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(t->fd >= 0);
	if (change)
		change(t);
}

static int trial_ioctl(const struct trial *t)
{
	int ret = ioctl(t->fd, BTRFS_IOC_ENCODED_WRITE, t->argp);

	return ret < 0 ? -errno : ret;
}

static int trial_ring(const struct trial *t)
{
	prep_encoded_write(io_uring_get_sqe(&ring), t->fd, t->argp);
	return ring_run_one(&ring);
}

static void test_refusals(void **state)
{
	static struct trial t;
	int by_ioctl, by_ring;

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		trial_start(&t, refusals[i].change);
		by_ioctl = trial_ioctl(&t);
		by_ring = trial_ring(&t);
		close(t.fd);
		if (by_ioctl != refusals[i].result ||
		    by_ring != (expected("uring") ? refusals[i].result : -EOPNOTSUPP))
			fail_msg("%s: ioctl %d, command %d", refusals[i].name, by_ioctl, by_ring);
	}
}

static void test_accepted(void **state)
{
	static struct trial t;

	(void)state;
	trial_start(&t, NULL);
	assert_int_equal(trial_ioctl(&t), PAYLOAD);
	assert_true(extent_present(t.fd, 0, 1, PAYLOAD));
	close(t.fd);
	trial_start(&t, NULL);
	assert_int_equal(trial_ring(&t), expected("uring") ? PAYLOAD : -EOPNOTSUPP);
	assert_int_equal(extent_present(t.fd, 0, 1, PAYLOAD), expected("uring"));
	close(t.fd);
}

static void test_unknown_command(void **state)
{
	static struct trial t;
	struct io_uring_sqe *sqe;

	(void)state;
	trial_start(&t, NULL);
	sqe = io_uring_get_sqe(&ring);
	prep_encoded_write(sqe, t.fd, t.argp);
	sqe->cmd_op = BTRFS_IOC_SYNC;
	assert_int_equal(ring_run_one(&ring), expected("uring") ? -EINVAL : -EOPNOTSUPP);
	close(t.fd);
}

static void test_directory(void **state)
{
	static struct trial t;

	(void)state;
	trial_start(&t, NULL);
	close(t.fd);
	t.fd = open(getenv("FILES"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(trial_ring(&t), -EOPNOTSUPP);
	close(t.fd);
}

/* Without CAP_SYS_ADMIN; in a child, which needs a ring of its own. */
static int unprivileged(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct caps[2] = {0};
	static struct trial t;
	struct io_uring own;
	int want = expected("uring") ? -EPERM : -EOPNOTSUPP, ret;

	trial_start(&t, NULL);
	if (syscall(SYS_capset, &head, caps) || io_uring_queue_init(4, &own, 0))
		return 2;
	if (trial_ioctl(&t) != -EPERM)
		return 3;
	prep_encoded_write(io_uring_get_sqe(&own), t.fd, t.argp);
	ret = ring_run_one(&own);
	return ret == want ? 0 : 4;
}

static void test_unprivileged(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(unprivileged());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),	cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_unknown_command), cmocka_unit_test(test_directory),
		cmocka_unit_test(test_unprivileged),
	};

	if (!getenv("FILES") || io_uring_queue_init(8, &ring, 0))
		return 99;
	snprintf(path, sizeof(path), "%s/refusals", getenv("FILES"));
	extent_fill(1, PAYLOAD, plain, payload);
	return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
