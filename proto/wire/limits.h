/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef EXTENTD_WIRE_LIMITS_H
#define EXTENTD_WIRE_LIMITS_H

/*
 * Every limit of the protocol and of the daemon's defaults, in one place. A client learns the
 * ones that concern it from HELLO_REPLY and OPEN_REPLY and must not assume these values.
 */

#include <assert.h>

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

/* BTRFS_MAX_COMPRESSED and BTRFS_MAX_UNCOMPRESSED of fs/btrfs/compression.h, Linux 5.18 to 7.3. */
#define LIMIT_PAYLOAD_BYTES   (128 * KIB)
#define LIMIT_UNENCODED_BYTES (128 * KIB)

/* Frames. The longest are those with an inline payload: WRITE and READ_REPLY. */
#define LIMIT_PATH_BYTES       4095 /* PATH_MAX without its terminating zero */
#define LIMIT_ERROR_TEXT_BYTES 512
#define LIMIT_ACKS_PER_FRAME   128
#define LIMIT_COUNTERS	       256

/* One session. */
#define LIMIT_CREDIT_REQUESTS	  512	     /* unacknowledged requests */
#define LIMIT_CREDIT_BYTES	  (64 * MIB) /* payload bytes of unacknowledged requests */
#define LIMIT_FILES		  1024 /* handles open at once; also bounds the handle's value */
#define LIMIT_SESSION_FILESYSTEMS 16   /* that one session has files on */
#define LIMIT_ARENAS		  4
#define LIMIT_ARENA_BYTES	  (256 * MIB)
#define LIMIT_UNSETTLED		  16384 /* writes taken by the kernel and not yet known to be safe */
#define LIMIT_INLINE_READ_BYTES	  (2 * MIB)   /* payloads read for a peer that has not taken them */
#define LIMIT_OUTPUT_BYTES	  (256 * KIB) /* unsent replies beyond which no request is read */
#define LIMIT_MESSAGE_FDS	  253 /* descriptors that travel together: SCM_MAX_FD of net/scm.h */
/* Received ahead of the frames that claim them: of one message, and of the next that came with its
 * end. */
#define LIMIT_QUEUED_FDS (2 * LIMIT_MESSAGE_FDS)

#define LIMIT_FILE_HELD 1024 /* writes to a file that wait for one that they overlap */

/* One user (uid), over all sessions. */
#define LIMIT_USER_SESSIONS	1024
#define LIMIT_USER_QUEUED_FDS	3072
#define LIMIT_USER_FILES	7750
#define LIMIT_USER_ARENA_BYTES	(1024 * MIB)
#define LIMIT_USER_OUTPUT_BYTES (16 * MIB) /* unsent replies, payloads among them */
#define LIMIT_USER_INLINE_BYTES (16 * MIB) /* payload bytes held in the daemon's own memory */

/* The daemon. */
#define LIMIT_HELD_BYTES                                                                           \
	(32 * MIB) /* payloads in the daemon's memory: beyond, it reads no more                    \
		    */
#define LIMIT_REQUESTS_TOTAL 65536
#define LIMIT_SESSIONS	     4096
#define LIMIT_FILES_TOTAL    15500
#define LIMIT_DESCRIPTORS    20000 /* LimitNOFILE= of the unit: a common hard limit */
#define LIMIT_BACKLOG	     16	   /* connections not yet accepted, as in extentd.socket */
#define LIMIT_HELLO_SECONDS  10	   /* a connection that says nothing is closed */
#define LIMIT_STOP_SECONDS   60	   /* writes under way are waited for, when asked to stop */

/* With one message's in between, and some of the daemon's own. */
static_assert(LIMIT_FILES_TOTAL + LIMIT_SESSIONS + LIMIT_MESSAGE_FDS < LIMIT_DESCRIPTORS - 64,
	      "more files and sessions than descriptors");

#endif
