// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prints everything about btrfs trees that a copy should have in common with its original, one fact
 * a line and in an order that depends on the names only: two trees are equal when their manifests
 * are. Extents come from the extent items themselves (FIEMAP merges neighbours and hides offsets).
 * Blocks are compared by what they share: a block of the disk is named after the first place that
 * refers to it, in all the trees given. Needs root.
 *
 *	tree-manifest [-l] [-s] [-c] DIR...
 *
 * -l: loosely, whether and how data are compressed is left out; sharing is not.
 * -s: without the extents of files of at most a sector, inline or not as it happens; nor is said of
 *     a compressed first sector of longer ones which it is: the kernel takes it inline only if it
 *     comes before all others, and nobody orders writes to different places.
 * -c: without any extents: what everybody can read.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <endian.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"

#define SECTOR 4096u

/* What was seen first under a key: the place's name. Keys: disk blocks, inode numbers. */
struct place {
	uint64_t space, key, tree;
	char *name;
};

static void *places;
static bool loose, skip_small, skip_all;

static int place_compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->space != y->space)
		return x->space < y->space ? -1 : 1;
	if (x->tree != y->tree)
		return x->tree < y->tree ? -1 : 1;
	return x->key < y->key ? -1 : x->key > y->key;
}

static const char *place_first(uint64_t space, uint64_t tree, uint64_t key, const char *path,
			       uint64_t offset)
{
	struct place *new = malloc(sizeof(*new)), **found;

	if (!new)
		err(1, "malloc");
	*new = (struct place){ .space = space, .tree = tree, .key = key };
	found = tsearch(new, &places, place_compare);
	if (!found)
		err(1, "tsearch");
	if (*found != new)
		free(new);
	else if (asprintf(&new->name, "%s@%" PRIu64, path, offset) < 0)
		err(1, "asprintf");
	return (*found)->name;
}

static void put_quoted(const char *s, size_t size)
{
	for (; size--; s++)
		if (*s > 32 && *s < 127 && *s != '\\')
			putchar(*s);
		else
			printf("\\x%02x", (unsigned char)*s);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_xattrs(const char *label, const char *path)
{
	char list[65536], value[65536], *names[1000];
	ssize_t size = llistxattr(path, list, sizeof(list));
	size_t count = 0;

	if (size < 0)
		err(1, "llistxattr %s", path);
	for (char *p = list; p < list + size && count < 1000; p += strlen(p) + 1)
		names[count++] = p;
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i < count; i++) {
		ssize_t n = lgetxattr(path, names[i], value, sizeof(value));

		printf("%s xattr ", label);
		put_quoted(names[i], strlen(names[i]));
		putchar('=');
		if (n > 0)
			put_quoted(value, n);
		putchar('\n');
	}
}

/* A run of equal lines, so that a large file is not a line per sector. */
struct run {
	const char *label;
	uint64_t start, end;
	char what[8192 + 32];
	uint64_t next; /* where what goes on, if it names places */
	char base[8192];
};

static void run_flush(struct run *r)
{
	if (r->end > r->start)
		printf("%s extent %" PRIu64 "+%" PRIu64 " %s\n", r->label, r->start,
		       r->end - r->start, r->what);
	r->start = r->end = 0;
}

static void run_add(struct run *r, uint64_t start, uint64_t size, const char *kind,
		    const char *place)
{
	char base[8192], what[8192 + 32];
	uint64_t at = 0;
	const char *sign = place ? strrchr(place, '@') : NULL;

	if (sign) {
		at = strtoull(sign + 1, NULL, 10);
		snprintf(base, sizeof(base), "%s %.*s", kind, (int)(sign - place), place);
		snprintf(what, sizeof(what), "%s@%" PRIu64, base, at);
	} else {
		snprintf(base, sizeof(base), "%s", kind);
		snprintf(what, sizeof(what), "%s", kind);
	}
	if (r->end == start && r->end > r->start && !strcmp(r->base, base) &&
	    (!sign || r->next == at)) {
		r->end += size;
	} else {
		run_flush(r);
		r->start = start;
		r->end = start + size;
		memcpy(r->what, what, sizeof(what));
		memcpy(r->base, base, sizeof(base));
	}
	r->next = at + size;
}

