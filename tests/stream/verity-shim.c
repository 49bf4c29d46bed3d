// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For LD_PRELOAD, on kernels without fs-verity: what FS_IOC_ENABLE_VERITY does before it reads the
 * file. $VERITY_SHIM is a file that gets a line for each call, or the errno to fail with. A file
 * that somebody has open for writing is refused with ETXTBSY; a lease for reading knows that, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int enable(int fd, const struct fsverity_enable_arg *arg)
{
	const char *how = getenv("VERITY_SHIM");
	int error = how ? atoi(how) : EOPNOTSUPP;
	FILE *log;

	if (!error && fcntl(fd, F_SETLEASE, F_RDLCK))
		error = errno == EAGAIN ? ETXTBSY : errno;
	if (error) {
		errno = error;
		return -1;
	}
	fcntl(fd, F_SETLEASE, F_UNLCK);
	log = fopen(how, "ae");
	if (!log)
		abort();
	fprintf(log, "%u %u %u %.*s\n", arg->version, arg->hash_algorithm, arg->block_size,
		(int)arg->salt_size, (const char *)(uintptr_t)arg->salt_ptr);
	fclose(log);
	return 0;
}

__attribute__((visibility("default"))) int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return request == FS_IOC_ENABLE_VERITY ? enable(fd, arg)
					       : (int)syscall(SYS_ioctl, fd, request, arg);
}
