/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/magic.h>
#include <stdio.h>
#include <strings.h>

#include "base/cleanup.h"
#include "config/filesystems.h"

/*
 * Local filesystems, and the ones that may hang or lie, so that a message can name them. Numbers
 * that linux/magic.h (6.1) has not: xfs fs/xfs/libxfs/xfs_format.h, bcachefs
 * fs/bcachefs/bcachefs_format.h, zfs as OpenZFS defines it.
 */
#define X_TABLE(X)                                                                                 \
	X("btrfs", BTRFS_SUPER_MAGIC)                                                              \
	X("ext4", EXT4_SUPER_MAGIC)                                                                \
	X("ext3", EXT3_SUPER_MAGIC)                                                                \
	X("ext2", EXT2_SUPER_MAGIC)                                                                \
	X("xfs", 0x58465342)                                                                       \
	X("tmpfs", TMPFS_MAGIC)                                                                    \
	X("f2fs", F2FS_SUPER_MAGIC)                                                                \
	X("bcachefs", 0xca451a4e)                                                                  \
	X("zfs", 0x2fc12fc1)                                                                       \
	X("overlay", OVERLAYFS_SUPER_MAGIC)                                                        \
	X("ramfs", RAMFS_MAGIC)                                                                    \
	X("fuse", FUSE_SUPER_MAGIC)                                                                \
	X("nfs", NFS_SUPER_MAGIC)                                                                  \
	X("cifs", CIFS_SUPER_MAGIC)                                                                \
	X("smb3", SMB2_SUPER_MAGIC)                                                                \
	X("ceph", CEPH_SUPER_MAGIC)                                                                \
	X("9p", V9FS_MAGIC)                                                                        \
	X("vfat", MSDOS_SUPER_MAGIC)                                                               \
	X("exfat", EXFAT_SUPER_MAGIC)                                                              \
	X("proc", PROC_SUPER_MAGIC)                                                                \
	X("sysfs", SYSFS_MAGIC)

static const struct {
	const char *name;
	uint32_t magic;
} filesystems[] = {
#define X(name, magic) { name, (uint32_t)(magic) },
	X_TABLE(X)
#undef X
};

const char *filesystem_name(uint64_t magic)
{
	/* f_type is a signed long: on 32-bit targets large numbers arrive sign-extended. */
	for (size_t i = 0; i < ARRAY_SIZE(filesystems); i++)
		if (filesystems[i].magic == (uint32_t)magic)
			return filesystems[i].name;
	return "unknown";
}

bool filesystem_magic(const char *name, uint64_t *magic)
{
	for (size_t i = 0; i < ARRAY_SIZE(filesystems); i++)
		if (!strcasecmp(filesystems[i].name, name)) {
			*magic = filesystems[i].magic;
			return true;
		}
	return false;
}

const char *filesystem_names(void)
{
#define X(name, magic) " " name
	return &X_TABLE(X)[1];
#undef X
}
