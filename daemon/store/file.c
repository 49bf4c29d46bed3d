// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * A passed descriptor shares its open file description with the peer, who can set O_APPEND on it
 * (the kernel then ignores our offsets) or fetch a write-back error before we do (the kernel tells
 * each description once). So the file is opened a second time, with the peer's rights, and each
 * thing is done through the description that is best for it:
 *
 *	written through		ours if it may write; else the peer's, and O_APPEND is looked for
 *				before each chain
 *	asked for errors	ours, whatever it may do: an error of the inode's pages is told to
 *				each of its descriptions, also to one for reading only
 *	read back through	ours if it may read; else the peer's
 *
 * A file of mode 0444 that its maker still writes to can be opened again for reading only, one of
 * mode 0200 for writing only, and one that root has given to somebody else not at all, since the
 * daemon has no CAP_DAC_OVERRIDE. Then the peer's description is all there is, and nobody can be
 * asked for errors: what becomes of plain writes is seen by looking, as with encoded ones (see
 * readback.h).
 */

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "closing.h"
#include "file.h"
#include "file_facts.h"
#include "inode.h"
#include "turn.h"
#include "user.h"
#include "wire/codes.h"
#include "writer.h"

static int flags_check(int fd, bool btrfs, bool nodatacow_allowed, bool *nodatacow)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return errno == ENOTTY || errno == EOPNOTSUPP ? 0 : -errno;
	if (flags & FS_APPEND_FL)
		return WIRE_E_APPEND;
	if (flags & FS_IMMUTABLE_FL)
		return WIRE_E_NOT_WRITABLE;
	*nodatacow = btrfs && flags & FS_NOCOW_FL;
	if (*nodatacow && !nodatacow_allowed)
		return WIRE_E_NODATACOW;
	return 0;
}

/* flags: as fcntl() has answered. */
static int access_check(int flags)
{
	if (flags < 0)
		return -errno;
	if (flags & O_PATH || (flags & O_ACCMODE) == O_RDONLY)
		return WIRE_E_NOT_WRITABLE;
	if (flags & O_APPEND)
		return WIRE_E_APPEND;
	return 0;
}

static int mode_check(mode_t mode, uint64_t links)
{
	if (!S_ISREG(mode))
		return WIRE_E_NOT_REGULAR;
	if (mode & (S_ISUID | S_ISGID))
		return WIRE_E_PRIVILEGED_FILE;
	if (!links)
		return WIRE_E_UNLINKED;
	return 0;
}

