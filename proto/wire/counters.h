/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef EXTENTD_WIRE_COUNTERS_H
#define EXTENTD_WIRE_COUNTERS_H

/*
 * What STATUS_REPLY carries, in this order: X(name, text). Later versions append; a reader
 * takes the ones it knows. All but the gauges (now_*) only grow.
 */
#define WIRE_COUNTERS(X)                                                                           \
	X(uptime_seconds, "seconds since the daemon started")                                      \
	X(now_sessions, "sessions connected")                                                      \
	X(now_files, "files held open")                                                            \
	X(now_requests, "requests not yet settled")                                                \
	X(now_payload_bytes, "payload bytes held in the daemon's memory")                          \
	X(now_arena_bytes, "bytes of arenas mapped")                                               \
	X(sessions, "sessions accepted")                                                           \
	X(sessions_refused, "connections refused")                                                 \
	X(sessions_failed, "sessions ended for a malformed frame")                                 \
	X(writes, "writes received")                                                               \
	X(writes_refused, "writes refused before they reached the kernel")                         \
	X(writes_failed, "writes refused by the kernel")                                           \
	X(writes_encoded, "extents written as they came")                                          \
	X(writes_decoded, "extents decompressed first")                                            \
	X(writes_plain, "plain writes")                                                            \
	X(payload_bytes, "payload bytes written")                                                  \
	X(unencoded_bytes, "bytes of file content that they stand for")                            \
	X(durable, "extents proved safe on disk")                                                  \
	X(lost, "extents taken by the kernel and then lost")                                       \
	X(settles_file, "groups made durable by an fsync of one file")                             \
	X(settles_filesystem, "groups made durable by a filesystem-wide commit")                   \
	X(settled_largest, "extents in the largest group")                                         \
	X(read_backs, "extents proved by reading them back")                                       \
	X(engine_uring, "1 if writes go through io_uring, 0 if through worker threads")            \
	X(encoded_io, "1 if the daemon has the right to write encoded extents")                    \
	X(encoded_write_sync, "1 if the kernel's fsync waits for encoded writes")                  \
	X(unchecked, "extents proved by such an fsync, without a look at the map")                 \
	X(encoded_write_zero_copy, "1 if arenas of trusted peers are written without a copy")      \
	X(now_pinned_bytes, "bytes of such arenas")                                                \
	X(in_place, "extents written without a copy")                                              \
	X(reads, "reads received")                                                                 \
	X(reads_failed, "reads refused or failed")                                                 \
	X(reads_encoded, "extents read as they lie on disk")                                       \
	X(read_bytes, "payload bytes read")                                                        \
	X(settles_lazy, "groups checked without being made durable: nobody had asked")

struct wire_counters {
#define X(name, text) unsigned long long name;
	WIRE_COUNTERS(X)
#undef X
};

#endif
