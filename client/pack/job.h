/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_PACK_JOB_H
#define EXTENTD_PACK_JOB_H

/* What walk.c (names), file.c (regular files) and queue.c (order) share. */

#include <sys/stat.h>
#include "copy/fetch.h"
#include "copy/links.h"
#include "copy/pieces.h"
#include "pack/pack.h"
#include "payload/payload.h"
#include "stream/encode.h"

#define PACK_ITEMS     64
#define PACK_PATH_ROOM 4096	   /* bytes of a path, its zero included */
#define PACK_OUT_BYTES (64u << 10) /* commands are written from so many on */
#define PACK_HELD_MAX  (1u << 20)  /* of commands behind a piece that is being read */
#define PACK_SECTOR    4096	   /* what btrfs's sector sizes are multiples of */
#define PACK_SMALL     2048	   /* inline in the tree: read at once */
#define PACK_WORKERS   4	   /* at least, for reads that wait for the disk */

/* A regular file on its way. The item that is its last frees it. */
struct pack_file {
	char *path;   /* in the stream; belongs to source */
	char *source; /* as it is called in messages */
	int fd;
	struct stat st;
	uint64_t size; /* of the copy: what it had, or less if it shrank */
	uint64_t end;  /* of what was written */
	enum fetch_how how;
	bool failed;
};

/* Commands, then a piece of a file or its end: what is written in one go. */
struct item {
	TAILQ_ENTRY(item) entry;
	struct stream_out before;
	struct pack_file *file;
	struct fetch_job job;
	void *buffer; /* PAYLOAD_UNENCODED_MAX bytes, from the first use on */
	bool reads, arrived, last;
};
TAILQ_HEAD(items, item);

struct pack {
	const struct pack_options *opt;
	struct fetch_pool *pool;
	struct links *links;
	struct stream_out out; /* commands that are in no item yet */
	struct items idle, queue;
	struct item items[PACK_ITEMS];
	struct pieces pieces;
	enum fetch_how otherwise; /* where nothing can be read encoded */
	dev_t dev;		  /* what is known of the last file's filesystem */
	bool dev_known, dev_encoded;
	uint64_t ino; /* the last number that an inode got */
	size_t skip;  /* bytes of a path in messages before the path in the stream begins */
	char path[PACK_PATH_ROOM];
	uint8_t small[PACK_SMALL];
};

/* pack.c */
void pack_error(struct pack *p, const char *path, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Into p->out: 0 or what ends all. An attribute that the format cannot hold is told of. */
int pack_command(struct pack *p, const struct stream_command *c);
static inline struct stream_string pack_string(const char *text)
{
	return (struct stream_string){ text, (uint32_t)__builtin_strlen(text) };
}

/* file.c */
int file_pack(struct pack *p, int dir, const char *name);
/* The extent that the job brought, as a command; the payload follows it. */
int file_extent(struct pack *p, struct pack_file *f, struct fetch_job *job, struct stream_out *out);
/* What comes behind a file's content. */
int file_end(struct pack *p, struct pack_file *f, struct stream_out *out);
void file_failed(struct pack *p, struct pack_file *f, uint64_t offset, int error,
		 const char *cause);
struct pack_file *file_free(struct pack_file *f);

/* walk.c: what name in dir is, as p->path says. */
int walk(struct pack *p, int dir, const char *name);
/* The same, of a directory that becomes the subvolume itself. */
int walk_root(struct pack *p, const char *name);

#endif
