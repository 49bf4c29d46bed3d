/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privilege/beneath.h"

#define TRIES 8 /* EAGAIN: somebody renamed or mounted meanwhile */

int open_beneath(int rootfd, const char *rel, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		/* openat2() refuses a mode that nothing would use. Data comes before setuid. */
		.mode = (flags & O_CREAT) ? mode & 0777 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV,
	};
	long fd = -EAGAIN;

	for (int i = 0; i < TRIES && (fd == -EAGAIN || fd == -EINTR); i++) {
		fd = syscall(SYS_openat2, rootfd, rel, &how, sizeof(how));
		if (fd < 0)
			fd = -errno;
	}
	/* The ring would take it for "fail rather than wait" where a file cannot do without
	 * waiting. */
	if (fd >= 0 && fcntl((int)fd, F_SETFL, fcntl((int)fd, F_GETFL) & ~O_NONBLOCK)) {
		int error = -errno;

		close((int)fd);
		return error;
	}
	return (int)fd;
}
