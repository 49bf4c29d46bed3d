// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * One client of the storm: two sessions over all files, each operation by a throw of the dice.
 * Whatever is not an honest success or a cancel that was asked for counts as an error.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/lib/extent.h"
#include "common/sample.h"
#include "payload/payload.h"
#include "storm-client.h"

#define SESSIONS     2
#define FILES_MAX    16
#define SECTOR	     4096U
#define EXTENT_BYTES (128U << 10)
#define RECENT	     16 /* writes that a CANCEL may aim at */

struct side {
	struct extent_session *s;
	uint32_t writer;
	int file[FILES_MAX];
	int64_t recent[RECENT];
};

struct client {
	const struct storm *storm;
	struct sample_random dice;
	struct side side[SESSIONS];
	struct payload_compressor *compressor[4];
};

static struct ledger *ledger; /* callbacks have only the ledger's entry */

double storm_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wrong(struct extent_session *s, const struct extent_completion *c)
{
	if (atomic_fetch_add(&ledger->errors, 1) < 20)
		printf("kind %d: %s: %s\n", c->kind, extent_code_name(c->code),
		       extent_completion_text(s, c));
}

static void written(struct extent_session *s, const struct extent_completion *c)
{
	struct ledger_write *w = c->userdata;

	if (c->kind == EXTENT_OP_LOST) {
		wrong(s, c);
	} else if (c->result == -ECANCELED) {
		w->state = LEDGER_CANCELLED;
		ledger->cancelled++;
	} else if (c->result < 0) {
		if (c->result != -ECONNRESET)
			wrong(s, c);
	} else {
		w->state = LEDGER_ACKED;
		ledger->acked[c->level & 3]++;
	}
}

static void answered(struct extent_session *s, const struct extent_completion *c)
{
	if (c->result < 0 && c->result != -ECONNRESET &&
	    !(c->kind == EXTENT_OP_CANCEL && c->result == -EALREADY))
		wrong(s, c);
}

static int process(struct extent_session *s, int timeout)
{
	int r = extent_wait(s, timeout);

	if (r < 0) {
		printf("a client lost its connection: %s\n", extent_error_text(s));
		exit(1);
	}
	return r;
}

