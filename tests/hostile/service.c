// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * service DIRECTORY: everything that the daemon does for its clients, once: files by descriptor and
 * by path, each compression through memory and through the socket at each level of acknowledgement,
 * a rewrite, a tail, SYNCs, reading back, from several sessions at a time. Memory may run out
 * anywhere on the way, so anything may be refused, here or there; but what is answered must be
 * true.
 *
 * 0: all was done; 1: something was refused, or the connection ended; 2: an answer was not true.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/lib/extent.h"
#include "common/sample.h"
#include "payload/payload.h"
#include "wire/codes.h"
#include "wire/limits.h"

#define SESSIONS 3
#define SIZE	 32768U
#define PIECES	 14 /* of a file, SIZE bytes each; the last is written twice, and short */
#define TAIL	 5000U

struct piece {
	unsigned char content[SIZE];
	bool kept; /* was acknowledged, and no loss was told */
	bool sent; /* may be there */
	unsigned int seed;
	int64_t id;
};

struct client {
	struct extent_session *s;
	int file, fd;
	char path[4096];
	struct piece pieces[PIECES + 1]; /* the last one rewrites its neighbour */
};

static struct client clients[SESSIONS];
static bool refused;
static int untrue;

static void lie(const char *what, const struct client *c)
{
	printf("%s: %s: %s\n", c->path, what, extent_error_text(c->s));
	untrue = 2;
}

static void allow(int64_t result, const char *what)
{
	if (result >= 0)
		return;
	printf("%s: %s\n", what, strerror((int)-result));
	refused = true;
}

static void done(struct extent_session *s, const struct extent_completion *c)
{
	struct piece *piece = c->userdata;

	if (c->result) {
		printf("%s\n", extent_completion_text(s, c));
		refused = true;
	}
	/* The disk is well. (UNSETTLED: what was only accepted may have found no memory since.) */
	if (c->code == WIRE_E_LOST) {
		printf("nothing was lost, and yet it is said\n");
		untrue = 2;
	}
	if (piece)
		piece->kept = !c->result;
}

/* What came without being asked for. */
static void hear(struct client *c)
{
	struct extent_completion news;

	while (extent_next_completion(c->s, &news)) {
		if (news.kind != EXTENT_OP_LOST)
			continue;
		refused = true;
		for (size_t i = 0; i < ARRAY_SIZE(c->pieces); i++)
			if (c->pieces[i].id == news.id)
				c->pieces[i].kept = false;
		printf("%s\n", extent_completion_text(c->s, &news));
		if (news.code == WIRE_E_LOST)
			lie("nothing was lost, and yet it is said", c);
	}
}

static enum extent_ack ack_of(unsigned int n)
{
	return EXTENT_ACCEPTED + n % 3;
}

static void write_piece(struct client *c, unsigned int n, struct payload_compressor *const *with)
{
	static unsigned char packed[SIZE];
	struct piece *p = &c->pieces[n];
	struct sample_random random = { .state = 1000 + n };
	const uint32_t len = n >= PIECES - 1 ? TAIL : SIZE;
	size_t packed_len = len;
	struct extent_write w = { .file = c->file,
				  .offset = (uint64_t)(n < PIECES ? n : PIECES - 1) * SIZE,
				  .len = len,
				  .unencoded_len = len,
				  .compression = n % 4,
				  .ack = ack_of(n) };
	void *buffer;

	sample_fill(p->content, len, SAMPLE_MIXED, &random);
	if (!w.compression ||
	    payload_compress(with[w.compression], 4096, p->content, len, packed, &packed_len))
		w.compression = EXTENT_NONE;
	w.payload = w.compression ? packed : p->content;
	w.payload_len = w.compression ? (uint32_t)packed_len : len;
	buffer = n & 4 ? extent_buffer_get(c->s, w.payload_len) : NULL;
	if (buffer) {
		memcpy(buffer, w.payload, w.payload_len);
		w.payload = buffer;
		w.flags = EXTENT_BUFFER;
	}
	p->sent = true;
	p->id = extent_write(c->s, &w, done, p);
	if (p->id < 0 && buffer)
		extent_buffer_put(c->s, buffer);
	allow(p->id, "write");
}

