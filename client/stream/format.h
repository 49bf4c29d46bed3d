/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STREAM_FORMAT_H
#define EXTENTD_STREAM_FORMAT_H

/*
 * The btrfs send stream as it stands on the wire: little-endian, packed, unaligned.
 * Numbers: fs/btrfs/send.h and Documentation/dev/dev-send-stream.rst of btrfs-progs.
 *
 *	stream  = magic(13) version(u32) command* END
 *	command = length(u32) number(u16) crc(u32) attribute*
 *	attribute = type(u16) length(u16) bytes
 *
 * The length of a command excludes its header. The crc is crc32c with seed 0 and no final
 * inversion, over the header with a zero crc field and the attributes. From version 2 on DATA has
 * no length of its own: it reaches to the end of the command.
 */

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#define STREAM_MAGIC	      "btrfs-stream" /* its terminating NUL is on the wire */
#define STREAM_MAGIC_SIZE     sizeof(STREAM_MAGIC)
#define STREAM_HEADER_SIZE    (STREAM_MAGIC_SIZE + sizeof(uint32_t))
#define STREAM_COMMAND_HEADER 10u
#define STREAM_VERSION_MAX    3u

/*
 * The largest command, header included. Version 1 states it (BTRFS_SEND_BUF_SIZE_V1). Version 2
 * promises no limit and today's kernel stays below 144 KiB: 1 MiB leaves room for larger extents
 * and is what a hostile length can make us buffer.
 */
#define STREAM_COMMAND_MAX_V1 (64u << 10)
#define STREAM_COMMAND_MAX    (1u << 20)

/*
 * No bit of the format marks a command that may be skipped. 0 is documented as "ignored"; the
 * upper half of the number space is never assigned by the kernel and is skipped here, so that a
 * generator has room for annotations. Every other unknown number is refused.
 */
#define STREAM_COMMAND_IGNORABLE 0x8000u

/* number, name, kind of value, field of struct stream_command */
#define STREAM_ATTRIBUTES(X)                                                                       \
	X(1, UUID, ID, uuid)                                                                       \
	X(2, CTRANSID, U64, ctransid)                                                              \
	X(3, INO, U64, ino)                                                                        \
	X(4, SIZE, U64, size)                                                                      \
	X(5, MODE, U64, mode)                                                                      \
	X(6, UID, U64, uid)                                                                        \
	X(7, GID, U64, gid)                                                                        \
	X(8, RDEV, U64, rdev)                                                                      \
	X(9, CTIME, TIME, ctime)                                                                   \
	X(10, MTIME, TIME, mtime)                                                                  \
	X(11, ATIME, TIME, atime)                                                                  \
	X(12, OTIME, TIME, otime)                                                                  \
	X(13, XATTR_NAME, STRING, xattr_name)                                                      \
	X(14, XATTR_DATA, BYTES, xattr_data)                                                       \
	X(15, PATH, STRING, path)                                                                  \
	X(16, PATH_TO, STRING, path_to)                                                            \
	X(17, PATH_LINK, STRING, path_link)                                                        \
	X(18, FILE_OFFSET, U64, file_offset)                                                       \
	X(19, DATA, BYTES, data)                                                                   \
	X(20, CLONE_UUID, ID, clone_uuid)                                                          \
	X(21, CLONE_CTRANSID, U64, clone_ctransid)                                                 \
	X(22, CLONE_PATH, STRING, clone_path)                                                      \
	X(23, CLONE_OFFSET, U64, clone_offset)                                                     \
	X(24, CLONE_LEN, U64, clone_len)                                                           \
	X(25, FALLOCATE_MODE, U32, fallocate_mode)                                                 \
	X(26, FILEATTR, U64, fileattr)                                                             \
	X(27, UNENCODED_FILE_LEN, U64, unencoded_file_len)                                         \
	X(28, UNENCODED_LEN, U64, unencoded_len)                                                   \
	X(29, UNENCODED_OFFSET, U64, unencoded_offset)                                             \
	X(30, COMPRESSION, U32, compression)                                                       \
	X(31, ENCRYPTION, U32, encryption)                                                         \
	X(32, VERITY_ALGORITHM, U8, verity_algorithm)                                              \
	X(33, VERITY_BLOCK_SIZE, U32, verity_block_size)                                           \
	X(34, VERITY_SALT, BYTES, verity_salt)                                                     \
	X(35, VERITY_SIG, BYTES, verity_sig)

enum stream_attribute {
#define X(number, name, kind, field) STREAM_A_##name = number,
	STREAM_ATTRIBUTES(X)
#undef X
		STREAM_ATTRIBUTE_COUNT
};

