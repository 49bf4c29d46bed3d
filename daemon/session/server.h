/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_SESSION_SERVER_H
#define EXTENTD_SESSION_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include "store/store.h"

struct config;
struct event;
struct event_base;
struct opening;
struct session;

TAILQ_HEAD(session_list, session);
TAILQ_HEAD(opening_list, opening);

/* Accepts sessions, and knows them all. Loop thread only. */
struct server {
	struct event_base *base;
	struct store *store;
	const struct config *config; /* changed by a reload */
	struct event *listener;
	int listen_fd;
	struct event *accept_again; /* the end of a pause */
	int64_t accept_ns;	    /* of the loop's time that accepting may have */
	int64_t accept_earned;	    /* up to then */
	struct session_list sessions;
	struct event *turn;	      /* the next one, see schedule.h */
	struct user_list users;	      /* with sessions in line */
	uint64_t loop_ns;	      /* what the user who had the last turn had before */
	unsigned int n_waiting;	      /* sessions that wait for room */
	unsigned int n_requests;      /* of all sessions, orphans included */
	unsigned int n_syncs;	      /* SYNCs, likewise */
	struct opening_list openings; /* wait for a lane of their user */
	unsigned int n_openings;      /* under way */
	bool draining;		      /* no new sessions and requests; ends when all is settled */
	bool single;		      /* a private daemon: ends with its only session */
	time_t started;
	void (*ended)(void *arg); /* draining, or single, is over */
	void *arg;
};

int server_new(struct event_base *base, struct store *store, const struct config *config,
	       struct server **out);
void server_free(struct server *server);

/* Takes a listening socket over. */
int server_listen(struct server *server, int fd);

/* Takes one connected socket over: the private daemon's. */
int server_adopt(struct server *server, int fd);

/* Refuses what is new, settles and answers what is under way, then calls ended(). */
void server_drain(struct server *server);

/* Sends the last answers, as far as the peers take them. */
void server_flush(struct server *server);

/* Ends the connections, of which no more is heard; for who cannot free all this. */
void server_hang_up(struct server *server);

/* A session is gone or a request finished: looks whether draining is over. */
void server_check_end(struct server *server);

#endif