static void write_all(struct client *c)
{
	struct payload_compressor *with[4] = { NULL };

	for (uint32_t i = 1; i < 4; i++)
		if (payload_compressor_new(i, 0, &with[i])) {
			refused = true;
			goto out;
		}
	for (unsigned int i = 0; i <= PIECES; i++) {
		write_piece(c, i, with);
		if (i == PIECES - 1)
			allow(extent_drain(c->s), "drain"); /* the rewrite finds what it rewrites */
	}
out:
	for (uint32_t i = 1; i < 4; i++)
		payload_compressor_free(with[i]);
}

/* Does the file hold what was acknowledged? Of what was only accepted a loss is told, and after the
 * connection's end it cannot be. */
static void look(const struct client *c, bool told)
{
	unsigned char is[SIZE];

	for (unsigned int i = 0; i <= PIECES; i++) {
		const struct piece *p = &c->pieces[i];
		const size_t len = i >= PIECES - 1 ? TAIL : SIZE;

		if (!p->kept || (!told && ack_of(i) == EXTENT_ACCEPTED) ||
		    (i == PIECES - 1 && c->pieces[PIECES].sent))
			continue;
		if (pread(c->fd, is, len, (off_t)(i < PIECES ? i : PIECES - 1) * SIZE) !=
			    (ssize_t)len ||
		    memcmp(is, p->content, len))
			lie("what was acknowledged is not there", c);
	}
}

/* Through the daemon: whatever form an extent comes in, it stands for what the file holds. */
static void read_all(struct client *c)
{
	struct extent_read r = { 0 };
	unsigned char is[LIMIT_UNENCODED_BYTES];
	int handle, error;

	error = extent_open_fd_wait(c->s, c->fd, "read", EXTENT_READ, &handle);
	allow(error, "open to read");
	if (error < 0)
		return;
	for (r.file = handle; !error; r.offset += r.len) {
		error = extent_read_wait(c->s, &r);
		allow(error, "read");
		if (error || r.kind == EXTENT_READ_END)
			break;
		if (r.kind == EXTENT_READ_PLAIN &&
		    (pread(c->fd, is, r.len, (off_t)r.offset) != (ssize_t)r.len ||
		     memcmp(is, r.payload, r.len)))
			lie("read other bytes", c);
		if (r.payload)
			extent_buffer_put(c->s, r.payload);
	}
	allow(extent_close_wait(c->s, handle), "close");
}

static bool begin(struct client *c, const char *dir, unsigned int n)
{
	int error = extent_connect(NULL, &c->s);

	snprintf(c->path, sizeof(c->path), "%s/service-%d-%u", dir, getpid(), n);
	allow(error, "connect");
	if (error)
		return false;
	c->fd = open(c->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (c->fd < 0)
		return false;
	if (n % 2)
		error = extent_open_path_wait(c->s, c->path, 0, 0, &c->file);
	else
		error = extent_open_fd_wait(c->s, c->fd, c->path, 0, &c->file);
	allow(error, "open");
	return !error;
}

int main(int argc, char **argv)
{
	bool open[SESSIONS];

	if (argc != 2)
		return 3;
	setvbuf(stdout, NULL, _IONBF, 0);
	for (unsigned int i = 0; i < SESSIONS; i++)
		open[i] = begin(&clients[i], argv[1], i);
	for (unsigned int i = 0; i < SESSIONS; i++)
		if (open[i])
			write_all(&clients[i]);
	for (unsigned int i = 0; i < SESSIONS; i++) {
		struct client *c = &clients[i];

		if (!c->s)
			continue;
		if (open[i]) {
			allow(extent_sync(c->s, i ? -1 : c->file, done, NULL), "sync");
			allow(extent_drain(c->s), "drain");
			allow(extent_status_wait(c->s), "status");
			hear(c);
			read_all(c);
			look(c, extent_status_wait(c->s) == 0);
			allow(extent_close_wait(c->s, c->file), "close");
		}
		extent_disconnect(c->s);
		close(c->fd);
		unlink(c->path);
	}
	return untrue ? untrue : refused;
}
