/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RESTORE_LIMITS_H
#define EXTENTD_RESTORE_LIMITS_H

/*
 * What one job may hold. A file costs two descriptors while it is open here and in a private
 * daemon, and about 400 bytes from then until the next commit, for its name in messages.
 */
#define RESTORE_WINDOW_FILES	512    /* open files; the session's max_files may allow fewer */
#define RESTORE_POLL_FILES	16     /* opened between two looks at the session */
#define RESTORE_DIR_DESCRIPTORS 256    /* cached directories */
#define RESTORE_DIR_BUCKETS	4096   /* of the table of directories */
#define RESTORE_INODE_BUCKETS	16384  /* of the table of files without proof */
#define RESTORE_UNSETTLED_FILES 262144 /* named in memory until a commit proves their extents */
#define RESTORE_UNSETTLED_LOG	65536  /* extents that wait for the commit that durable() needs */
#define RESTORE_COMMIT_MS	1000   /* the pace of commits where durable() is wanted */
#define RESTORE_FILESYSTEMS	16     /* with a name made on them since the last commit */
#define RESTORE_SECTOR_MIN	4096   /* what all sector sizes are multiples of */
#define RESTORE_INLINE_MAX	65536  /* no inline extent is larger than a sector */
#define RESTORE_DIRECT_BYTES	16384  /* plain writes up to this size: in place, or by the lane */
#define RESTORE_SMALL_BYTES	131072 /* payloads of new files that we write ourselves */
#define RESTORE_SMALL_ALWAYS	16384  /* up to here also where the daemon could decode meanwhile */
#define RESTORE_LANE_WORKS	256    /* put and not taken back */
#define RESTORE_LANE_BATCH	16     /* for which its thread is woken */
#define RESTORE_LANE_BYTES	(8u << 20) /* of their payloads, and one more */
#define RESTORE_LANE_ROOM	16384	   /* for payloads, in pieces of work that are used again */
#define RESTORE_LANE_DECODED	(1u << 20) /* after which the daemon decodes the larger ones */

#endif
