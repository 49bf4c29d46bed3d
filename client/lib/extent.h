/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef EXTENT_H
#define EXTENT_H

/*
 * libextent: hand compressed extents to extentd and learn when each is safe on disk.
 *
 * One struct extent_session is one connection. It belongs to one thread at a time; different
 * sessions are independent. No function blocks unless its comment says so.
 *
 * Functions return 0 or a non-negative result on success and a negative errno on failure;
 * extent_error_text() then says more. Requests are asynchronous: a call that returns a request
 * id (> 0) has queued the request, and its one completion comes later, to its callback or, where
 * that is NULL, to extent_next_completion(). A lost connection completes every request that is
 * under way with -ECONNRESET: nothing is retried behind the caller's back, because only the
 * caller knows which of its data may be sent again. Open a new session to go on.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

struct extent_session;

/* Where extentd listens when nothing else is said. */
#define EXTENT_DEFAULT_SOCKET "/run/extentd/extentd.sock"

/* What an acknowledgement of a write promises; README, "What is guaranteed". */
enum extent_ack {
	EXTENT_ACCEPTED = 1, /* checked and held by the daemon */
	EXTENT_WRITTEN = 2,  /* taken by the kernel */
	EXTENT_DURABLE = 3,  /* on stable storage, and proved so */
};

/* How the data came to be on disk. */
enum extent_form {
	EXTENT_ENCODED = 1, /* the extent as it was sent */
	EXTENT_DECODED = 2, /* decompressed first: the kernel would not have it otherwise */
	EXTENT_PLAIN = 3,   /* it was sent uncompressed */
};

/* BTRFS_ENCODED_IO_COMPRESSION_* of linux/btrfs.h. */
enum extent_compression {
	EXTENT_NONE = 0,
	EXTENT_ZLIB = 1,
	EXTENT_ZSTD = 2,
	EXTENT_LZO_4K = 3,
	EXTENT_LZO_8K = 4,
	EXTENT_LZO_16K = 5,
	EXTENT_LZO_32K = 6,
	EXTENT_LZO_64K = 7,
};

enum extent_kind {
	EXTENT_OP_OPEN = 1,
	EXTENT_OP_WRITE,
	EXTENT_OP_SYNC,
	EXTENT_OP_CLOSE,
	EXTENT_OP_CANCEL,
	EXTENT_OP_STATUS,
	EXTENT_OP_ARENA,
	EXTENT_OP_LOST, /* not an answer: an earlier write that had been acknowledged as
			 * accepted or written did not reach the disk; id is that write's */
	EXTENT_OP_READ,
};

struct extent_completion {
	int64_t id;
	enum extent_kind kind;
	int result;	       /* 0 or negative errno */
	unsigned int code;     /* extentd's own code, for extent_code_text(); 0 on success */
	enum extent_ack level; /* reached, for writes */
	enum extent_form form; /* for writes */
	uint64_t detail; /* byte position of a payload fault; number of lost extents for SYNC */
	int file;	 /* handle the request named, or -1 */
	uint64_t offset; /* of writes and reads: bytes in the file */
	uint64_t len;
	void *userdata;
};

typedef void (*extent_callback)(struct extent_session *s, const struct extent_completion *c);

/*
 * Connecting. socket_path NULL: $EXTENTD_SOCKET, else EXTENT_DEFAULT_SOCKET. extent_attach()
 * takes over a connected stream socket, closing it also on failure. Both block until the daemon
 * has answered HELLO or ten seconds have passed. On failure extent_error_text(NULL) says why.
 * EXTENTD_NO_DESCRIPTORS in the environment: for a socket that is forwarded by something that
 * passes no descriptors.
 */
int extent_connect(const char *socket_path, struct extent_session **out);
int extent_attach(int fd, struct extent_session **out);

/* Ends the session. Requests under way are dropped without completions. NULL is allowed. */
void extent_disconnect(struct extent_session *s);

struct extent_limits {
	uint64_t credit_bytes; /* payload bytes that may be under way */
	uint32_t credit_requests;
	uint32_t max_files;
	uint32_t max_payload; /* bytes; OPEN may say less for a file */
	uint32_t max_unencoded;
	uint32_t backend;    /* 1 uring, 2 ioctl, 3 decode */
	uint32_t validation; /* 0 none, 1 structure, 2 full */
	bool descriptors;    /* false over a forwarded socket: open by path only */
	bool reads;	     /* the daemon knows EXTENT_READ and extent_read() */
};

