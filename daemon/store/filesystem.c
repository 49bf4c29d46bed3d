// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "closing.h"
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

#define MOUNT_UNKNOWN UINT64_MAX

int filesystem_stat(int fd, struct statx *st)
{
	/* The mount's number is put in by the VFS (Linux 5.8). */
	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
		     STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_UID | STATX_INO | STATX_SIZE |
			     STATX_MNT_ID,
		     st);
}

/*
 * Why the loop's thread may do this with any descriptor that it is sent:
 *  1. AT_STATX_DONT_SYNC makes FUSE and network filesystems answer from what they have in memory;
 *     no server is asked. So statx() returns, whatever the descriptor is of.
 *  2. A mount's number is taken until the mount is gone, and a descriptor keeps its mount, also
 *     after umount -l. The anchor is held for as long as the filesystem is known. So who shows the
 *     anchor's number is on the anchor's mount, and has its superblock: one that a worker has
 *     found to be a btrfs of an accepted type.
 *  3. There, flags and permissions of an inode that is open are in memory.
 */
bool filesystem_recognize(const struct store *store, int fd, struct filesystem_facts *out,
			  struct statx *st)
{
	const struct filesystem *fs;

	if (filesystem_stat(fd, st) < 0 || !(st->stx_mask & STATX_MNT_ID))
		return false;
	TAILQ_FOREACH(fs, &store->filesystems, entry)
		if (fs->btrfs && fs->mount == st->stx_mnt_id)
			break;
	if (!fs)
		return false;
	*out = (struct filesystem_facts){
		.type = BTRFS_SUPER_MAGIC,
		.id = { fs->id[0], fs->id[1] },
		.btrfs = true,
		.low = fs->low,
		.sector_size = fs->sector_size,
	};
	return true;
}

static uint64_t mount_of(int fd)
{
	struct statx st;

	return filesystem_stat(fd, &st) == 0 && st.stx_mask & STATX_MNT_ID ? st.stx_mnt_id
									   : MOUNT_UNKNOWN;
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
	fs->mount = mount_of(fs->anchor);
	fs->low = facts->low;
	fs->sector_size = facts->sector_size;
	TAILQ_INIT(&fs->turns);
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
	if (fs->btrfs)
		close(fs->anchor);
	else
		closing_add(fs->store, NULL, &fs->anchor, 1);
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