#define STREAM_BIT(name) (1ull << STREAM_A_##name)

/* number, name, text, attributes it must have, attributes it may have */
#define STREAM_COMMANDS(X)                                                                         \
	X(1, SUBVOL, "subvol", B(PATH) | B(UUID) | B(CTRANSID), 0)                                 \
	X(2, SNAPSHOT, "snapshot",                                                                 \
	  B(PATH) | B(UUID) | B(CTRANSID) | B(CLONE_UUID) | B(CLONE_CTRANSID), 0)                  \
	X(3, MKFILE, "mkfile", B(PATH) | B(INO), 0)                                                \
	X(4, MKDIR, "mkdir", B(PATH) | B(INO), 0)                                                  \
	X(5, MKNOD, "mknod", B(PATH) | B(INO) | B(MODE) | B(RDEV), 0)                              \
	X(6, MKFIFO, "mkfifo", B(PATH) | B(INO), B(MODE) | B(RDEV))                                \
	X(7, MKSOCK, "mksock", B(PATH) | B(INO), B(MODE) | B(RDEV))                                \
	X(8, SYMLINK, "symlink", B(PATH) | B(INO) | B(PATH_LINK), 0)                               \
	X(9, RENAME, "rename", B(PATH) | B(PATH_TO), 0)                                            \
	X(10, LINK, "link", B(PATH) | B(PATH_LINK), 0)                                             \
	X(11, UNLINK, "unlink", B(PATH), 0)                                                        \
	X(12, RMDIR, "rmdir", B(PATH), 0)                                                          \
	X(13, SET_XATTR, "set_xattr", B(PATH) | B(XATTR_NAME) | B(XATTR_DATA), 0)                  \
	X(14, REMOVE_XATTR, "remove_xattr", B(PATH) | B(XATTR_NAME), 0)                            \
	X(15, WRITE, "write", B(PATH) | B(FILE_OFFSET) | B(DATA), 0)                               \
	X(16, CLONE, "clone",                                                                      \
	  B(PATH) | B(FILE_OFFSET) | B(CLONE_LEN) | B(CLONE_UUID) | B(CLONE_CTRANSID) |            \
		  B(CLONE_PATH) | B(CLONE_OFFSET),                                                 \
	  0)                                                                                       \
	X(17, TRUNCATE, "truncate", B(PATH) | B(SIZE), 0)                                          \
	X(18, CHMOD, "chmod", B(PATH) | B(MODE), 0)                                                \
	X(19, CHOWN, "chown", B(PATH) | B(UID) | B(GID), 0)                                        \
	X(20, UTIMES, "utimes", B(PATH) | B(ATIME) | B(MTIME) | B(CTIME), B(OTIME))                \
	X(21, END, "end", 0, 0)                                                                    \
	X(22, UPDATE_EXTENT, "update_extent", B(PATH) | B(FILE_OFFSET) | B(SIZE), 0)               \
	X(23, FALLOCATE, "fallocate", B(PATH) | B(FALLOCATE_MODE) | B(FILE_OFFSET) | B(SIZE), 0)   \
	X(24, FILEATTR, "fileattr", B(PATH) | B(FILEATTR), 0)                                      \
	X(25, ENCODED_WRITE, "encoded_write",                                                      \
	  B(PATH) | B(FILE_OFFSET) | B(UNENCODED_FILE_LEN) | B(UNENCODED_LEN) |                    \
		  B(UNENCODED_OFFSET) | B(DATA),                                                   \
	  B(COMPRESSION) | B(ENCRYPTION))                                                          \
	X(26, ENABLE_VERITY, "enable_verity",                                                      \
	  B(PATH) | B(VERITY_ALGORITHM) | B(VERITY_BLOCK_SIZE) | B(VERITY_SALT) | B(VERITY_SIG),   \
	  0)

enum stream_op {
#define X(number, name, text, must, may) STREAM_C_##name = number,
	STREAM_COMMANDS(X)
#undef X
		STREAM_COMMAND_COUNT
};

/* A new inode; the content of a file. */
static inline bool stream_op_makes(enum stream_op op)
{
	return op >= STREAM_C_MKFILE && op <= STREAM_C_SYMLINK;
}

static inline bool stream_op_writes(enum stream_op op)
{
	return op == STREAM_C_WRITE || op == STREAM_C_ENCODED_WRITE || op == STREAM_C_CLONE ||
	       op == STREAM_C_TRUNCATE || op == STREAM_C_FALLOCATE;
}

#endif