static void extent_add(struct run *r, const char *label, uint64_t offset,
		       const struct btrfs_file_extent_item *item)
{
	static const char *const methods[] = { "plain", "zlib", "lzo", "zstd" };
	uint64_t disk = le64toh(item->disk_bytenr), ram = le64toh(item->ram_bytes);
	uint64_t in = le64toh(item->offset), size = le64toh(item->num_bytes);
	const char *method = item->compression < 4 ? methods[item->compression] : "unknown";
	char kind[128];

	if (skip_small && !offset && item->compression && ram <= SECTOR) {
		run_flush(r);
		snprintf(kind, sizeof(kind), "%s, inline or not", loose ? "data" : method);
		run_add(r, 0, SECTOR, kind, NULL);
		run_flush(r);
	} else if (item->type == BTRFS_FILE_EXTENT_INLINE) {
		if (loose)
			method = "data";
		snprintf(kind, sizeof(kind), "inline %s", method);
		run_add(r, offset, ram, kind, NULL);
	} else if (!disk) {
		run_add(r, offset, size, "hole", NULL);
	} else if (item->type == BTRFS_FILE_EXTENT_PREALLOC) {
		run_add(r, offset, size, "prealloc", NULL);
	} else if (loose) {
		for (uint64_t i = 0; i < size; i += SECTOR)
			run_add(r, offset + i, SECTOR, "data",
				place_first(0, disk, in + i, label, offset + i));
	} else if (item->compression) {
		const char *first = place_first(1, in, disk, label, offset);

		run_flush(r);
		snprintf(kind, sizeof(kind), "%s of %" PRIu64 " from %" PRIu64 " in %" PRIu64,
			 method, ram, in, (uint64_t)le64toh(item->disk_num_bytes));
		run_add(r, offset, size, kind, first);
		run_flush(r);
	} else {
		for (uint64_t i = 0; i < size; i += SECTOR)
			run_add(r, offset + i, SECTOR, "plain",
				place_first(0, 0, disk + in + i, label, offset + i));
	}
}

static void put_extents(const char *label, int fd, uint64_t ino, uint64_t file_size)
{
	static union {
		struct btrfs_ioctl_search_args_v2 args;
		uint8_t bytes[sizeof(struct btrfs_ioctl_search_args_v2) + (1 << 20)];
	} search;
	struct run run = { .label = label };
	uint64_t from = 0, covered = 0;

	for (;;) {
		struct btrfs_ioctl_search_key *k = &search.args.key;
		const uint8_t *p = (const uint8_t *)search.args.buf;

		memset(k, 0, sizeof(*k));
		k->min_objectid = k->max_objectid = ino;
		k->min_type = k->max_type = BTRFS_EXTENT_DATA_KEY;
		k->min_offset = from;
		k->max_offset = k->max_transid = UINT64_MAX;
		k->nr_items = 10000;
		search.args.buf_size = 1 << 20;
		if (ioctl(fd, BTRFS_IOC_TREE_SEARCH_V2, &search.args))
			err(1, "TREE_SEARCH_V2 %s", label);
		if (!k->nr_items)
			break;
		for (uint32_t i = 0; i < k->nr_items; i++) {
			struct btrfs_ioctl_search_header h;
			struct btrfs_file_extent_item item = { 0 };

			memcpy(&h, p, sizeof(h));
			p += sizeof(h);
			memcpy(&item, p, h.len < sizeof(item) ? h.len : sizeof(item));
			p += h.len;
			from = h.offset + 1;
			if (h.offset > covered)
				run_add(&run, covered, h.offset - covered, "hole", NULL);
			extent_add(&run, label, h.offset, &item);
			covered = h.offset + (item.type == BTRFS_FILE_EXTENT_INLINE
						      ? le64toh(item.ram_bytes)
						      : le64toh(item.num_bytes));
		}
	}
	if (file_size > covered)
		run_add(&run, covered, (file_size - covered + SECTOR - 1) / SECTOR * SECTOR, "hole",
			NULL);
	run_flush(&run);
}

