/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef EXTENTD_WIRE_CODES_H
#define EXTENTD_WIRE_CODES_H

/*
 * What an acknowledgement says. X(code, NAME, errno, text): the errno is what libextent returns,
 * the text is for people and says what to do where that is not obvious. Numbers are part of the
 * protocol and are never reused. Payload faults (1000 to 1999) have a table of their own.
 */
#define WIRE_CODES(X)                                                                              \
	X(0, OK, 0, "done")                                                                        \
	X(1, VERSION, EPROTONOSUPPORT,                                                             \
	  "no protocol version in common: update the older of client and daemon")                  \
	X(2, FEATURE, EOPNOTSUPP, "a feature that the client requires is unknown to the daemon")   \
	X(3, FRAME_LENGTH, EINVAL, "the frame's length does not fit its type")                     \
	X(4, FRAME_TYPE, EINVAL, "unknown frame type")                                             \
	X(5, RESERVED, EINVAL, "reserved bits or bytes are not zero")                              \
	X(6, HELLO_FIRST, EPROTO, "the first frame must be HELLO, and only the first")             \
	X(7, DESCRIPTORS, EINVAL, "descriptors were sent that no frame claims, or one is missing") \
	X(8, CREDIT, ENOBUFS, "more requests or bytes in flight than HELLO_REPLY granted")         \
	X(9, ACCESS, EACCES, "this user may not use the daemon: see Access in extentd.conf")       \
	X(10, USER_LIMIT, EDQUOT, "this user's share of the daemon is used up: close something")   \
	X(11, DAEMON_LIMIT, EBUSY, "the daemon is at its limit: try again later")                  \
	X(12, NO_MEMORY, ENOMEM, "the daemon is out of memory")                                    \
	X(13, SHUTDOWN, ESHUTDOWN, "the daemon is stopping: connect again later")                  \
	X(14, INTERNAL, EIO, "the daemon failed; its journal says more")                           \
	X(20, HANDLE, EBADF, "the handle is not open, or its OPEN failed")                         \
	X(21, HANDLE_IN_USE, EEXIST, "the handle is in use")                                       \
	X(22, ARENA, EBADF, "no such arena")                                                       \
	X(23, ARENA_IN_USE, EEXIST, "the arena number is in use")                                  \
	X(24, ARENA_SEAL, EPERM, "the arena must be a memfd sealed with F_SEAL_SHRINK")            \
	X(25, ARENA_SIZE, EFBIG, "the arena is empty, too large, or shorter than announced")       \
	X(26, ARENA_RANGE, EFAULT, "the payload lies outside its arena")                           \
	X(30, OPEN_FAILED, 0, "the file could not be opened")                                      \
	X(31, NO_ROOT, EXDEV,                                                                      \
	  "the path is beneath no configured root: pass a descriptor, or see Root in "             \
	  "extentd.conf")                                                                          \
	X(32, PATH_UNSAFE, ELOOP, "the path leaves its root or crosses a symbolic link or mount")  \
	X(33, NOT_REGULAR, EINVAL, "not a regular file")                                           \
	X(34, NOT_WRITABLE, EBADF, "the descriptor is not open for writing")                       \
	X(35, APPEND, EINVAL, "the file is open with O_APPEND: offsets would be ignored")          \
	X(36, PRIVILEGED_FILE, EPERM,                                                              \
	  "the file is setuid, setgid or swap: set such modes after the data")                     \
	X(37, UNLINKED, ENOENT, "the file has no name left: nothing written to it can be durable") \
	X(38, FILESYSTEM, EOPNOTSUPP, "files on this type of filesystem are not accepted")         \
	X(39, NODATACOW, EOPNOTSUPP,                                                               \
	  "nodatacow files are overwritten in place, without checksums: open with the weaker "     \
	  "level")                                                                                 \
	X(40, LENGTH, EINVAL, "length, unencoded length or offset are not possible together")      \
	X(41, COMPRESSION, EINVAL, "unknown compression")                                          \
	X(42, ENCRYPTION, EOPNOTSUPP, "encryption and other encodings are not supported")          \
	X(43, PAYLOAD_SIZE, EMSGSIZE,                                                              \
	  "empty payload, larger than the limit, or not smaller than "                             \
	  "what it stands for")                                                                    \
	X(44, ALIGNMENT, EINVAL,                                                                   \
	  "offsets must be multiples of the sector size, and so must an end "                      \
	  "that lies inside the file")                                                             \
	X(45, FILE_SIZE, EFBIG, "the write passes the filesystem's or the process's size limit")   \
	X(46, ACK_LEVEL, EINVAL, "unknown acknowledgement level or scope")                         \
	X(50, WRITE_FAILED, 0, "the kernel refused the write")                                     \
	X(51, SHORT_WRITE, EIO, "the kernel wrote less than it was given")                         \
	X(52, LOST, EIO,                                                                           \
	  "the data did not reach the disk, or the range was changed by somebody else meanwhile")  \
	X(53, SYNC_FAILED, 0, "the sync failed: nothing in it is known to be safe")                \
	X(54, NO_SPACE, ENOSPC, "the filesystem is too full to take this safely")                  \
	X(55, UNVERIFIABLE, EBADF,                                                                 \
	  "rewriting a range can only be proved through a readable descriptor: open it O_RDWR")    \
	X(56, SHARED_ERRORS, EBADF,                                                                \
	  "plain writes through a descriptor that can be neither opened again nor read back "      \
	  "cannot be made durable")                                                                \
	X(57, UNSETTLED, EIO, "earlier writes of this scope were lost: LOST frames name them")     \
	X(60, CANCELLED, ECANCELED, "cancelled before it was written")                             \
	X(61, TOO_LATE, EALREADY, "no such request, or it is already being written")               \
	X(62, LEVEL_UNSUPPORTED, EOPNOTSUPP, "this file cannot give the level that was asked for") \
	X(70, NOT_READABLE, EBADF, "the file is not open for reading")                             \
	X(71, READ_FAILED, 0, "the kernel refused the read")                                       \
	X(72, READ_ROOM, ENOBUFS, "the extent is larger than the room that was given for it")      \
	X(73, ARENA_CLOSED, EPERM,                                                                 \
	  "the arena cannot be written to: it is sealed, or opened for "                           \
	  "reading only")

enum wire_code {
#define X(code, name, err, text) WIRE_E_##name = code,
	WIRE_CODES(X)
#undef X
};

/* Name and text of a code, payload faults included; "unknown code" for what is in no table. */
const char *wire_code_name(unsigned int code);
const char *wire_code_text(unsigned int code);

/* The errno of a code: the kernel's where there is one, else the table's; positive, 0 for OK. */
int wire_code_errno(unsigned int code, int kernel_errno);

#endif
