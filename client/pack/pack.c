// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "copy/names.h"
#include "pack/queue.h"

#define FIRST_INODE 256 /* the root's, as btrfs counts */

void pack_error(struct pack *p, const char *path, int error, const char *format, ...)
{
	char what[1024], text[6144];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(text, sizeof(text), "%s: %s%s%s", *path ? path : "/", what, error ? ": " : "",
		 error ? strerror(error) : "");
	p->opt->stats->errors++;
	if (p->opt->error)
		p->opt->error(p->opt->userdata, text);
}

int pack_command(struct pack *p, const struct stream_command *c)
{
	return stream_encode(&p->out, c);
}

/* The stream's own name for what it makes: no other has it. */
static int subvolume_put(struct pack *p)
{
	struct stream_command c = {
		.op = STREAM_C_SUBVOL,
		.path = pack_string(p->opt->name),
		.ctransid = 1,
	};
	int r;

	if (getrandom(c.uuid, sizeof(c.uuid), 0) != sizeof(c.uuid))
		return -errno;
	c.uuid[6] = (c.uuid[6] & 0x0f) | 0x40; /* version 4, variant 1: RFC 4122 */
	c.uuid[8] = (c.uuid[8] & 0x3f) | 0x80;
	r = stream_encode_header(&p->out);
	return r ?: pack_command(p, &c);
}

/* The path as messages will begin with it: without the slashes at its end. "/" becomes "". */
static int path_begin(struct pack *p, const char *source)
{
	size_t len = strlen(source);

	while (len && source[len - 1] == '/')
		len--;
	if (len + 1 + NAME_MAX + 1 > sizeof(p->path))
		return -ENAMETOOLONG;
	memcpy(p->path, source, len);
	p->path[len] = '\0';
	return 0;
}

static int source_whole(struct pack *p, const char *source)
{
	int r = path_begin(p, source);

	if (r) {
		pack_error(p, source, -r, "cannot be copied");
		return r;
	}
	p->skip = strlen(p->path) + 1;
	return walk_root(p, source);
}

static bool name_is_taken(char *const sources[], unsigned int i, const char *name)
{
	for (unsigned int k = 0; k < i; k++) {
		_cleanup_(target_free) struct target other = { NULL, NULL };

		if (!target_find(sources[k], "", true, &other) && other.name &&
		    !strcmp(other.name, name))
			return true;
	}
	return false;
}

static int source_named(struct pack *p, char *const sources[], unsigned int i)
{
	_cleanup_(target_free) struct target target = { NULL, NULL };
	int r = target_find(sources[i], "", true, &target);

	if (r)
		return r;
	if (!target.name)
		pack_error(p, sources[i], 0, "has no name that it could have beside others");
	else if (name_is_taken(sources, i, target.name))
		pack_error(p, sources[i], 0, "its name is that of an earlier source");
	else if ((r = path_begin(p, sources[i])))
		pack_error(p, sources[i], -r, "cannot be copied");
	else {
		p->skip = strlen(p->path) - strlen(target.name);
		return walk(p, AT_FDCWD, sources[i]);
	}
	return 0;
}

static int sources_put(struct pack *p, char *const sources[], unsigned int n)
{
	struct stream_command c = { .op = STREAM_C_CHMOD, .mode = 0755 };
	struct stat st;
	int r = 0;

	/* What is not there at all is told before anybody is troubled with the rest. */
	for (unsigned int i = 0; i < n; i++)
		if (lstat(sources[i], &st) < 0) {
			r = -errno;
			pack_error(p, sources[i], -r, "cannot be looked at");
		}
	if (!r && n == 1 && S_ISDIR(st.st_mode))
		return source_whole(p, sources[0]);
	for (unsigned int i = 0; !r && i < n; i++)
		r = source_named(p, sources, i);
	c.path = pack_string("");
	return r ?: pack_command(p, &c);
}

int pack_run(const struct pack_options *options, char *const sources[], unsigned int n)
{
	_cleanup_(freep) struct pack *p = calloc(1, sizeof(*p));
	const struct stream_command end = { .op = STREAM_C_END };
	int r;

	if (!p)
		return -ENOMEM;
	p->opt = options;
	p->ino = FIRST_INODE;
	p->otherwise = options->codec.compression == EXTENT_NONE ? FETCH_PLAIN : FETCH_COMPRESSED;
	r = links_new(&p->links);
	if (!r)
		r = queue_begin(p);
	if (!r)
		r = subvolume_put(p);
	if (!r)
		r = sources_put(p, sources, n);
	if (!r)
		r = pack_command(p, &end);
	if (!r)
		r = queue_turn(p, true);
	queue_end(p);
	links_free(p->links);
	stream_out_free(&p->out);
	return r < 0 ? r : options->stats->errors ? 1 : 0;
}
