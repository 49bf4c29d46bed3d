// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A disk with a volatile write cache whose power can be cut, as a FUSE file for a loop device.
 *
 * DIR/disk is the disk. A write is in the cache once it has completed, and on the platter once a
 * flush that arrived after its completion is done: what a flush does not cover, a cut takes away.
 * Writing a path to DIR/cut saves the platter as it is at that moment, holes kept, to that path:
 * the image that a machine would find after losing power then. The disk itself goes on.
 *
 * Writing "MS MIN PERCENT" to DIR/slow delays PERCENT of the writes of at least MIN bytes by MS
 * milliseconds. Writing "COUNT MIN" to DIR/fail makes the next COUNT writes of at least MIN bytes
 * fail with EIO. Reading DIR/inflight gives the number of writes that are waiting out a delay.
 *
 * Use it with losetup --direct-io=on: a buffered loop device hands requests on one after another.
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#define DISK_BLOCK 4096

struct dirty_range {
	SLIST_ENTRY(dirty_range) link;
	off_t offset;
	size_t size;
	bool discarded;
};

static struct {
	pthread_mutex_t lock;
	size_t size;
	char *cache;   /* what a read sees */
	char *platter; /* what a cut leaves */
	bool *filled;  /* blocks of the cache written since they were last discarded */
	bool *written; /* blocks of the platter that were ever written */
	SLIST_HEAD(, dirty_range) dirty;
	unsigned slow_ms, slow_min, slow_percent;
	unsigned fail_count, fail_min;
	unsigned inflight;
	unsigned random;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .random = 1};

static const char *const disk_files[] = {"/disk", "/cut", "/slow", "/fail", "/inflight"};

static int disk_getattr(const char *path, struct stat *st, struct fuse_file_info *info)
{
	(void)info;
	*st = (struct stat){.st_mode = S_IFREG | 0600, .st_nlink = 1};
	if (!strcmp(path, "/")) {
		st->st_mode = S_IFDIR | 0700;
		st->st_nlink = 2;
		return 0;
	}
	if (!strcmp(path, "/disk"))
		st->st_size = (off_t)disk.size;
	for (size_t i = 0; i < sizeof(disk_files) / sizeof(*disk_files); i++) {
		if (!strcmp(path, disk_files[i]))
			return 0;
	}
	return -ENOENT;
}

static int disk_open(const char *path, struct fuse_file_info *info)
{
	(void)path;
	info->direct_io = 1;
	return 0;
}

static int disk_read(const char *path, char *buf, size_t size, off_t offset,
		     struct fuse_file_info *info)
{
	(void)info;
	if (!strcmp(path, "/inflight")) {
		if (offset)
			return 0;
		pthread_mutex_lock(&disk.lock);
		int n = snprintf(buf, size, "%u\n", disk.inflight);
		pthread_mutex_unlock(&disk.lock);
		return n;
	}
	if (strcmp(path, "/disk") || (size_t)offset >= disk.size)
		return 0;
	if (size > disk.size - (size_t)offset)
		size = disk.size - (size_t)offset;
	pthread_mutex_lock(&disk.lock);
	memcpy(buf, disk.cache + offset, size);
	pthread_mutex_unlock(&disk.lock);
	return (int)size;
}

/* Saves the platter; blocks never written stay holes. */
static int disk_cut(const char *path)
{
	FILE *file = fopen(path, "w");
	int ret = 0;

	if (!file)
		return -errno;
	if (ftruncate(fileno(file), (off_t)disk.size))
		ret = -errno;
	for (size_t at = 0; !ret && at < disk.size; at += DISK_BLOCK) {
		if (!disk.written[at / DISK_BLOCK])
			continue;
		if (pwrite(fileno(file), disk.platter + at, DISK_BLOCK, (off_t)at) != DISK_BLOCK)
			ret = -EIO;
	}
	fclose(file);
	return ret;
}

static int disk_control(const char *path, const char *buf, size_t size)
{
	char text[512];
	int ret = 0;

	if (size >= sizeof(text))
		return -EINVAL;
	memcpy(text, buf, size);
	text[size] = 0;
	text[strcspn(text, "\n")] = 0;
	pthread_mutex_lock(&disk.lock);
	if (!strcmp(path, "/cut"))
		ret = disk_cut(text);
	else if (!strcmp(path, "/slow"))
		ret = sscanf(text, "%u %u %u", &disk.slow_ms, &disk.slow_min, &disk.slow_percent) ==
				      3
			      ? 0
			      : -EINVAL;
	else if (!strcmp(path, "/fail"))
		ret = sscanf(text, "%u %u", &disk.fail_count, &disk.fail_min) == 2 ? 0 : -EINVAL;
	else
		ret = -EACCES;
	pthread_mutex_unlock(&disk.lock);
	return ret ? ret : (int)size;
}

/* Called and left with the lock held; lets other requests pass meanwhile. */
static void disk_delay(size_t size)
{
	struct timespec wait = {disk.slow_ms / 1000, disk.slow_ms % 1000 * 1000000L};

	if (!disk.slow_ms || size < disk.slow_min ||
	    (unsigned)rand_r(&disk.random) % 100 >= disk.slow_percent)
		return;
	disk.inflight++;
	pthread_mutex_unlock(&disk.lock);
	nanosleep(&wait, NULL);
	pthread_mutex_lock(&disk.lock);
	disk.inflight--;
}