void extent_get_limits(const struct extent_session *s, struct extent_limits *out);

/*
 * The event loop is the caller's: poll extent_fd() for extent_events() (POLLIN, POLLOUT), then
 * call extent_process(), which sends and receives what it can and runs callbacks. It returns
 * the number of completions delivered, or a negative errno once the connection is lost and all
 * completions have been delivered. Callbacks may call anything but extent_process(),
 * extent_wait() and extent_disconnect().
 */
int extent_fd(const struct extent_session *s);
int extent_events(const struct extent_session *s);
int extent_process(struct extent_session *s);

/* Blocks until something was processed or timeout_ms passed (-1: no limit); as extent_process(). */
int extent_wait(struct extent_session *s, int timeout_ms);

/*
 * Takes the oldest completion that had no callback. 1 if there was one, else 0. EXTENT_OP_LOST
 * comes only this way, so programs with callbacks ask too. At least as many as there are credits
 * may wait to be taken; then new requests fail with -ENOBUFS.
 */
int extent_next_completion(struct extent_session *s, struct extent_completion *out);

/* Requests without a completion yet. */
unsigned int extent_pending(const struct extent_session *s);

/*
 * Payload memory that the daemon shares, so that no payload is copied through the socket. A
 * buffer belongs to the caller from extent_buffer_get() until it is handed to extent_write()
 * with EXTENT_BUFFER, and to the library's pool again when that write completes. Buffers are
 * page-aligned and at least size bytes. NULL when the pool is used up (process completions), size
 * is above max_payload, or the session has ended: extent_error_text() says which. Without
 * descriptors they are ordinary memory. The pool has 32 MiB, or EXTENTD_POOL_BYTES of the
 * environment, or what the daemon grants if that is less; it is made with the first buffer.
 */
void *extent_buffer_get(struct extent_session *s, size_t size);
void extent_buffer_put(struct extent_session *s, void *buffer);

enum extent_open_flag {
	EXTENT_CREATE = 2,
	EXTENT_EXCLUSIVE = 4,
	EXTENT_TRUNCATE = 8,
	EXTENT_NODATACOW = 16, /* take a nodatacow file; durable then means a plain fsync */
	EXTENT_READ = 32,      /* for extent_read(), and not to be written; alone */
};

struct extent_file_info { /* what OPEN's completion made known */
	uint32_t backend;
	uint32_t sector_size; /* bytes */
	uint32_t max_payload;
	uint32_t max_unencoded;
	uint64_t size;
};

/*
 * A file to write to, or with EXTENT_READ to read from, as a handle >= 0 stored in *file at once:
 * writes may follow without waiting, they complete with an error if the open fails.
 * extent_open_fd() passes a descriptor that the caller opened for writing (best O_RDWR, see
 * UNVERIFIABLE), or for reading; it stays the caller's and may be closed as soon as the call
 * returns. label names the file in errors. extent_open_path() has the daemon open it beneath a root
 * of its configuration, with this process's rights. A relative path starts from the working
 * directory; mode is subject to this process's umask. Returns the request id. -EMFILE: max_files
 * handles are open. -EAGAIN: out of credits. -EOPNOTSUPP: no descriptors in this session. A handle
 * whose open fails stays taken until extent_close(), so that no write that follows can reach
 * another file.
 */
int64_t extent_open_fd(struct extent_session *s, int fd, const char *label, unsigned int flags,
		       extent_callback done, void *userdata, int *file);
int64_t extent_open_path(struct extent_session *s, const char *path, unsigned int flags,
			 unsigned int mode, extent_callback done, void *userdata, int *file);

/* What is known of an open file; -EAGAIN until its OPEN has completed. */
int extent_file_info(const struct extent_session *s, int file, struct extent_file_info *out);

struct extent_write {
	int file;
	uint64_t offset;	   /* in the file, bytes, a multiple of sector_size */
	uint64_t len;		   /* bytes of the file written */
	uint64_t unencoded_len;	   /* bytes that the payload decodes to */
	uint64_t unencoded_offset; /* first of those bytes that is written (bookends) */
	const void *payload; /* with EXTENT_BUFFER: anywhere in a buffer that holds it whole */
	uint32_t payload_len;
	uint32_t compression; /* enum extent_compression; EXTENT_NONE is a plain write */
	uint32_t encryption;  /* 0; others are refused today, as by the kernel */
	enum extent_ack ack;
	unsigned int flags; /* enum extent_write_flag */
};

