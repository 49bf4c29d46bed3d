// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * The order makes it right. A file's identities are taken before it is read: what is changed
 * afterwards has other ones the next time, and is copied then, whether or not this run saw some of
 * it. The copy's inode is looked at when all is done: if anybody has touched it since, by its
 * time of change, nothing that is remembered of it counts. And the memory is written last, so that
 * a run that fails leaves one that no longer fits the files that it changed.
 */

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "copy/known.h"

#define MAGIC	  "extentd update 1"
#define STATE_MAX (UINT64_C(4) << 30) /* bytes of the memory that are read back */

/* An entry in the file; path and identities follow. */
struct record {
	uint32_t path_len, type;
	uint64_t n;
	XXH128_hash_t copy;
};

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct known *)a)->path, ((const struct known *)b)->path);
}

struct known *known_find(void *const *tree, const char *path)
{
	struct known key = { .path = (char *)path };
	struct known **found = tfind(&key, tree, by_path);

	return found ? *found : NULL;
}

static void known_free(void *p)
{
	struct known *e = p;

	identities_free(&e->ids);
	free(e->path);
	free(e);
}

static struct known *add(void **tree, const char *path, size_t len, mode_t type)
{
	struct known *e = calloc(1, sizeof(*e));

	if (!e || !(e->path = strndup(path, len)) || !tsearch(e, tree, by_path)) {
		if (e)
			known_free(e);
		return NULL;
	}
	e->type = type;
	return e;
}

const char *path_below(const char *root, const char *path)
{
	size_t n = strlen(root);

	path += strncmp(path, root, n) ? 0 : n;
	while (*path == '/')
		path++;
	return path;
}

const char *update_path(const struct update *u, const char *path)
{
	return path_below(u->source, path);
}

static _Thread_local struct update *walking; /* twalk() has no argument to pass on */

static XXH128_hash_t copy_of(const struct stat *st)
{
	uint64_t key[4] = { st->st_ino, (uint64_t)st->st_size, (uint64_t)st->st_ctim.tv_sec,
			    (uint64_t)st->st_ctim.tv_nsec };

	return XXH3_128bits(key, sizeof(key));
}

/* False: it is damaged. */
static bool parse(struct update *u, const char *at, const char *end)
{
	while (at < end) {
		struct record r;
		struct known *e;

		if ((size_t)(end - at) < sizeof(r))
			return false;
		memcpy(&r, at, sizeof(r));
		at += sizeof(r);
		if (r.path_len > (size_t)(end - at) || memchr(at, 0, r.path_len) ||
		    r.n > ((size_t)(end - at) - r.path_len) / sizeof(struct identity))
			return false;
		e = add(&u->old, at, r.path_len, r.type);
		at += r.path_len;
		if (!e)
			return false;
		e->copy = r.copy;
		e->ids = (struct identities){ .n = r.n, .room = r.n, .known = true };
		e->ids.list = malloc(r.n * sizeof(struct identity) + 1);
		if (!e->ids.list)
			return false;
		memcpy(e->ids.list, at, r.n * sizeof(struct identity));
		at += r.n * sizeof(struct identity);
	}
	return true;
}

static void load(struct update *u)
{
	_cleanup_(fclosep) FILE *f = fopen(u->state, "re");
	_cleanup_(freep) char *bytes = NULL;
	const size_t head = sizeof(MAGIC), tail = sizeof(XXH128_hash_t);
	XXH128_hash_t sum;
	struct stat st;
	size_t n;

	if (!f || fstat(fileno(f), &st) < 0 || st.st_uid != geteuid() ||
	    (uint64_t)st.st_size > STATE_MAX || (size_t)st.st_size < head + tail)
		return;
	n = (size_t)st.st_size;
	bytes = malloc(n);
	if (!bytes || fread(bytes, 1, n, f) != n || memcmp(bytes, MAGIC, head))
		return;
	memcpy(&sum, bytes + n - tail, tail);
	if (!XXH128_isEqual(sum, XXH3_128bits(bytes, n - tail)) ||
	    !parse(u, bytes + head, bytes + n - tail)) {
		tdestroy(u->old, known_free);
		u->old = NULL;
	}
}

/* "/a/b" → "/a/.b.extentd-update" */
static char *state_name(const char *copy)
{
	size_t len = strlen(copy);
	const char *slash;
	char *name;

	while (len > 1 && copy[len - 1] == '/')
		len--;
	slash = memrchr(copy, '/', len);
	if (asprintf(&name, "%.*s.%.*s.extentd-update", slash ? (int)(slash + 1 - copy) : 0, copy,
		     (int)(len - (slash ? (size_t)(slash + 1 - copy) : 0)),
		     slash ? slash + 1 : copy) < 0)
		return NULL;
	return name;
}

int update_new(const char *source, const char *read, const char *copy, struct update **out)
{
	struct update *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->source = strdup(source);
	u->read = strdup(read);
	u->copy = strdup(copy);
	u->state = state_name(copy);
	if (!u->source || !u->read || !u->copy || !u->state) {
		update_free(u);
		return -ENOMEM;
	}
	load(u);
	*out = u;
	return 0;
}

