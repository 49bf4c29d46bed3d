// SPDX-License-Identifier: GPL-2.0-or-later
#include <btrfsutil.h>
#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "replicate/inventory.h"

static int util(enum btrfs_util_error e)
{
	return e == BTRFS_UTIL_OK ? 0 : -(errno ?: EIO);
}

static int append(struct inventory *i, const struct btrfs_util_subvolume_info *info, char *path)
{
	struct replica *r;

	if (!(i->count & (i->count - 1))) { /* at each power of two there is room for the next */
		size_t room = i->count ? 2 * i->count : 1;

		r = reallocarray(i->list, room, sizeof(*r));
		if (!r)
			return -ENOMEM;
		i->list = r;
	}
	r = &i->list[i->count++];
	*r = (struct replica){
		.id = info->id,
		.otransid = info->otransid,
		.ctransid = info->ctransid,
		.stransid = info->stransid,
		.otime = info->otime.tv_sec,
		.read_only = info->flags & BTRFS_ROOT_SUBVOL_RDONLY,
		.path = path,
	};
	memcpy(r->uuid, info->uuid, 16);
	memcpy(r->parent_uuid, info->parent_uuid, 16);
	memcpy(r->received_uuid, info->received_uuid, 16);
	return 0;
}

static int collect(int fd, uint64_t top, struct inventory *out)
{
	struct btrfs_util_subvolume_iterator *iterator = NULL;
	struct btrfs_util_subvolume_info info;
	enum btrfs_util_error e;
	char *path;
	int r;

	e = btrfs_util_create_subvolume_iterator_fd(fd, top, 0, &iterator);
	if (e)
		return util(e);
	for (r = 0; !r;) {
		e = btrfs_util_subvolume_iterator_next_info(iterator, &path, &info);
		if (e == BTRFS_UTIL_ERROR_STOP_ITERATION)
			break;
		if (e == BTRFS_UTIL_ERROR_SUBVOLUME_NOT_FOUND)
			continue; /* deleted meanwhile */
		r = util(e);
		if (!r) {
			r = append(out, &info, path);
			if (r)
				free(path);
		}
	}
	btrfs_util_destroy_subvolume_iterator(iterator);
	return r;
}

int inventory_take(int fd, struct inventory *out)
{
	struct btrfs_ioctl_fs_info_args info = { 0 };
	struct statvfs s;
	int r;

	*out = (struct inventory){ .list = NULL };
	if (ioctl(fd, BTRFS_IOC_FS_INFO, &info))
		return -errno;
	memcpy(out->filesystem, info.fsid, 16);
	if (!fstatvfs(fd, &s))
		out->free = (uint64_t)s.f_bavail * s.f_frsize;
	r = collect(fd, BTRFS_FS_TREE_OBJECTID, out);
	if (r == -EPERM)
		r = collect(fd, 0, out);
	if (!r)
		r = parts_take(fd, &out->parts, &out->part_count);
	if (r)
		inventory_free(out);
	return r;
}

void inventory_free(struct inventory *i)
{
	for (size_t k = 0; k < i->count; k++)
		free(i->list[k].path);
	free(i->list);
	free(i->parts);
	*i = (struct inventory){ .list = NULL };
}

bool replica_has(const uint8_t uuid[16])
{
	static const uint8_t none[16];

	return memcmp(uuid, none, 16) != 0;
}

const uint8_t *replica_name(const struct replica *r)
{
	return replica_has(r->received_uuid) ? r->received_uuid : r->uuid;
}

bool replica_same(const struct replica *ours, const struct replica *theirs)
{
	return theirs->read_only && replica_has(theirs->received_uuid) &&
	       theirs->stransid == ours->ctransid &&
	       !memcmp(theirs->received_uuid, replica_name(ours), 16);
}

const struct replica *inventory_copy(const struct inventory *theirs, const struct replica *which)
{
	for (size_t k = 0; k < theirs->count; k++)
		if (replica_same(which, &theirs->list[k]))
			return &theirs->list[k];
	return NULL;
}

const struct part *inventory_part(const struct inventory *theirs, const struct replica *which)
{
	for (size_t k = 0; k < theirs->part_count; k++)
		if (theirs->parts[k].transid == which->ctransid &&
		    !memcmp(theirs->parts[k].stream, replica_name(which), 16))
			return &theirs->parts[k];
	return NULL;
}

static bool related(const struct replica *a, const struct replica *b)
{
	bool siblings = replica_has(a->parent_uuid) && !memcmp(a->parent_uuid, b->parent_uuid, 16);

	return siblings || !memcmp(a->parent_uuid, b->uuid, 16) ||
	       !memcmp(b->parent_uuid, a->uuid, 16);
}

const struct replica *inventory_common(const struct inventory *ours, const struct replica *which,
				       const struct inventory *theirs)
{
	const struct replica *best = NULL;

	for (size_t k = 0; k < ours->count; k++) {
		const struct replica *r = &ours->list[k];

		if (!r->read_only || !r->path || r->id == which->id ||
		    r->otransid > which->otransid || !related(r, which))
			continue;
		if ((!best || r->otransid > best->otransid) && inventory_copy(theirs, r))
			best = r;
	}
	return best;
}

const struct replica *inventory_find(const struct inventory *i, uint64_t id)
{
	for (size_t k = 0; k < i->count; k++)
		if (i->list[k].id == id)
			return &i->list[k];
	return NULL;
}