/* Until it is taken; -EAGAIN means credits or buffers are used up. */
#define QUEUE(side, call)                                                                          \
	({                                                                                         \
		int64_t id_;                                                                       \
		while ((id_ = (call)) == -EAGAIN)                                                  \
			process((side)->s, -1);                                                    \
		if (id_ < 0) {                                                                     \
			printf(#call ": %s\n", extent_error_text((side)->s));                      \
			exit(1);                                                                   \
		}                                                                                  \
		id_;                                                                               \
	})

static uint32_t below(struct client *c, uint32_t limit)
{
	return sample_below(&c->dice, limit);
}

static void file_open(struct client *c, struct side *side, unsigned int i)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%u", c->storm->dir, i);
	if (c->storm->paths && below(c, 2)) {
		QUEUE(side, extent_open_path(side->s, path, EXTENT_CREATE, 0644, answered, NULL,
					     &side->file[i]));
	} else {
		_cleanup_(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

		if (fd < 0) {
			perror(path);
			exit(1);
		}
		QUEUE(side, extent_open_fd(side->s, fd, path, 0, answered, NULL, &side->file[i]));
	}
}

static void side_open(struct client *c, struct side *side)
{
	int r = extent_connect(NULL, &side->s);

	if (r < 0) {
		printf("connect: %s: %s\n", strerror(-r), extent_error_text(NULL));
		exit(1);
	}
	side->writer = atomic_fetch_add(&ledger->n_writers, 1) + 1;
	memset(side->recent, 0, sizeof(side->recent));
	for (unsigned int i = 0; i < c->storm->files; i++)
		file_open(c, side, i);
}

/* Where: half of the writes go to one place, so that they overlap; few are whole sectors only. */
static void place(struct client *c, uint32_t compression, struct extent_write *w)
{
	uint32_t sectors = 1 + below(c, below(c, 3) ? 8 : 32);
	uint64_t room = c->storm->file_bytes - EXTENT_BYTES;

	w->unencoded_len = (uint64_t)sectors * SECTOR;
	w->len = w->unencoded_len;
	w->offset =
		(uint64_t)below(c, (uint32_t)((below(c, 2) ? room : room / 16) / SECTOR)) * SECTOR;
	if (!compression) {
		w->len = w->unencoded_len = LEDGER_CELL * (1 + below(c, sectors * 64));
		w->offset += (uint64_t)LEDGER_CELL * below(c, 64);
	} else if (sectors > 1 && !below(c, 4)) { /* a bookend */
		w->unencoded_offset = (uint64_t)below(c, sectors) * SECTOR;
		w->len = w->unencoded_len - w->unencoded_offset;
		if (w->len > SECTOR && below(c, 2))
			w->len -= SECTOR;
	} else if (!below(c, 16)) { /* an end that the kernel does not take inside a file */
		w->len -= (uint64_t)LEDGER_CELL * below(c, 63);
	}
}

static void write_one(struct client *c, struct side *side)
{
	static unsigned char data[EXTENT_BYTES], packed[EXTENT_BYTES];
	uint32_t file = below(c, c->storm->files);
	struct extent_write w = { .file = side->file[file], .compression = below(c, 4) };
	struct ledger_write *entry;
	void *buffer = NULL;
	uint32_t index;
	size_t n;
	int64_t id;

	place(c, w.compression, &w);
	index = ledger_add(ledger, side->writer, file, w.offset, (uint32_t)w.len);
	if (index == UINT32_MAX)
		return;
	entry = &ledger->writes[index];
	ledger_fill(index, file, w.offset - w.unencoded_offset, data, w.unencoded_len);
	w.payload = data;
	w.payload_len = (uint32_t)w.unencoded_len;
	if (w.compression) {
		if (payload_compress(c->compressor[w.compression], SECTOR, data, w.unencoded_len,
				     packed, &n) ||
		    n >= w.unencoded_len) { /* too small to save a sector: plainly, then */
			w.compression = 0;
			w.payload = data + w.unencoded_offset;
			w.payload_len = (uint32_t)w.len;
			w.unencoded_len = w.len;
			w.unencoded_offset = 0;
		} else {
			w.payload = packed;
			w.payload_len = (uint32_t)n;
		}
	}
	w.ack = (enum extent_ack)(EXTENT_ACCEPTED + below(c, 3));
	if (below(c, 2))
		buffer = extent_buffer_get(side->s, w.payload_len);
	if (buffer) {
		memcpy(buffer, w.payload, w.payload_len);
		w.payload = buffer;
		w.flags = EXTENT_BUFFER;
	}
	id = QUEUE(side, extent_write(side->s, &w, written, entry));
	side->recent[below(c, RECENT)] = id;
}

static void step(struct client *c)
{
	struct side *side = &c->side[below(c, SESSIONS)];
	uint32_t dice = below(c, 1000), i;

	if (dice < 900) {
		write_one(c, side);
	} else if (dice < 930) {
		int64_t target = side->recent[below(c, RECENT)];

		if (target)
			QUEUE(side, extent_cancel(side->s, target, answered, NULL));
	} else if (dice < 945) {
		QUEUE(side,
		      extent_sync(side->s, side->file[below(c, c->storm->files)], answered, NULL));
	} else if (dice < 950) {
		QUEUE(side, extent_sync(side->s, -1, answered, NULL));
	} else if (dice < 970) {
		i = below(c, c->storm->files);
		QUEUE(side, extent_close(side->s, side->file[i], answered, NULL));
		file_open(c, side, i);
	} else if (dice < 973) { /* leaves without a word: what was sent may land or not */
		extent_disconnect(side->s);
		side_open(c, side);
	} else {
		process(side->s, (int)below(c, 3));
	}
}

int storm_client(const struct storm *storm, uint64_t seed)
{
	struct client c = { .storm = storm, .dice = { .state = seed } };
	int status = 0;

	ledger = storm->ledger;
	for (uint32_t i = 1; i < 4; i++)
		if (payload_compressor_new(i, 0, &c.compressor[i]))
			return 1;
	for (int i = 0; i < SESSIONS; i++)
		side_open(&c, &c.side[i]);
	while (storm_now() < storm->until)
		step(&c);
	for (int i = 0; i < SESSIONS; i++) {
		struct side *side = &c.side[i];

		QUEUE(side, extent_sync(side->s, -1, answered, NULL));
		while (extent_pending(side->s))
			process(side->s, -1);
		extent_disconnect(side->s);
	}
	for (uint32_t i = 1; i < 4; i++)
		payload_compressor_free(c.compressor[i]);
	fflush(stdout);
	return status;
}
