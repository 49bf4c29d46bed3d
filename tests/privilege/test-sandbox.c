/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is forbidden inside is tried; what the daemon lives on must go on working. */

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "privilege/identity.h"
#include "privilege/privilege.h"
#include "privilege/sandbox.h"

/*
 * Each call with arguments that the kernel would refuse otherwise with something else than EPERM,
 * or that do no harm: should the filter let one through, the test fails and the machine lives.
 */
#define FORBIDDEN(X)                                                                               \
	X(SYS_execve, "/nonexistent", 0, 0)                                                        \
	X(SYS_execveat, -1, "x", 0)                                                                \
	X(SYS_ptrace, 9999, 0, 0)                                                                  \
	X(SYS_process_vm_readv, -1, 0, 0)                                                          \
	X(SYS_mount, 0, "/nonexistent", 0)                                                         \
	X(SYS_umount2, "/nonexistent", 0, 0)                                                       \
	X(SYS_pivot_root, "/nonexistent", "/nonexistent", 0)                                       \
	X(SYS_chroot, "/nonexistent", 0, 0)                                                        \
	X(SYS_unshare, 0, 0, 0)                                                                    \
	X(SYS_setns, -1, 0, 0)                                                                     \
	X(SYS_open_by_handle_at, -1, 0, 0)                                                         \
	X(SYS_setuid, (long)getuid(), 0, 0)                                                        \
	X(SYS_setresuid, -1, -1, -1)                                                               \
	X(SYS_setresgid, -1, -1, -1)                                                               \
	X(SYS_capset, 0, 0, 0)                                                                     \
	X(SYS_bpf, 9999, 0, 0)                                                                     \
	X(SYS_perf_event_open, 0, 0, 0)                                                            \
	X(SYS_init_module, 0, 0, 0)                                                                \
	X(SYS_kexec_load, 0, 0, 0)                                                                 \
	X(SYS_reboot, 0, 0, 0)                                                                     \
	X(SYS_swapon, "/nonexistent", 0, 0)                                                        \
	X(SYS_sethostname, 0, -1, 0)                                                               \
	X(SYS_keyctl, 9999, 0, 0)                                                                  \
	X(SYS_kill, (long)getpid(), 0, 0)                                                          \
	X(SYS_tgkill, 1, 1, 0)                                                                     \
	X(SYS_fchmod, -1, 0, 0)                                                                    \
	X(SYS_fchownat, -1, "x", 0)                                                                \
	X(SYS_fsetxattr, -1, 0, 0)                                                                 \
	X(SYS_renameat2, -1, "x", -1)                                                              \
	X(SYS_linkat, -1, "x", -1)                                                                 \
	X(SYS_mkdirat, -1, "x", 0)                                                                 \
	X(SYS_io_uring_setup, 1, 0, 0)                                                             \
	X(SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_NEWNS, 0, 0)                                  \
	X(SYS_bind, -1, 0, 0)                                                                      \
	X(SYS_listen, -1, 0, 0)                                                                    \
	X(SYS_truncate, "/nonexistent", 0, 0)                                                      \
	X(SYS_fallocate, -1, 0, 0)                                                                 \
	X(SYS_symlinkat, "x", -1, "x")                                                             \
	X(SYS_mknodat, -1, "x", 0)                                                                 \
	X(SYS_name_to_handle_at, -1, "x", 0)                                                       \
	X(SYS_fsopen, 0, 0, 0)                                                                     \
	X(SYS_open_tree, -1, "x", 0)                                                               \
	X(SYS_move_mount, -1, "x", -1)                                                             \
	X(SYS_mount_setattr, -1, "x", 0)                                                           \
	X(SYS_quotactl, -1, 0, 0)                                                                  \
	X(SYS_fanotify_init, -1, 0, 0)                                                             \
	X(SYS_pidfd_open, -1, 0, 0)                                                                \
	X(SYS_userfaultfd, -1, 0, 0)                                                               \
	X(SYS_pkey_mprotect, 0, 0, 0)                                                              \
	X(SYS_process_vm_writev, -1, 0, 0)                                                         \
	X(SYS_seccomp, 9999, 0, 0)                                                                 \
	X(SYS_personality, 0xffffffff, 0, 0)                                                       \
	X(SYS_setrlimit, -1, 0, 0)                                                                 \
	X(SYS_socket, AF_INET, SOCK_STREAM, 0)                                                     \
	X(SYS_socket, AF_NETLINK, SOCK_RAW, 0)                                                     \
	X(SYS_ioctl, -1, BTRFS_IOC_SNAP_DESTROY, 0)                                                \
	X(SYS_ioctl, -1, BTRFS_IOC_TREE_SEARCH, 0)                                                 \
	X(SYS_ioctl, -1, 0x5412 /* TIOCSTI */, 0)                                                  \
	X(SYS_ioctl, -1, 0x100000000L | 0x5412, 0)                                                 \
	X(SYS_prctl, PR_SET_DUMPABLE, 1, 0)                                                        \
	X(SYS_clone, SIGCHLD, 0, 0)                                                                \
	X(SYS_mprotect, 0, 0, PROT_READ | PROT_EXEC)