static int disk_change(const char *buf, size_t size, off_t offset)
{
	struct dirty_range *range;

	/* The loop device's blocks are ours: nothing is smaller or unaligned. */
	if (!size || offset % DISK_BLOCK || size % DISK_BLOCK || (size_t)offset > disk.size ||
	    size > disk.size - (size_t)offset)
		return -EINVAL;
	range = malloc(sizeof(*range));
	if (!range)
		return -ENOMEM;
	range->offset = offset;
	range->size = size;
	SLIST_INSERT_HEAD(&disk.dirty, range, link);
	range->discarded = !buf;
	memset(disk.filled + offset / DISK_BLOCK, !!buf, size / DISK_BLOCK);
	if (buf)
		memcpy(disk.cache + offset, buf, size);
	else if (madvise(disk.cache + offset, size, MADV_DONTNEED))
		memset(disk.cache + offset, 0, size);
	return (int)size;
}

static int disk_write(const char *path, const char *buf, size_t size, off_t offset,
		      struct fuse_file_info *info)
{
	bool fails;
	int ret;

	(void)info;
	if (strcmp(path, "/disk"))
		return disk_control(path, buf, size);
	pthread_mutex_lock(&disk.lock);
	/* Decided on arrival, or a write that is waiting would take the error of a later one. */
	fails = disk.fail_count && size >= disk.fail_min;
	disk.fail_count -= fails;
	disk_delay(size);
	ret = fails ? -EIO : disk_change(buf, size, offset);
	pthread_mutex_unlock(&disk.lock);
	return ret;
}

/*
 * A discard is sparse on the platter too, but for what was written there after it. Nor are the
 * discarded pages of the cache read: under User-Mode Linux each of them would become a mapping of the
 * host's, and a disk that mkfs discards has more of them than a process may have (vm.max_map_count);
 * the reader then faults for ever.
 */
static void platter_write(const struct dirty_range *range)
{
	size_t first = (size_t)range->offset / DISK_BLOCK;
	size_t last = ((size_t)range->offset + range->size - 1) / DISK_BLOCK;

	for (size_t i = first; i <= last; i++) {
		if (range->discarded && !disk.written[i] && !disk.filled[i])
			continue;
		memcpy(disk.platter + i * DISK_BLOCK, disk.cache + i * DISK_BLOCK, DISK_BLOCK);
		disk.written[i] = true;
	}
}

static int disk_flush(const char *path, int datasync, struct fuse_file_info *info)
{
	struct dirty_range *range;

	(void)path;
	(void)datasync;
	(void)info;
	pthread_mutex_lock(&disk.lock);
	while ((range = SLIST_FIRST(&disk.dirty))) {
		platter_write(range);
		SLIST_REMOVE_HEAD(&disk.dirty, link);
		free(range);
	}
	pthread_mutex_unlock(&disk.lock);
	return 0;
}

static int disk_fallocate(const char *path, int mode, off_t offset, off_t size,
			  struct fuse_file_info *info)
{
	int ret;

	(void)info;
	if (strcmp(path, "/disk") || !(mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)))
		return -EOPNOTSUPP;
	size -= size % DISK_BLOCK;
	pthread_mutex_lock(&disk.lock);
	ret = disk_change(NULL, (size_t)size, offset);
	pthread_mutex_unlock(&disk.lock);
	return ret < 0 ? ret : 0;
}

static int disk_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t offset,
			struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
	(void)path;
	(void)offset;
	(void)info;
	(void)flags;
	for (size_t i = 0; i < sizeof(disk_files) / sizeof(*disk_files); i++)
		fill(buf, disk_files[i] + 1, NULL, 0, 0);
	return 0;
}

static int disk_truncate(const char *path, off_t size, struct fuse_file_info *info)
{
	(void)path;
	(void)size;
	(void)info;
	return 0; /* the shell opens control files with O_TRUNC */
}

static const struct fuse_operations disk_operations = {
	.getattr = disk_getattr,
	.open = disk_open,
	.read = disk_read,
	.write = disk_write,
	.fsync = disk_flush,
	.fallocate = disk_fallocate,
	.readdir = disk_readdir,
	.truncate = disk_truncate,
};

static char *disk_image(void)
{
	char *image = mmap(NULL, disk.size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return image == MAP_FAILED ? NULL : image;
}

int main(int argc, char **argv)
{
	char *fuse_argv[] = {argv[0], argc > 1 ? argv[1] : NULL, NULL};

	if (argc != 3) {
		fprintf(stderr, "usage: cutdisk DIR MIB\n");
		return 2;
	}
	disk.size = strtoul(argv[2], NULL, 0) << 20;
	disk.cache = disk_image();
	disk.platter = disk_image();
	disk.filled = calloc(disk.size / DISK_BLOCK, sizeof(*disk.filled));
	disk.written = calloc(disk.size / DISK_BLOCK, sizeof(*disk.written));
	if (!disk.size || !disk.cache || !disk.platter || !disk.filled || !disk.written) {
		fprintf(stderr, "cutdisk: no memory for two images of %s MiB\n", argv[2]);
		return 1;
	}
	return fuse_main(2, fuse_argv, &disk_operations, NULL);
}