enum extent_write_flag {
	EXTENT_BUFFER =
		1, /* payload came from extent_buffer_get(): no copy, given to the library */
};

/*
 * Queues one extent. Without EXTENT_BUFFER the payload is copied before the call returns.
 * -EAGAIN: out of credits or buffers, nothing was queued (and a buffer is still the caller's):
 * process completions and try again.
 */
int64_t extent_write(struct extent_session *s, const struct extent_write *w, extent_callback done,
		     void *userdata);

enum extent_read_kind {
	EXTENT_READ_ENCODED = 1, /* the payload is the extent as it lies on disk */
	EXTENT_READ_PLAIN = 2,	 /* the payload is the content of the file */
	EXTENT_READ_HOLE = 3,	 /* nothing but zeros, or allocated and never written: no payload */
	EXTENT_READ_END = 4,	 /* the file ends at or before offset: len is 0 */
};

/*
 * file, offset and payload_max (0: the file's max_payload) are the caller's to set; the rest is
 * filled in before a completion without error. What follows lies at offset + len.
 */
struct extent_read {
	int file;
	uint64_t offset;
	uint32_t payload_max; /* bytes that the payload may have */
	enum extent_read_kind kind;
	uint64_t len;		   /* bytes of the file that this is about */
	uint64_t unencoded_len;	   /* bytes that the payload decodes to */
	uint64_t unencoded_offset; /* where in them the file's begin */
	uint32_t compression;	   /* enum extent_compression */
	uint32_t payload_len;
	void *payload; /* a buffer, now the caller's: to extent_write() or extent_buffer_put();
			* NULL if there is no payload */
};

/*
 * Queues the reading of one extent. r must stay valid until the completion. An extent of which the
 * file shows only a part is given as its content, EXTENT_READ_PLAIN, since the rest of it is
 * nobody's business; so is what is not compressed. -EAGAIN as extent_write(). -EOPNOTSUPP: the
 * daemon does not know reads. The completion's -ENOBUFS: payload_max is too small.
 */
int64_t extent_read(struct extent_session *s, struct extent_read *r, extent_callback done,
		    void *userdata);

/*
 * Completes when all writes queued before it on the file (or, with file -1, by the session) are
 * safe on disk, at whatever level they were acknowledged; for the session also when everything
 * else that happened on its filesystems before is. Fails with -EIO if any of them was lost
 * since the last SYNC: completions of kind EXTENT_OP_LOST name them.
 */
int64_t extent_sync(struct extent_session *s, int file, extent_callback done, void *userdata);

/* Gives the handle back; writes under way are not affected. The handle may be reused at once. */
int64_t extent_close(struct extent_session *s, int file, extent_callback done, void *userdata);

/* Stops a write that has not reached the kernel yet; -EALREADY if it has. */
int64_t extent_cancel(struct extent_session *s, int64_t id, extent_callback done, void *userdata);

/* The daemon's counters, see wire/counters.h for their order; read by extent_counters() then. */
int64_t extent_status(struct extent_session *s, extent_callback done, void *userdata);
unsigned int extent_counters(const struct extent_session *s, const uint64_t **values);

/* Errors. The text of the session's last error or of a completion, with file, offset and cause;
 * valid until the next call on this session. NULL for the session: why this thread's last
 * extent_connect() or extent_attach() failed. */
const char *extent_error_text(const struct extent_session *s);
const char *extent_completion_text(struct extent_session *s, const struct extent_completion *c);
const char *extent_code_text(unsigned int code);
const char *extent_code_name(unsigned int code);

/*
 * The blocking layer: each queues its request, waiting for credits if need be, processes the
 * session until it has completed, and returns its result. Other requests' callbacks run
 * meanwhile. Not from a callback: -EDEADLK. A failed open leaves no handle to close.
 */
int extent_open_fd_wait(struct extent_session *s, int fd, const char *label, unsigned int flags,
			int *file);
int extent_open_path_wait(struct extent_session *s, const char *path, unsigned int flags,
			  unsigned int mode, int *file);
int extent_write_wait(struct extent_session *s, const struct extent_write *w);
int extent_read_wait(struct extent_session *s, struct extent_read *r);
int extent_sync_wait(struct extent_session *s, int file);
int extent_close_wait(struct extent_session *s, int file);
int extent_status_wait(struct extent_session *s);

/*
 * Processes until nothing is pending. Returns the first error among all completions since the last
 * extent_drain(), those of _wait() calls excepted, or 0.
 */
int extent_drain(struct extent_session *s);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