static int forbidden(void)
{
	int failed = 0;
	void *page;

#define X(call, a, b, c)                                                                           \
	do {                                                                                       \
		long r_ = syscall(call, a, b, c, 0, 0, 0);                                         \
		if (r_ == 0 && call == SYS_clone)                                                  \
			_exit(0); /* a child that ought not to exist */                            \
		if (r_ != -1 || errno != EPERM) {                                                  \
			fprintf(stderr, "%s(%s, ...): %s\n", #call, #a,                            \
				r_ == -1 ? strerror(errno) : "worked");                            \
			failed++;                                                                  \
		}                                                                                  \
	} while (0);
	FORBIDDEN(X)
#undef X
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	if (page != MAP_FAILED) {
		fprintf(stderr, "a page both writable and executable\n");
		failed++;
	}
	if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
		failed++;
	return failed;
}

static void *thread_main(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

static int needed(void)
{
	const struct {
		int result;
		const char *what;
	} tried[] = {
		{ socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket" },
		{ open("/proc/self/status", O_RDONLY | O_CLOEXEC), "open" },
		{ memfd_create("x", MFD_CLOEXEC), "memfd_create" },
		{ prctl(PR_SET_NAME, "worker"), "PR_SET_NAME" },
		{ (int)syscall(SYS_setfsuid, -1) == -1 ? -1 : 0, "setfsuid" },
	};
	int failed = 0, ran = 0;
	pthread_t thread;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < ARRAY_SIZE(tried); i++)
		if (tried[i].result < 0) {
			fprintf(stderr, "%s does not work any more\n", tried[i].what);
			failed++;
		}
	if (page == MAP_FAILED || mprotect(page, 4096, PROT_READ))
		failed++;
	if (pthread_create(&thread, NULL, thread_main, &ran) || pthread_join(thread, NULL) ||
	    !ran) {
		fprintf(stderr, "threads do not work any more\n");
		failed++;
	}
	/* Reaches the kernel: the descriptor is wrong, not the call. */
	if (ioctl(-1, BTRFS_IOC_ENCODED_WRITE, NULL) != -1 || errno != EBADF)
		failed++;
	return failed;
}

/* A thread that existed before is inside as well. */
static int in_old_thread;
static pthread_barrier_t barrier;

static void *old_thread(void *arg)
{
	pthread_barrier_wait(&barrier);
	in_old_thread = syscall(SYS_unshare, 0) == -1 && errno == EPERM;
	return NULL;
}

static int inside(int (*run)(void))
{
	pthread_t thread;
	int error;

	pthread_barrier_init(&barrier, NULL, 2);
	if (privilege_drop() || pthread_create(&thread, NULL, old_thread, NULL))
		return 100;
	error = sandbox_enter();
	if (error == -EOPNOTSUPP || error == -ENOSYS)
		return 77;
	if (error) {
		fprintf(stderr, "sandbox_enter: %s\n", strerror(-error));
		return 101;
	}
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	return in_old_thread ? run() : 102;
}

static void in_child(int (*run)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(inside(run));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_forbidden(void **state)
{
	in_child(forbidden);
}

static void test_needed(void **state)
{
	in_child(needed);
}

/*
 * The test can tell: without the filter, and with the same few rights, most of the calls fail for
 * another reason. Those that need a right we have given up say EPERM anyway.
 */
static int unfiltered(void)
{
	int other = 0, all = 0;

	if (privilege_drop())
		return 100;
#define X(call, a, b, c)                                                                           \
	if (call != SYS_clone) {                                                                   \
		all++;                                                                             \
		other += syscall(call, a, b, c, 0, 0, 0) != -1 || errno != EPERM;                  \
	}
	FORBIDDEN(X)
#undef X
	fprintf(stderr, "%d of %d fail otherwise, or work, without the filter\n", other, all);
	return other >= all / 2 ? 0 : 1;
}

static void test_control(void **state)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(unfiltered());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_control),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
