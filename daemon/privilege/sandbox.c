/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The system calls that are left. The list comes from running the daemon under strace over its
 * tests, and adds what the libraries call in rarer cases. Kept out: running programs and forking,
 * changing identity for good (only a thread's filesystem ids and groups can change), mounting,
 * tracing, loading code, the network, writable code pages, and the doors that CAP_SYS_ADMIN opens
 * through ioctl(2). The ring is there already: a new one would have no restrictions (ring.c), and
 * what goes through a ring is not seen here. A call that is not listed fails with EPERM and is
 * noted in the audit log.
 */

#include <errno.h>
#include <linux/btrfs.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "privilege/sandbox.h"

#define S(name) SCMP_SYS(name)

static const int allowed[] = {
	/* memory, threads, time */
	S(brk),
	S(munmap),
	S(mremap),
	S(madvise),
	S(membarrier),
	S(futex),
	S(futex_time64),
	S(set_robust_list),
	S(rseq),
	S(exit),
	S(exit_group),
	S(sched_yield),
	S(sched_getaffinity),
	S(set_tid_address),
	S(gettid),
	S(getpid),
	S(getppid),
	S(clock_gettime),
	S(clock_gettime64),
	S(clock_nanosleep),
	S(clock_nanosleep_time64),
	S(nanosleep),
	S(gettimeofday),
	S(time),
	S(getrandom),
	S(getrusage),
	S(sysinfo),
	S(uname),
	S(getrlimit),
	S(ugetrlimit),
	S(restart_syscall),
	/* signals, among its own threads */
	S(rt_sigaction),
	S(rt_sigprocmask),
	S(rt_sigreturn),
	S(sigreturn),
	S(sigaltstack),
	S(rt_sigtimedwait),
	S(signalfd4),
	/* the loop and the ring */
	S(epoll_create1),
	S(epoll_ctl),
	S(epoll_wait),
	S(epoll_pwait),
	S(epoll_pwait2),
	S(poll),
	S(ppoll),
	S(ppoll_time64),
	S(eventfd2),
	S(timerfd_create),
	S(timerfd_settime),
	S(timerfd_settime64),
	S(io_uring_enter),
	S(io_uring_register),
	/* peers, the service manager, the journal, name services on a reload */
	S(accept),
	S(accept4),
	S(recvmsg),
	S(sendmsg),
	S(recv),
	S(send),
	S(recvfrom),
	S(sendto),
	S(connect),
	S(shutdown),
	S(getsockopt),
	S(setsockopt),
	S(getsockname),
	S(getpeername),
	/* files */
	S(openat),
	S(openat2),
	S(open),
	S(close),
	S(close_range),
	S(read),
	S(readv),
	S(pread64),
	S(write),
	S(writev),
	S(pwrite64),
	S(lseek),
	S(_llseek),
	S(fstat),
	S(fstat64),
	S(newfstatat),
	S(fstatat64),
	S(statx),
	S(stat),
	S(lstat),
	S(stat64),
	S(lstat64),
	S(fstatfs),
	S(fstatfs64),
	S(statfs),
	S(statfs64),
	S(access),
	S(faccessat),
	S(faccessat2),
	S(readlink),
	S(readlinkat),
	S(getdents64),
	S(fcntl),
	S(fcntl64),
	S(dup),
	S(ftruncate),
	S(ftruncate64),
	S(fsync),
	S(sync_file_range),
	S(syncfs),
	S(unlink),
	S(unlinkat),
	S(umask),
	S(memfd_create),
	/* who we are, and acting as the peer */
	S(getuid),
	S(getuid32),
	S(geteuid),
	S(geteuid32),
	S(getgid),
	S(getgid32),
	S(getegid),
	S(getegid32),
	S(getgroups),
	S(getgroups32),
	S(capget),
	S(setfsuid),
	S(setfsuid32),
	S(setfsgid),
	S(setfsgid32),
	S(setgroups),
	S(setgroups32),
};

static const unsigned long ioctls[] = {
	BTRFS_IOC_DEV_INFO,
	BTRFS_IOC_ENCODED_READ,
	BTRFS_IOC_ENCODED_WRITE,
	BTRFS_IOC_FS_INFO,
	BTRFS_IOC_SPACE_INFO,
	FS_IOC_FIEMAP,
	FS_IOC_GETFLAGS,
	FIONREAD,
	TCGETS, /* isatty() of the log */
};

/* Any of the rules for a call lets it through. */
static int add_conditional(scmp_filter_ctx f)
{
	const scmp_datum_t thread = CLONE_VM | CLONE_THREAD;
	const scmp_datum_t elsewhere = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
				       CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE;
	int error = 0;

	for (size_t i = 0; !error && i < ARRAY_SIZE(ioctls); i++)
		/* The kernel looks at 32 bits of the request only, and so must we. */
		error = seccomp_rule_add(f, SCMP_ACT_ALLOW, S(ioctl), 1,
					 SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, ioctls[i]));
	if (!error)
		error = seccomp_rule_add(f, SCMP_ACT_ALLOW, S(socket), 1,
					 SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX));
	if (!error)
		error = seccomp_rule_add(f, SCMP_ACT_ALLOW, S(socketpair), 1,
					 SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX));
	if (!error)
		error = seccomp_rule_add(f, SCMP_ACT_ALLOW, S(prctl), 1,
					 SCMP_A0_32(SCMP_CMP_EQ, PR_SET_NAME));
	/* No page both writable and executable, and none made executable later. */
	for (size_t i = 0; !error && i < 2; i++) {
		const int call = i ? S(mmap2) : S(mmap);

		error = seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 1,
					 SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_WRITE, 0));
		if (!error)
			error = seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 1,
						 SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	}
	if (!error)
		error = seccomp_rule_add(f, SCMP_ACT_ALLOW, S(mprotect), 1,
					 SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* Threads, no processes and no namespaces. clone3() hides its flags in memory; without it
	 * libc uses clone().
	 */
	if (!error)
		error = seccomp_rule_add(f, SCMP_ACT_ALLOW, S(clone), 1,
					 SCMP_A0(SCMP_CMP_MASKED_EQ, thread | elsewhere, thread));
	if (!error)
		error = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), S(clone3), 0);
	/* abort(), and assertions of the libraries */
	if (!error)
		error = seccomp_rule_add(f, SCMP_ACT_ALLOW, S(tgkill), 1,
					 SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid()));
	return error;
}

int sandbox_enter(void)
{
#ifdef EXTENTD_SANITIZED
	return -EOPNOTSUPP;
#else
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error;

	if (!f)
		return -ENOMEM;
	error = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!error)
		error = seccomp_attr_set(f, SCMP_FLTATR_CTL_LOG, 1);
	for (size_t i = 0; !error && i < ARRAY_SIZE(allowed); i++)
		error = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!error)
		error = add_conditional(f);
	if (!error)
		error = seccomp_load(f);
	seccomp_release(f);
	return error == -EINVAL ? -ENOSYS : error;
#endif
}
