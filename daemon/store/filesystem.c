// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "filesystem.h"
#include "journal/journal.h"
#include "space.h"
#include "wire/codes.h"

int filesystem_examine(int fd, struct filesystem_facts *out)
{
	struct btrfs_ioctl_fs_info_args info = { 0 };
	struct statfs statfs;
	struct stat st;

	*out = (struct filesystem_facts){ 0 };
	/* First, because a FUSE server that would not answer us is answered for by the kernel. */
	if (fstatfs(fd, &statfs) < 0)
		return -errno;
	out->type = (long)statfs.f_type;
	out->sector_size = statfs.f_bsize > 0 ? (uint32_t)statfs.f_bsize : 4096;
	if (statfs.f_type == BTRFS_SUPER_MAGIC) {
		if (fstat(fd, &st) < 0)
			return -errno;
		if (!S_ISREG(st.st_mode)) /* a device's driver would get the ioctl */
			return WIRE_E_NOT_REGULAR;
		if (ioctl(fd, BTRFS_IOC_FS_INFO, &info) < 0)
			return -errno;
		out->btrfs = true;
		out->low = space_is_low(fd);
		out->sector_size = info.sectorsize;
		memcpy(out->id, info.fsid, sizeof(out->id));
		return 0;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	out->id[0] = st.st_dev;
	return 0;
}

struct filesystem *filesystem_get(struct store *store, int fd, const struct filesystem_facts *facts)
{
	struct filesystem *fs;

	TAILQ_FOREACH(fs, &store->filesystems, entry)
		if (!memcmp(fs->id, facts->id, sizeof(fs->id))) {
			fs->low = facts->low;
			return filesystem_ref(fs);
		}

	fs = calloc(1, sizeof(*fs));
	if (!fs)
		return NULL;
	fs->anchor = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fs->anchor < 0) {
		free(fs);
		return NULL;
	}
	fs->store = store;
	fs->refs = 1;
	memcpy(fs->id, facts->id, sizeof(fs->id));
	fs->btrfs = facts->btrfs;
	fs->low = facts->low;
	fs->sector_size = facts->sector_size;
	TAILQ_INIT(&fs->inodes);
	TAILQ_INIT(&fs->urgent);
	TAILQ_INIT(&fs->syncs);
	TAILQ_INSERT_TAIL(&store->filesystems, fs, entry);
	return fs;
}

struct filesystem *filesystem_ref(struct filesystem *fs)
{
	fs->refs++;
	return fs;
}

void filesystem_unref(struct filesystem *fs)
{
	if (!fs || --fs->refs)
		return;
	TAILQ_REMOVE(&fs->store->filesystems, fs, entry);
	close(fs->anchor);
	free(fs);
}

void filesystem_failed(struct filesystem *fs, int error)
{
	char id[2 * sizeof(fs->id) + 1];

	if (error != EROFS || fs->read_only)
		return;
	fs->read_only = true;
	for (size_t i = 0; i < sizeof(fs->id); i++)
		snprintf(id + 2 * i, 3, "%02x", ((const unsigned char *)fs->id)[i]);
	journal(MESSAGE_READ_ONLY,
		(struct journal_field[]){ { "FILESYSTEM", id }, { "REASON", strerror(error) }, {} },
		"Filesystem %s has gone read-only: nothing more can be written to it", id);
}
