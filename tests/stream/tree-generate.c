// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes and changes random trees, for streams worth receiving.
 *
 *	tree-generate SEED STEPS DIR [PERCENT]
 *
 * does STEPS random steps on whatever DIR holds: the first call makes a tree, later ones make the
 * next generation of it. The same seed on the same tree does the same steps. PERCENT of the files
 * that are made compressed keep the property that says so. (What arrives plain for such a file is
 * compressed by the receiving kernel, and how, depends on when it writes back.) Needs root (device
 * nodes, owners) and btrfs (compression, reflinks).
 */
#include <assert.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"

#define ENTRIES_MAX 100000
#define SECTOR	    4096

static uint64_t state;
static unsigned int keep_property;
static char *entries[ENTRIES_MAX]; /* "./a/b", sorted; entry 0 is "." */
static unsigned int entry_count;

/* splitmix64 */
static uint64_t random_u64(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static unsigned int below(unsigned int n)
{
	return random_u64() % n;
}

static bool chance(unsigned int percent)
{
	return below(100) < percent;
}

static int entry_add(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (entry_count < ENTRIES_MAX && strlen(path) < 3000)
		entries[entry_count++] = strdup(path);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void scan(void)
{
	while (entry_count)
		free(entries[--entry_count]);
	if (nftw(".", entry_add, 64, FTW_PHYS))
		err(1, "walking the tree");
	qsort(entries, entry_count, sizeof(*entries), by_name);
}

/* A random entry of one of the types in mask (1 << (mode >> 12)), or NULL. */
#define TYPE(mode) (1u << ((mode) >> 12))
#define ANY	   0xffffu
static const char *pick(unsigned int mask)
{
	for (int tries = 0; tries < 60; tries++) {
		const char *path = entries[below(entry_count)];
		struct stat st;

		if (!lstat(path, &st) && TYPE(st.st_mode & S_IFMT) & mask)
			return path;
	}
	return NULL;
}

static const char *pick_below_root(unsigned int mask)
{
	for (int tries = 0; tries < 8; tries++) {
		const char *path = pick(mask);

		if (path && path[1])
			return path;
	}
	return NULL;
}

/* Few letters, so that names come back and collide; now and then a hard one. */
static void new_name(char *path, size_t size)
{
	static const char *const odd[] = { "a b", "new\nline", "\xc3\xa9\xff", "back\\slash",
					   "-rf", "...",       "o257-7-0" };
	const char *dir = pick(TYPE(S_IFDIR)) ?: ".";

	if (chance(4))
		snprintf(path, size, "%s/%s", dir, odd[below(ARRAY_SIZE(odd))]);
	else if (chance(2))
		snprintf(path, size, "%s/%0*u", dir, 1 + (int)below(255), below(1000));
	else
		snprintf(path, size, "%s/%c%u", dir, 'a' + below(6), below(40));
}

static void fill(uint8_t *p, size_t size)
{
	unsigned int kind = below(4);
	uint64_t seed = random_u64();

	for (size_t i = 0; i < size; i++) {
		if (i % 8 == 0 && kind == 0)
			seed = random_u64(); /* incompressible */
		p[i] = kind == 0   ? seed >> i % 8 * 8
		       : kind == 1 ? "the quick brown fox "[(i + seed) % 20] + (i >> 12) % 3
		       : kind == 2 ? seed & 255
				   : (i * seed >> 9) & 15;
	}
}

static void write_range(int fd, uint64_t offset, size_t size)
{
	uint8_t *p = malloc(size + 1);

	if (!p)
		err(1, "malloc");
	fill(p, size);
	if (size && pwrite(fd, p, size, offset) < 0 && errno != ENOSPC)
		err(1, "pwrite");
	free(p);
}

static size_t random_size(void)
{
	switch (below(6)) {
	case 0:
		return below(64); /* empty and tiny */
	case 1:
		return below(SECTOR + 100); /* inline or just not */
	case 2:
		return SECTOR * below(20);
	case 3:
		return below(300000);
	case 4:
		return (128u << 10) * (1 + below(6));
	default:
		return below(1500000);
	}
}

static void new_file(const char *path)
{
	static const char *const methods[] = { "zlib", "lzo", "zstd" };
	_cleanup_(closep) int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600 | below(0200));
	size_t size = random_size();

	if (fd < 0)
		return;
	if (chance(60)) {
		const char *m = methods[below(3)];

		/* Some keep the property, some were only compressed by mount option or ioctl. */
		if (fsetxattr(fd, "btrfs.compression", m, strlen(m), 0))
			warn("btrfs.compression");
	} else if (chance(15)) {
		int flags = FS_NOCOW_FL;

		if (ioctl(fd, FS_IOC_SETFLAGS, &flags))
			warn("nodatacow");
	}
	if (chance(25)) { /* sparse, with a hole at the end perhaps */
		if (ftruncate(fd, size + SECTOR * (uint64_t)below(100)))
			err(1, "ftruncate");
		for (int i = below(4); i; i--)
			write_range(fd, SECTOR * (uint64_t)below(80), SECTOR * below(20));
	} else {
		write_range(fd, 0, size);
	}
	if (chance(5))
		(void)!fallocate(fd, below(2) ? FALLOC_FL_KEEP_SIZE : 0, size, SECTOR * below(32));
	if (!chance(keep_property)) {
		fsync(fd);
		fremovexattr(fd, "btrfs.compression");
	}
}

static void change_file(void)
{
	const char *path = pick(TYPE(S_IFREG));
	_cleanup_(closep) int fd = -1;
	struct stat st;

	if (!path || (fd = open(path, O_RDWR | O_NOFOLLOW)) < 0 || fstat(fd, &st))
		return;
	switch (below(6)) {
	case 0:
		write_range(fd, below(st.st_size + 1), below(200000));
		break;
	case 1:
		write_range(fd, st.st_size, random_size());
		break;
	case 2:
		(void)!ftruncate(fd, below(st.st_size + 1));
		break;
	case 3:
		(void)!ftruncate(fd, st.st_size + below(500000));
		break;
	case 4:
		(void)!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 below(st.st_size + 1), 1 + below(300000));
		break;
	case 5:
		(void)!ftruncate(fd, 0);
		write_range(fd, 0, random_size());
		break;
	}
}

