// SPDX-License-Identifier: GPL-2.0-or-later
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "peer.h"
#include "wire/limits.h"

static int any_file(struct peer *p)
{
	static const struct {
		const char *name;
		int flags;
	} files[] = { { "a", O_RDWR | O_CREAT },   { "b", O_RDWR | O_CREAT },
		      { "a", O_WRONLY | O_CREAT }, { "c", O_RDWR | O_CREAT | O_APPEND },
		      { ".", O_RDONLY },	   { "a", O_RDONLY | O_CREAT } };
	uint8_t choice = peer_take(p) % (ARRAY_SIZE(files) + 2);
	char path[128];

	if (choice == ARRAY_SIZE(files))
		return memfd_create("file", MFD_CLOEXEC);
	if (choice > ARRAY_SIZE(files))
		return open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/%s", surroundings.dir, files[choice].name);
	return open(path, files[choice].flags | O_CLOEXEC, 0600);
}

static int any_memory(struct peer *p)
{
	uint8_t choice = peer_take(p);
	int fd = memfd_create("arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (ftruncate(fd, choice % 8 ? ARENA : ARENA / 2) < 0 ||
	    pwrite(fd, surroundings.packed, surroundings.packed_len, 0) < 0)
		abort();
	fcntl(fd, F_ADD_SEALS,
	      choice % 16 == 1	 ? F_SEAL_GROW
	      : choice % 16 == 2 ? F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
				 : F_SEAL_SHRINK);
	return fd;
}

void peer_hello(struct peer *p)
{
	union wire_frame f = { .hello = { .magic = WIRE_MAGIC,
					  .version_min = WIRE_VERSION,
					  .version_max = WIRE_VERSION,
					  .features = WIRE_FEATURES } };

	peer_send(p, WIRE_TYPE_HELLO, &f, NULL, 0, -1);
}

static void op_arena(struct peer *p)
{
	union wire_frame f = { .arena = { .arena = peer_number(p, 3), .size = ARENA } };

	peer_send(p, WIRE_TYPE_ARENA, &f, NULL, 0, any_memory(p));
}

static void op_arena_drop(struct peer *p)
{
	union wire_frame f = { .arena_drop.arena = peer_number(p, 3) };

	peer_send(p, WIRE_TYPE_ARENA_DROP, &f, NULL, 0, -1);
}

static void op_open(struct peer *p)
{
	union wire_frame f = { .open = { .handle = peer_number(p, 5),
					 .open_flags = WIRE_OPEN_DESCRIPTOR |
						       (peer_take(p) % 4 ? 0 : WIRE_OPEN_READ),
					 .path_len = 4 } };

	peer_send(p, WIRE_TYPE_OPEN, &f, "name", 4, any_file(p));
}

static void op_open_path(struct peer *p)
{
	static const char *const paths[] = { "a", "b", "new", "../a", "", "/", "a/b", "." };
	union wire_frame f = { .open = { .handle = peer_number(p, 5),
					 .open_flags = peer_take(p) & 0x3e,
					 .mode = 0600 } };
	char path[128];
	int n = snprintf(path, sizeof(path), "%s/%s", surroundings.dir, paths[peer_take(p) % 8]);

	f.open.path_len = (uint32_t)n;
	peer_send(p, WIRE_TYPE_OPEN, &f, path, (size_t)n, -1);
}