static void put_content(const char *label, const char *path, const struct stat *st)
{
	static uint8_t buffer[1 << 20];
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NOATIME);
	XXH3_state_t *hash = XXH3_createState();
	XXH128_hash_t sum;
	ssize_t n;

	if (fd < 0 || !hash)
		err(1, "open %s", path);
	XXH3_128bits_reset(hash);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		XXH3_128bits_update(hash, buffer, n);
	if (n < 0)
		printf("%s content unreadable: %s\n", label, strerror(errno));
	sum = XXH3_128bits_digest(hash);
	XXH3_freeState(hash);
	printf("%s content %" PRIu64 " %016" PRIx64 "%016" PRIx64 "\n", label,
	       (uint64_t)st->st_size, (uint64_t)sum.high64, (uint64_t)sum.low64);
	if (!skip_all && (!skip_small || st->st_size > SECTOR))
		put_extents(label, fd, st->st_ino, st->st_size);
}

static char *quoted(const char *path)
{
	size_t size = strlen(path), n = 0;
	char *out = malloc(4 * size + 1);

	if (!out)
		err(1, "malloc");
	for (size_t i = 0; i < size; i++)
		if (path[i] > 32 && path[i] < 127 && path[i] != '\\' && path[i] != '@')
			out[n++] = path[i];
		else
			n += sprintf(out + n, "\\x%02x", (unsigned char)path[i]);
	out[n] = 0;
	return out;
}

static void put_tree(uint64_t tree, const char *root, const char *path)
{
	_cleanup_(freep) char *name = quoted(path + strlen(root)), *label = NULL;
	struct dirent **names;
	char target[4096];
	struct stat st;
	int n;

	if (lstat(path, &st))
		err(1, "%s", path);
	if (asprintf(&label, "%" PRIu64 ":%s", tree, *name ? name : "/") < 0)
		err(1, "asprintf");
	printf("%s mode %o owner %u:%u mtime %lld.%09ld atime %lld.%09ld\n", label, st.st_mode,
	       st.st_uid, st.st_gid, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
	       (long long)st.st_atim.tv_sec, st.st_atim.tv_nsec);
	put_xattrs(label, path);
	if (!S_ISDIR(st.st_mode))
		printf("%s links %lu first %s\n", label, (unsigned long)st.st_nlink,
		       place_first(2, tree, st.st_ino, label, 0));
	if (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode))
		printf("%s device %lx\n", label, (unsigned long)st.st_rdev);
	if (S_ISLNK(st.st_mode)) {
		ssize_t size = readlink(path, target, sizeof(target));

		printf("%s target ", label);
		put_quoted(target, size < 0 ? 0 : size);
		putchar('\n');
	}
	if (S_ISREG(st.st_mode))
		put_content(label, path, &st);
	if (!S_ISDIR(st.st_mode))
		return;
	n = scandir(path, &names, NULL, NULL);
	if (n < 0)
		err(1, "%s", path);
	{
		_cleanup_(freep) char **sorted = calloc(n + 1, sizeof(*sorted));

		if (!sorted)
			err(1, "calloc");
		for (int i = 0; i < n; i++)
			sorted[i] = names[i]->d_name;
		qsort(sorted, n, sizeof(*sorted), compare_names);
		for (int i = 0; i < n; i++) {
			_cleanup_(freep) char *below = NULL;

			if (!strcmp(sorted[i], ".") || !strcmp(sorted[i], ".."))
				continue;
			if (asprintf(&below, "%s/%s", path, sorted[i]) < 0)
				err(1, "asprintf");
			put_tree(tree, root, below);
		}
	}
	while (n)
		free(names[--n]);
	free(names);
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "lsc")) != -1) {
		loose |= option == 'l';
		skip_small |= option == 's';
		skip_all |= option == 'c';
		if (option == '?')
			return 2;
	}
	if (optind == argc)
		errx(2, "usage: tree-manifest [-l] [-s] [-c] DIR...");
	for (int i = optind; i < argc; i++) {
		/* Inode numbers and delayed allocation settle with a commit. */
		_cleanup_(closep) int fd = open(argv[i], O_RDONLY | O_DIRECTORY);

		if (fd < 0 || syncfs(fd))
			err(1, "%s", argv[i]);
		put_tree(i - optind + 1, argv[i], argv[i]);
	}
	return fflush(stdout) ? 1 : 0;
}