struct update *update_free(struct update *u)
{
	if (!u)
		return NULL;
	tdestroy(u->old, known_free);
	tdestroy(u->new, known_free);
	free(u->source);
	free(u->read);
	free(u->copy);
	free(u->state);
	free(u);
	return NULL;
}

int update_other(struct update *u, const char *path, mode_t type)
{
	path = update_path(u, path);
	if (known_find(&u->new, path))
		return 0;
	return add(&u->new, path, strlen(path), type) ? 0 : -ENOMEM;
}

/* Makes holes of the copy where the source has them and had none. */
static int make_holes(int fd, const struct identities *now, uint64_t size)
{
	uint64_t at = 0;

	for (size_t i = 0; i <= now->n; i++) {
		uint64_t next = i < now->n ? now->list[i].offset : size;

		if (next > at && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					   (off_t)at, (off_t)(next - at)) < 0)
			return -errno;
		if (i < now->n)
			at = now->list[i].offset + now->list[i].len;
	}
	return 0;
}

/* True if it is the file that the last run left, and may be written to where it stands. */
static bool untouched(const struct known *old, const struct stat *source, const struct stat *copy)
{
	return old && S_ISREG(copy->st_mode) && copy->st_nlink == 1 && source->st_nlink == 1 &&
	       !(copy->st_mode & (S_ISUID | S_ISGID)) && old->ids.known &&
	       XXH128_isEqual(old->copy, copy_of(copy));
}

int update_file(struct update *u, const char *path, int fd, const struct stat *st, int dir,
		const char *name, struct identities *out)
{
	const char *key = update_path(u, path);
	const struct known *old = known_find(&u->old, key);
	_cleanup_(closep) int copy = -1;
	struct known *now;
	struct stat there;
	size_t at = 0;
	int err = 0;

	*out = (struct identities){ NULL };
	now = add(&u->new, key, strlen(key), S_IFREG);
	if (!now)
		return -ENOMEM;
	err = identities_read(fd, st, &now->ids);
	if (err < 0)
		return err;
	if (fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!now->ids.known || !untouched(old, st, &there)) {
		if (S_ISREG(there.st_mode) &&
		    !(there.st_dev == st->st_dev && there.st_ino == st->st_ino))
			unlinkat(dir, name, 0);
		return 0;
	}
	copy = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (copy < 0 || ((there.st_size > st->st_size) && ftruncate(copy, st->st_size) < 0))
		err = -errno;
	if (!err)
		err = make_holes(copy, &now->ids, (uint64_t)st->st_size);
	if (err < 0)
		return unlinkat(dir, name, 0) < 0 ? -errno : 0;
	for (size_t i = 0; !err && i < now->ids.n; i++)
		err = identities_new(&old->ids, &at, &now->ids.list[i], out);
	return err < 0 ? err : 1;
}

static void put(struct update *u, const void *bytes, size_t n)
{
	if (!n) /* and bytes may be NULL */
		return;
	XXH3_128bits_update(u->sum, bytes, n);
	if (fwrite(bytes, 1, n, u->out) != n)
		u->error = -EIO;
}

static void save_entry(const void *node, VISIT visit, int depth)
{
	struct update *u = walking;
	const struct known *e = *(struct known *const *)node;
	/* Of a run with errors nobody knows what each file holds: where it is as the last one left
	 * it, that is known. */
	const struct known *old = known_find(&u->old, e->path);
	const struct known *k = u->complete ? e : old && old->type == e->type ? old : NULL;
	struct record r = { (uint32_t)strlen(e->path), e->type, k ? k->ids.n : 0, { 0, 0 } };
	struct stat st;

	if (visit != postorder && visit != leaf)
		return;
	if (!u->complete) {
		if (k)
			r.copy = k->copy;
	} else if (e->type == S_IFREG) {
		if (copy_stat(u, e->path, &st) < 0)
			r.n = 0;
		else if (e->ids.known)
			r.copy = copy_of(&st);
		else
			r.n = 0; /* and no inode has this digest */
	}
	put(u, &r, sizeof(r));
	put(u, e->path, r.path_len);
	put(u, k ? k->ids.list : NULL, r.n * sizeof(struct identity));
}

int update_save(struct update *u, bool complete)
{
	_cleanup_(freep) char *temporary = NULL;
	_cleanup_(closep) int fd = -1;
	XXH128_hash_t sum;

	if (!complete && !u->old && !u->new)
		return 0;
	if (asprintf(&temporary, "%s.new", u->state) < 0)
		return -ENOMEM;
	u->sum = XXH3_createState();
	unlink(temporary); /* of a run that was killed */
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	u->out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!u->sum || !u->out) {
		XXH3_freeState(u->sum);
		return fd < 0 ? -errno : -ENOMEM;
	}
	steal_fd(&fd);
	XXH3_128bits_reset(u->sum);
	u->complete = complete;
	u->error = gone_keep(u);
	walking = u;
	put(u, MAGIC, sizeof(MAGIC));
	twalk(u->new, save_entry);
	sum = XXH3_128bits_digest(u->sum);
	put(u, &sum, sizeof(sum));
	XXH3_freeState(u->sum);
	if (fflush(u->out) || fsync(fileno(u->out)) < 0)
		u->error = -errno;
	fclose(u->out);
	if (!u->error && rename(temporary, u->state) < 0)
		u->error = -errno;
	return u->error;
}
