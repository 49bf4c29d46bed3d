// SPDX-License-Identifier: GPL-2.0-or-later
#include <btrfsutil.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/subvolume.h"

/* libbtrfsutil says in errno what went wrong. */
static int util(enum btrfs_util_error e)
{
	return e == BTRFS_UTIL_OK ? 0 : -(errno ?: EIO);
}

static int match_info(int mount, uint64_t id, bool received, struct subvolume_match *out)
{
	struct btrfs_util_subvolume_info info;
	int r = util(btrfs_util_subvolume_info_fd(mount, id, &info));

	if (r)
		return r;
	*out = (struct subvolume_match){
		.id = id,
		.transid = received ? info.stransid : info.ctransid,
		.received = received,
	};
	return 0;
}

/* The UUID tree: (first half, type, second half) holds the ids of the subvolumes that have it. */
static int find_by(int mount, const uint8_t uuid[16], uint64_t transid, bool received,
		   struct subvolume_match *out)
{
	struct btrfs_ioctl_search_args args = { .key = {
							.tree_id = BTRFS_UUID_TREE_OBJECTID,
							.max_transid = UINT64_MAX,
							.nr_items = 1,
						} };
	struct btrfs_ioctl_search_header h;
	uint64_t half[2], id;
	int r = -ENOENT;

	memcpy(half, uuid, 16);
	args.key.min_objectid = args.key.max_objectid = le64toh(half[0]);
	args.key.min_offset = args.key.max_offset = le64toh(half[1]);
	args.key.min_type = args.key.max_type =
		received ? BTRFS_UUID_KEY_RECEIVED_SUBVOL : BTRFS_UUID_KEY_SUBVOL;
	if (ioctl(mount, BTRFS_IOC_TREE_SEARCH, &args))
		return -errno;
	if (!args.key.nr_items)
		return -ENOENT;
	memcpy(&h, args.buf, sizeof(h));
	for (uint32_t at = 0; at + sizeof(id) <= h.len; at += sizeof(id)) {
		struct subvolume_match m;

		memcpy(&id, args.buf + sizeof(h) + at, sizeof(id));
		if (match_info(mount, le64toh(id), received, &m))
			continue; /* being deleted */
		if (r || m.transid == transid)
			*out = m;
		r = 0;
		if (m.transid == transid)
			break;
	}
	return r;
}

int subvolume_find(int mount, const uint8_t uuid[16], uint64_t transid, struct subvolume_match *out)
{
	struct subvolume_match own;
	int r = find_by(mount, uuid, transid, true, out);

	if (r == -ENOENT)
		return find_by(mount, uuid, transid, false, out);
	/* On the sender's filesystem, the one that it was sent from may be the better one. */
	if (!r && out->transid != transid && !find_by(mount, uuid, transid, false, &own) &&
	    own.transid == transid)
		*out = own;
	return r;
}

int subvolume_open(int mount, uint64_t id)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	_cleanup_(freep) char *path = NULL, *top = NULL;
	uint64_t mount_id;
	const char *below;
	size_t size;
	int r, fd;

	r = util(btrfs_util_subvolume_id_fd(mount, &mount_id));
	if (!r)
		r = util(btrfs_util_subvolume_path_fd(mount, mount_id, &top));
	if (!r)
		r = util(btrfs_util_subvolume_path_fd(mount, id, &path));
	if (r)
		return r;
	/* Both are paths from the top of the filesystem; what is mounted may be deeper. */
	size = strlen(top);
	if (strncmp(path, top, size) || (size && path[size] && path[size] != '/'))
		return -EXDEV;
	below = path + size;
	while (*below == '/')
		below++;
	fd = syscall(SYS_openat2, mount, *below ? below : ".", &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

char *subvolume_path(int mount, uint64_t id)
{
	char *path = NULL;

	return btrfs_util_subvolume_path_fd(mount, id, &path) == BTRFS_UTIL_OK ? path : NULL;
}

int subvolume_make(int parent, const char *name, int source)
{
	int r, fd;

	if (source < 0)
		r = util(btrfs_util_create_subvolume_fd(parent, name, 0, NULL, NULL));
	else
		r = util(btrfs_util_create_snapshot_fd2(source, parent, name, 0, NULL, NULL));
	if (r)
		return r;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int subvolume_freeze(int source, int parent, const char *name)
{
	return util(btrfs_util_create_snapshot_fd2(
		source, parent, name, BTRFS_UTIL_CREATE_SNAPSHOT_READ_ONLY, NULL, NULL));
}

int subvolume_delete(int parent, const char *name)
{
	int r = util(btrfs_util_delete_subvolume_fd(parent, name, 0));

	return r == -ENOENT ? 0 : r;
}

int subvolume_identify(int fd, struct subvolume_identity *out)
{
	struct btrfs_ioctl_get_subvol_info_args info;
	struct stat st;

	/* The ioctl answers for any inode inside, too. */
	if (fstat(fd, &st))
		return -errno;
	if (st.st_ino != BTRFS_FIRST_FREE_OBJECTID)
		return -EINVAL;
	if (ioctl(fd, BTRFS_IOC_GET_SUBVOL_INFO, &info) < 0) /* 1 is a success, too */
		return -errno;
	memcpy(out->uuid, info.uuid, 16);
	memcpy(out->received_uuid, info.received_uuid, 16);
	out->transid = info.stransid;
	out->readonly = info.flags & BTRFS_ROOT_SUBVOL_RDONLY;
	return 0;
}

int subvolume_identify_at(int parent, const char *name, struct subvolume_identity *out)
{
	_cleanup_(closep) int fd =
		openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : subvolume_identify(fd, out);
}

int subvolume_seal(int fd, const uint8_t uuid[16], uint64_t transid)
{
	struct btrfs_ioctl_received_subvol_args args = { .stransid = transid };

	memcpy(args.uuid, uuid, 16);
	if (ioctl(fd, BTRFS_IOC_SET_RECEIVED_SUBVOL, &args))
		return -errno;
	return util(btrfs_util_set_subvolume_read_only_fd(fd, true));
}

int subvolume_commit(int fd)
{
	uint64_t transid;
	int r = util(btrfs_util_start_sync_fd(fd, &transid));

	return r ?: util(btrfs_util_wait_sync_fd(fd, transid));
}
