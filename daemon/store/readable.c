// SPDX-License-Identifier: GPL-2.0-or-later

/* Files to be read: what is asked of a descriptor, and of the file behind it. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "file.h"
#include "file_facts.h"
#include "wire/codes.h"

static int access_check(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	return flags & O_PATH || (flags & O_ACCMODE) == O_WRONLY ? WIRE_E_NOT_READABLE : 0;
}

int file_examine_reading(int fd, enum file_source source, const long *types, struct file_facts *out)
{
	static const int modes[] = { O_RDONLY };
	struct stat st;
	int own = -1, mode, r;

	*out = (struct file_facts){ .own = -1, .peers = -1, .anchor = -1 };
	r = access_check(fd);
	if (!r)
		r = filesystem_examine(fd, &out->fs);
	if (r)
		return r;
	while (*types && *types != out->fs.type)
		types++;
	if (!*types)
		return WIRE_E_FILESYSTEM;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return WIRE_E_NOT_REGULAR;

	/* For a file position of our own: the reader looks for holes with it. */
	if (source == FILE_PASSED)
		own = file_reopen(fd, modes, ARRAY_SIZE(modes), &mode);
	if (own >= 0) {
		out->own = own;
	} else {
		own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (own < 0)
			return -errno;
		*(source == FILE_OPENED ? &out->own : &out->peers) = own;
	}
	out->fd = out->view = own;
	out->device = st.st_dev;
	out->number = st.st_ino;
	out->size = (uint64_t)st.st_size;
	return 0;
}
