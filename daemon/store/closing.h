/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_CLOSING_H
#define EXTENTD_STORE_CLOSING_H

struct store;
struct user;

/* Descriptors that go together and are looked at, whether they can be closed here and now: that
 * costs the loop three calls for each. */
#define CLOSING_ASKED_MAX 8

/*
 * Closes descriptors that came from a peer, or were opened on its behalf. A close can wait for as
 * long as the peer likes: for a FUSE server that is asked to flush, for a socket that lingers, or
 * that holds such sockets unread. So only what is known to be harmless is closed by the caller's
 * thread, the loop's; the rest is a worker's, on a lane of the user's, and counts as its files
 * until it is done. user NULL: whom nobody admitted; they are one user together. Negative ones are
 * passed over.
 */
void closing_add(struct store *store, struct user *user, const int *fds, unsigned int n);

/* A connection that is over. */
void closing_socket(struct store *store, struct user *user, int fd);

/* A lane may be free for one that waits. */
void closing_pump(struct store *store);

#endif
