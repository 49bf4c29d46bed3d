/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_TESTS_SESSION_HARNESS_H
#define EXTENTD_TESTS_SESSION_HARNESS_H

/*
 * The daemon without its process, and peers of several users in the same thread: nothing happens
 * between two lines of a test but what turn() lets happen.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/store.h"
#include "wire/wire.h"

struct peer;
struct session;

extern struct harness {
	struct event_base *base;
	struct store *store;
	struct server *server;
	struct config *config;
	char dir[64]; /* for files, open to all users */
	long types[2];
} h;

/* limits: lines of [Limits]. Skips the test where nobody can speak for several users. */
void begin(const char *limits);

/* Hangs up, waits until the daemon has noticed and nothing is left, and removes all. */
void end(struct peer **peers, size_t n);

/* Lets the daemon do what it can do by itself. */
void turn(void);

struct peer {
	int fd;
	struct session *session; /* as long as it lives */
	uint64_t ids;
	uint8_t in[1 << 16];
	size_t have;
	unsigned int lost; /* LOST frames that came, and the last one */
	struct wire_lost last_lost;
	unsigned int statuses;
	bool ended;
};

/* As this user, HELLO is through; the first returns NULL if the session is refused. uid others than
 * one's own need root. */
struct peer *peer_try_new(uid_t uid);
struct peer *peer_new(uid_t uid);
void peer_free(struct peer *p); /* hangs up */

/* Sends without a turn; fd, or -1, goes along. Returns the id. */
uint64_t peer_say(struct peer *p, uint16_t type, union wire_frame f, const void *tail,
		  size_t tail_len, int fd);
/* Only so many bytes of it. */
void peer_say_part(struct peer *p, uint16_t type, union wire_frame f, size_t tail_len);
/* Reads what has come. */
void peer_hear(struct peer *p);
/* The code that the request is answered with, or of the ERROR that ends the session; UINT32_MAX if
 * nothing comes. */
uint32_t peer_answer(struct peer *p, uint64_t id);

/* A file of dir, opened by this handle; the first returns the code. */
uint32_t peer_try_open(struct peer *p, uint32_t handle, const char *name);
void peer_open(struct peer *p, uint32_t handle, const char *name);
/* Plain bytes of one sector, from its arena 0 or inline. */
union wire_frame sector_write(uint32_t handle, uint32_t arena, uint64_t offset, uint8_t ack);

#endif