int file_reopen(int fd, const int modes[], size_t n, int *mode)
{
	char path[sizeof("/proc/self/fd/") + 11];
	_cleanup_(closep) int again = -1;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* Not to wait for somebody's lease. */
	for (size_t i = 0; again < 0 && i < n; i++) {
		*mode = modes[i];
		again = open(path, modes[i] | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	}
	/* The ring would take O_NONBLOCK for "fail rather than wait". */
	if (again < 0 || fcntl(again, F_SETFL, 0) < 0)
		return -1;
	return steal_fd(&again);
}

static bool may(int has, int mode)
{
	return has == mode || has == O_RDWR;
}

/* Keeps of the two what is needed; see the top. */
static void descriptors_choose(int *fd, int fd_mode, enum file_source source,
			       struct file_facts *out)
{
	static const int modes[] = { O_RDWR, O_WRONLY, O_RDONLY };
	int mode = O_ACCMODE; /* nothing may be done through it */

	if (source == FILE_OPENED) {
		out->own = steal_fd(fd);
		mode = fd_mode;
	} else if (source == FILE_PASSED) {
		out->own = file_reopen(*fd, modes, ARRAY_SIZE(modes), &mode);
	}
	if (out->own < 0)
		mode = O_ACCMODE;
	if (mode != O_RDWR && *fd >= 0)
		out->peers = steal_fd(fd);
	out->fd = may(mode, O_WRONLY) ? out->own : out->peers;
	out->view = may(mode, O_RDONLY)				? out->own
		    : out->peers >= 0 && may(fd_mode, O_RDONLY) ? out->peers
								: -1;
}

void file_facts_close(struct file_facts *facts)
{
	closep(&facts->own);
	closep(&facts->peers);
	closep(&facts->anchor);
	facts->own = facts->peers = facts->anchor = -1;
}

/* flags: as fcntl() has answered. out->fs is known. */
static int inode_examine(int *fd, int flags, enum file_source source, bool nodatacow_allowed,
			 const struct statx *st, struct file_facts *out)
{
	int r = mode_check(st->stx_mode, st->stx_nlink);

	if (!r)
		r = flags_check(*fd, out->fs.btrfs, nodatacow_allowed, &out->nodatacow);
	if (r)
		return r;
	descriptors_choose(fd, flags & O_ACCMODE, source, out);
	out->device = makedev(st->stx_dev_major, st->stx_dev_minor);
	out->number = st->stx_ino;
	out->size = st->stx_size;
	return 0;
}

int file_examine(int *fd, enum file_source source, bool nodatacow_allowed, const long *types,
		 struct file_facts *out)
{
	static const int reading = O_RDONLY;
	int flags = fcntl(*fd, F_GETFL), mode, r;
	struct statx st;

	*out = (struct file_facts){ .own = -1, .peers = -1, .anchor = -1 };
	r = access_check(flags);
	if (!r)
		r = filesystem_examine(*fd, &out->fs);
	if (r)
		return r;
	while (*types && *types != out->fs.type)
		types++;
	if (!*types)
		return WIRE_E_FILESYSTEM;
	if (filesystem_stat(*fd, &st) < 0)
		return -errno;
	/* One for writing would keep others from running the file, or sealing it with fs-verity. */
	if (out->fs.btrfs && source != FILE_SHARED)
		out->anchor = file_reopen(*fd, &reading, 1, &mode);
	return inode_examine(fd, flags, source, nodatacow_allowed, &st, out);
}

/*
 * Opening the file again could have to read its access list from the disk, which may be stuck: for
 * its owner the mode decides, and that is in memory.
 */
bool file_examine_quickly(const struct store *store, int *fd, uid_t peer, bool nodatacow_allowed,
			  struct file_facts *out, int *result)
{
	int flags = fcntl(*fd, F_GETFL);
	struct statx st;

	*out = (struct file_facts){ .own = -1, .peers = -1, .anchor = -1 };
	if (!filesystem_recognize(store, *fd, &out->fs, &st) || st.stx_uid != peer)
		return false;
	*result = access_check(flags);
	if (!*result)
		*result = inode_examine(fd, flags, FILE_PASSED, nodatacow_allowed, &st, out);
	return true;
}

/* In the loop's thread: no server is asked. */
int file_recheck(const struct file *file, uint64_t *size)
{
	bool nodatacow;
	struct statx st;
	int r = 0;

	if (!file_is_ours(file))
		r = access_check(fcntl(file->fd, F_GETFL));
	if (!r && file->inode->fs->btrfs)
		r = flags_check(file->fd, true, file->nodatacow, &nodatacow);
	if (r)
		return r < 0 ? WIRE_E_NOT_WRITABLE : r;
	if (filesystem_stat(file->fd, &st) < 0)
		return WIRE_E_NOT_REGULAR;
	*size = st.stx_size;
	return mode_check(st.stx_mode, st.stx_nlink);
}

struct file *file_new(struct store *store, struct user *user, struct file_facts *facts)
{
	struct filesystem *fs;
	struct inode *inode;
	struct turn *turn;
	struct file *file;

	fs = filesystem_get(store, facts->anchor >= 0 ? facts->anchor : facts->fd, &facts->fs);
	if (!fs)
		return NULL;
	inode = inode_get(store, fs, facts->device, facts->number);
	if (!inode)
		return NULL;
	file = calloc(1, sizeof(*file));
	turn = file ? turn_get(fs, user) : NULL;
	if (!turn) {
		free(file);
		inode_unref(inode);
		return NULL;
	}
	*file = (struct file){
		.store = store,
		.turn = turn,
		.inode = inode,
		.user = user_ref(user),
		.refs = 1,
		.fd = facts->fd,
		.view = facts->view,
		.own = steal_fd(&facts->own),
		.peers = steal_fd(&facts->peers),
		.nodatacow = facts->nodatacow,
		.encoded = fs->btrfs && store->encoded_io && !facts->nodatacow &&
			   store->options.backend != STORE_DECODE,
		.size = facts->size,
	};
	file->descriptors = (unsigned int)(file->own >= 0) + (file->peers >= 0);
	user->files += file->descriptors;
	store->counters.now_files += file->descriptors;
	return file;
}

struct file *file_ref(struct file *file)
{
	file->refs++;
	return file;
}

static void file_free(struct file *file)
{
	struct store *store = file->store;

	turn_unref(file->turn); /* the inode keeps its filesystem */
	inode_unref(file->inode);
	file->user->files -= file->descriptors;
	user_unref(file->user);
	store->counters.now_files -= file->descriptors;
	free(file);
	writer_pump_later(store);
}

bool file_is_ours(const struct file *file)
{
	return file->fd == file->own;
}

void file_unref(struct file *file)
{
	struct stat st;

	if (!file || --file->refs)
		return;
	/* The last close of a file without a name frees all its extents: not in the loop. */
	if (file->inode->fs->btrfs && fstat(file->fd, &st) == 0 && st.st_nlink) {
		closep(&file->own);
		closep(&file->peers);
	} else {
		const int fds[] = { file->own, file->peers };

		closing_add(file->store, file->user, fds, ARRAY_SIZE(fds));
	}
	file_free(file);
}
