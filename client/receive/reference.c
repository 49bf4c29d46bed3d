// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/reference.h"
#include "receive/subvolume.h"

__attribute__((format(printf, 3, 4))) static void tell(const struct reference *s, int level,
						       const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	s->message(s->userdata, level, text);
}

/* The subvolume is there, but not in the state that the stream counts on. */
static void tell_other(const struct reference *s, const char *role, const struct subvolume_match *m,
		       const char *uuid, uint64_t transid)
{
	_cleanup_(freep) char *path = subvolume_path(s->mount, m->id);

	tell(s, s->strict ? LOG_ERR : LOG_WARNING,
	     "%s: subvolume %s (id %" PRIu64 ", %s) is as of transaction %" PRIu64
	     ", but the stream was made against transaction %" PRIu64 ": %s; %s",
	     role, path ?: "?", m->id, uuid, m->transid, transid,
	     m->received ? "the sender's was changed since this was received"
			 : "it was changed since",
	     s->strict ? "send the whole subvolume, or against a snapshot that is here unchanged"
		       : "what is received may differ from the source; --strict refuses it");
}

static int look(struct reference *s, const char *role, const uint8_t uuid[16], uint64_t transid)
{
	struct subvolume_match m;
	int r = subvolume_find(s->mount, uuid, transid, &m), fd;
	char text[37], *p = text;

	for (int i = 0; i < 16; i++)
		p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			     uuid[i]);
	if (r == -ENOENT) {
		tell(s, LOG_ERR,
		     "%s: no subvolume here was received from, or is, %s; receive that one first",
		     role, text);
		return r;
	}
	if (r) {
		tell(s, LOG_ERR, "%s: looking for %s: %s%s", role, text, strerror(-r),
		     r == -EPERM ? "; only with CAP_SYS_ADMIN can subvolumes be found by UUID"
				 : "");
		return r;
	}
	if (m.transid != transid) {
		tell_other(s, role, &m, text, transid);
		if (s->strict)
			return -ESTALE;
		s->warnings++;
	}
	fd = subvolume_open(s->mount, m.id);
	if (fd < 0)
		tell(s, LOG_ERR, "%s: subvolume %" PRIu64 " (%s) %s", role, m.id, text,
		     fd == -EXDEV
			     ? "lies outside of what is mounted here; give -m a mount of the whole "
			       "filesystem"
			     : strerror(-fd));
	return fd;
}

int reference_open(struct reference *s, const char *role, const uint8_t uuid[16], uint64_t transid)
{
	if (s->fd >= 0 && !memcmp(uuid, s->uuid, 16))
		return s->fd;
	reference_close(s);
	s->fd = look(s, role, uuid, transid);
	memcpy(s->uuid, uuid, 16);
	return s->fd;
}

void reference_close(struct reference *s)
{
	closep(&s->fd);
	s->fd = -1;
}

int reference_mount_top(int fd)
{
	_cleanup_(closep) int here = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct statx at, above;

	if (here < 0 || statx(here, "", AT_EMPTY_PATH, STATX_MNT_ID | STATX_INO, &at))
		return -errno;
	for (;;) {
		_cleanup_(closep) int up = openat(here, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		int next = up;

		if (up < 0 || statx(up, "", AT_EMPTY_PATH, STATX_MNT_ID | STATX_INO, &above))
			return -errno;
		if (above.stx_mnt_id != at.stx_mnt_id ||
		    (above.stx_ino == at.stx_ino && above.stx_dev_minor == at.stx_dev_minor &&
		     above.stx_dev_major == at.stx_dev_major))
			return openat(here, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		up = here;
		here = next;
		at = above;
	}
}
