/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_TAKEOVER_H
#define EXTENTD_RECEIVE_TAKEOVER_H

/*
 * A receiver whose link was cut may wait for the rest of its stream for hours, if nothing tells the
 * kernel that the link is gone. Its successor ends it.
 */

/* Leaves word in the private directory dir, which is locked: this process works on it. */
void takeover_announce(int dir);

/*
 * Asks the process that announced itself in dir (of the same user) to stop, which makes a
 * checkpoint; kills it if that takes too long; and waits for its lock. 0: dir is locked now.
 * -EBUSY: it could not be done.
 */
int takeover(int dir);

#endif