static void op_write(struct peer *p)
{
	static uint8_t payload[LIMIT_PAYLOAD_BYTES];
	union wire_frame f = { .write = { .handle = peer_number(p, 5),
					  .arena = peer_take(p) % 2 ? WIRE_NO_ARENA
								    : peer_number(p, 3),
					  .offset = peer_number(p, 32) * 4096,
					  .compression = peer_take(p) % 4 ? 2 : peer_number(p, 9),
					  .ack = (uint8_t)(1 + peer_number(p, 3)) } };
	struct wire_write *w = &f.write;
	size_t tail;

	memcpy(payload, surroundings.packed, surroundings.packed_len);
	w->payload_len = (uint32_t)surroundings.packed_len;
	w->len = w->unencoded_len = 8192;
	if (!w->compression)
		w->len = w->unencoded_len = w->payload_len = (uint32_t)peer_number(p, 131073);
	if (peer_take(p) % 8 == 0) {
		w->unencoded_offset = peer_number(p, 3) * 4096;
		w->len = peer_number(p, 8193);
	}
	if (w->arena != WIRE_NO_ARENA)
		w->payload_offset = peer_number(p, 3);
	tail = w->arena == WIRE_NO_ARENA ? w->payload_len : 0;
	if (tail > sizeof(payload)) { /* malformed: the daemon must not wait for so much */
		tail = 0;
		p->spoilt = true;
	}
	peer_send(p, WIRE_TYPE_WRITE_, &f, payload, tail, -1);
}

static void op_sync(struct peer *p)
{
	union wire_frame f = { .sync = { .scope = 1 + (uint32_t)peer_number(p, 2) } };

	if (f.sync.scope == WIRE_SYNC_FILE)
		f.sync.handle = peer_number(p, 5);
	peer_send(p, WIRE_TYPE_SYNC, &f, NULL, 0, -1);
}

static void op_close(struct peer *p)
{
	union wire_frame f = { .close.handle = peer_number(p, 5) };

	peer_send(p, WIRE_TYPE_CLOSE, &f, NULL, 0, -1);
}

static void op_cancel(struct peer *p)
{
	union wire_frame f = { .cancel.target = p->sent - peer_number(p, 8) };

	peer_send(p, WIRE_TYPE_CANCEL, &f, NULL, 0, -1);
}

static void op_status(struct peer *p)
{
	union wire_frame f = { 0 };

	peer_send(p, WIRE_TYPE_STATUS, &f, NULL, 0, -1);
}

static void op_read_extent(struct peer *p)
{
	union wire_frame f = { .read = { .handle = peer_number(p, 5),
					 .arena = peer_take(p) % 2 ? WIRE_NO_ARENA
								   : peer_number(p, 3),
					 .offset = peer_number(p, 32) * 4096,
					 .payload_max = (uint32_t)peer_number(p, 131073) } };

	if (f.read.arena != WIRE_NO_ARENA)
		f.read.payload_offset = peer_number(p, ARENA);
	peer_send(p, WIRE_TYPE_READ, &f, NULL, 0, -1);
}

static void op_raw(struct peer *p)
{
	uint8_t n = peer_take(p) % 32, bytes[32];

	for (int i = 0; i < n; i++)
		bytes[i] = peer_take(p);
	p->spoilt = true;
	peer_send_bytes(p, bytes, n, -1);
}

static void op_flip(struct peer *p)
{
	p->flip_at = peer_take(p);
	p->flip = peer_take(p);
	p->spoilt |= p->flip != 0;
}

static void op_extra(struct peer *p)
{
	p->spoilt = true;
	if (p->extra < 0)
		p->extra = any_file(p);
}

static void op_turn(struct peer *p)
{
	daemon_turn(EVLOOP_NONBLOCK);
}

static void op_read(struct peer *p)
{
	daemon_turn(EVLOOP_NONBLOCK);
	peer_read(p);
}

static void (*const ops[])(struct peer *p) = {
	peer_hello, op_arena, op_arena_drop, op_open,	op_open_path, op_write,
	op_write,   op_sync,  op_close,	     op_cancel, op_write,     op_raw,
	op_flip,    op_extra, op_turn,	     op_read,	op_status,    op_read_extent,
};

void peer_act(struct peer *p)
{
	uint8_t op = peer_take(p) % ARRAY_SIZE(ops);

	p->spoilt |= ops[op] == peer_hello;
	ops[op](p);
}