static void reflink(void)
{
	struct file_clone_range range = { 0 };
	_cleanup_(closep) int from = -1, to = -1;
	const char *source = pick(TYPE(S_IFREG)), *target = pick(TYPE(S_IFREG));
	struct stat st;

	if (!source || !target || (from = open(source, O_RDONLY)) < 0 ||
	    (to = open(target, O_RDWR)) < 0 || fstat(from, &st))
		return;
	range.src_fd = from;
	if (chance(50) && st.st_size > SECTOR) {
		unsigned int sectors = st.st_size / SECTOR;

		range.src_offset = (uint64_t)SECTOR * below(sectors);
		range.src_length =
			(uint64_t)SECTOR * (1 + below(sectors - range.src_offset / SECTOR));
		range.dest_offset = (uint64_t)SECTOR * below(64);
	}
	(void)ioctl(to, FICLONERANGE, &range); /* refused for a mix with nodatacow and the like */
}

static void set_acl(const char *path, bool default_acl)
{
	struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} entry[5];
	} acl = { 2,
		  { { 1, 7, ~0u },
		    { 2, below(8), 1000 + below(9) },
		    { 4, below(8), ~0u },
		    { 16, below(8), ~0u },
		    { 32, below(8), ~0u } } };

	static_assert(sizeof(acl) == 44, "as linux/posix_acl_xattr.h has it");
	if (lsetxattr(path, default_acl ? "system.posix_acl_default" : "system.posix_acl_access",
		      &acl, sizeof(acl), 0))
		warn("acl on %s", path);
}

static void change_attributes(void)
{
	/* VFS_CAP_REVISION_2, effective, cap_net_raw */
	static const uint32_t capability[5] = { 0x02000001, 1 << 13, 0, 0, 0 };
	const char *path = pick(ANY & ~TYPE(S_IFLNK));
	struct timespec times[2];
	struct stat st;
	char name[32], value[3000];

	if (!path || lstat(path, &st))
		return;
	/* What the root hands down stops the planner: rarely, or nothing else would be tested. */
	if (!path[1] && chance(95))
		return;
	snprintf(name, sizeof(name), "user.%c", 'a' + below(4));
	switch (below(8)) {
	case 0:
		(void)!chmod(path, below(010000));
		break;
	case 1:
		(void)!lchown(path, below(3) * 1000, below(3) * 500);
		break;
	case 2:
		for (int i = 0; i < 2; i++)
			times[i] = (struct timespec){ below(2000000000), below(1000000000) };
		(void)!utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
		break;
	case 3:
		memset(value, 'a' + below(26), sizeof(value));
		(void)!lsetxattr(path, name, value, below(chance(90) ? 60 : sizeof(value)), 0);
		break;
	case 4:
		(void)!lremovexattr(path, name);
		break;
	case 5:
		set_acl(path, false);
		break;
	case 6:
		if (S_ISDIR(st.st_mode))
			set_acl(path, true);
		else
			(void)!lremovexattr(path, "system.posix_acl_access");
		break;
	case 7:
		if (S_ISREG(st.st_mode))
			(void)!setxattr(path, "security.capability", capability, sizeof(capability),
					0);
		break;
	}
}

