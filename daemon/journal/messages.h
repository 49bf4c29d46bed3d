/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_MESSAGES_H
#define EXTENTD_MESSAGES_H

/*
 * The journal entries that an administrator may want to find, or be woken by: each with a
 * MESSAGE_ID of its own, explained in units/extentd.catalog, which may quote the fields named
 * here. X(NAME, id, syslog priority, fields it carries besides MESSAGE, subject). An id is never
 * given to another meaning.
 */
#define MESSAGES(X)                                                                                \
	X(STARTED, "a9781a0e590f4984addcf6f9737e3ca4", LOG_INFO, "EXTENTD_BACKEND",                \
	  "extentd is serving")                                                                    \
	X(STOPPED, "5f738d4625a64003b68df49866429dad", LOG_INFO, "", "extentd has stopped")        \
	X(ABANDONED, "b1f8d1d5c2784c3c9a3f3f1e6d0c5a27", LOG_ERR, "EXTENTD_REQUESTS",              \
	  "extentd has stopped before everything was written")                                     \
	X(RELOADED, "e1c23f7c2a3f43ea9dbb42424fbf2af6", LOG_INFO, "",                              \
	  "The configuration was read again")                                                      \
	X(RELOAD_FAILED, "d730db15870b4f80867d63c0e6877bac", LOG_WARNING, "EXTENTD_REASON",        \
	  "The changed configuration was not taken")                                               \
	X(REFUSED, "83262f7b609d4d9eb123b9d9dc99aca3", LOG_NOTICE,                                 \
	  "EXTENTD_PEER_UID EXTENTD_PEER_PID EXTENTD_REASON", "A connection was refused")          \
	X(LOST, "4a25e77cbdfd43d6bce4ec35890efed2", LOG_ERR,                                       \
	  "EXTENTD_PEER_UID EXTENTD_FILE EXTENTD_OFFSET EXTENTD_LENGTH EXTENTD_REASON",            \
	  "Data did not reach the disk")                                                           \
	X(READ_ONLY, "115a8034fe9f43aa9daf1ea033da3648", LOG_CRIT,                                 \
	  "EXTENTD_FILESYSTEM EXTENTD_REASON", "A filesystem has gone read-only")                  \
	X(FALLBACK, "bc3e85d0ef6a473cb81afc3c36e0ae70", LOG_WARNING,                               \
	  "EXTENTD_BACKEND EXTENTD_REASON", "extentd does without its best backend")

enum message {
#define X(name, id, priority, fields, subject) MESSAGE_##name,
	MESSAGES(X)
#undef X
};

#endif