static void make(void)
{
	char path[4096], target[64];
	const char *other;

	new_name(path, sizeof(path));
	switch (below(12)) {
	case 0:
	case 1:
		(void)!mkdir(path, 0700 | below(0100));
		break;
	case 2:
		snprintf(target, sizeof(target), "%s%u", chance(50) ? "../x y/" : "/no/such/",
			 below(1000));
		(void)!symlink(target, path);
		break;
	case 3:
		(void)!mknod(path, S_IFIFO | 0600 | below(0200), 0);
		break;
	case 4:
		(void)!mknod(path, S_IFSOCK | 0600 | below(0200), 0);
		break;
	case 5:
		(void)!mknod(path, (chance(50) ? S_IFCHR : S_IFBLK) | below(0777),
			     makedev(below(4000), below(100000)));
		break;
	case 6:
		other = pick(ANY & ~TYPE(S_IFDIR));
		if (other)
			(void)!link(other, path);
		break;
	default:
		new_file(path);
	}
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void move_or_remove(void)
{
	const char *from = pick_below_root(ANY), *to;
	char path[4096];

	if (!from)
		return;
	switch (below(6)) {
	case 0: /* deleted, and its name perhaps taken by something else at once */
		snprintf(path, sizeof(path), "%s", from);
		if (chance(70) ? remove(path) : nftw(path, remove_one, 64, FTW_PHYS | FTW_DEPTH))
			return;
		if (chance(50)) {
			if (chance(60))
				new_file(path);
			else
				(void)!mkdir(path, 0755);
		}
		break;
	case 1: /* swap */
		to = pick_below_root(ANY);
		if (to)
			(void)renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE);
		break;
	case 2: /* over something that is there */
		to = pick_below_root(ANY);
		if (to)
			(void)!rename(from, to);
		break;
	case 3: /* turn a directory and its parent upside down: d/e -> e/d */
		from = pick_below_root(TYPE(S_IFDIR));
		if (from && strrchr(from, '/') > from + 1) {
			static const char aside[] = "./upside-down";
			char parent[4096];
			char *slash;

			snprintf(parent, sizeof(parent), "%s", from);
			slash = strrchr(parent, '/');
			*slash = 0;
			if (!rename(from, aside)) {
				snprintf(path, sizeof(path), "%s/%s", aside,
					 strrchr(parent, '/') + 1);
				if (rename(parent, path) == 0)
					(void)!rename(aside, parent);
			}
		}
		break;
	default:
		new_name(path, sizeof(path));
		(void)renameat2(AT_FDCWD, from, AT_FDCWD, path, RENAME_NOREPLACE);
	}
}

int main(int argc, char **argv)
{
	unsigned long steps;

	if (argc != 4 && argc != 5)
		errx(2, "usage: tree-generate SEED STEPS DIR [PERCENT]");
	keep_property = argc == 5 ? strtoul(argv[4], NULL, 0) : 50;
	state = strtoull(argv[1], NULL, 0);
	steps = strtoul(argv[2], NULL, 0);
	umask(0);
	if (chdir(argv[3]))
		err(1, "%s", argv[3]);
	scan();
	for (unsigned long i = 0; i < steps; i++) {
		unsigned int dice = below(100), bias = entry_count < 60 ? 30 : 0;

		if (dice < 35 + bias)
			make();
		else if (dice < 55 + bias / 2)
			change_file();
		else if (dice < 65 + bias / 2)
			reflink();
		else if (dice < 80 + bias / 3)
			change_attributes();
		else
			move_or_remove();
		scan();
	}
	printf("seed %s: %u entries after %lu steps\n", argv[1], entry_count, steps);
	return 0;
}
