/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef EXTENTD_PAYLOAD_FAULTS_H
#define EXTENTD_PAYLOAD_FAULTS_H

/*
 * What can be wrong with a payload: X(code, name, text). Codes travel on the wire, so a number
 * is never given a second meaning. This file holds nothing but the table, under the library's
 * licence, so that a client can print the texts without linking a codec.
 */
#define PAYLOAD_FAULT_FIRST 1000
#define PAYLOAD_FAULT_LAST  1999

#define PAYLOAD_FAULTS(X)                                                                          \
	X(1000, COMPRESSION, "the compression number is not one this build can decode")            \
	X(1001, EMPTY, "the payload or the unencoded length is zero")                              \
	X(1002, PAYLOAD_SIZE, "the payload is larger than an extent's 128 KiB")                    \
	X(1003, UNENCODED_SIZE, "the unencoded length is larger than an extent's 128 KiB")         \
	X(1004, TOO_SHORT, "the payload decodes to fewer bytes than the unencoded length")         \
	X(1005, TOO_LONG, "the payload decodes to more bytes than the unencoded length")           \
	X(1006, SURPLUS, "the bytes decoded past the unencoded length are not zero")               \
	X(1007, TRAILING_DATA, "the payload goes on after the end of its stream")                  \
	X(1100, ZLIB_HEADER, "no zlib header: raw deflate, or not deflate at all")                 \
	X(1101, ZLIB_GZIP, "a gzip stream, where a zlib stream is needed")                         \
	X(1102, ZLIB_WINDOW, "the zlib header asks for a window above 32 KiB")                     \
	X(1103, ZLIB_DICTIONARY, "the zlib stream needs a preset dictionary")                      \
	X(1104, ZLIB_TRUNCATED, "the zlib stream is cut short")                                    \
	X(1105, ZLIB_STREAM, "the deflate data are damaged")                                       \
	X(1106, ZLIB_CHECKSUM, "the adler32 of the zlib stream does not match")                    \
	X(1107, ZLIB_STALLED_PAGE, "4 KiB of the zlib stream give no output: btrfs stops there")   \
	X(1108, ZLIB_SMALL_WINDOW,                                                                 \
	  "the zlib window is smaller than the extent: it may not read back")                      \
	X(1200, ZSTD_MAGIC, "no zstd frame")                                                       \
	X(1201, ZSTD_SKIPPABLE_FRAME, "a skippable zstd frame, which btrfs reads as no data")      \
	X(1202, ZSTD_RESERVED, "a reserved bit is set in the zstd frame header")                   \
	X(1203, ZSTD_DICTIONARY, "the zstd frame needs a dictionary")                              \
	X(1204, ZSTD_WINDOW, "the zstd window is above 128 KiB")                                   \
	X(1205, ZSTD_TRUNCATED, "the zstd frame is cut short")                                     \
	X(1206, ZSTD_BLOCK, "a zstd block has a reserved type or is larger than the window")       \
	X(1207, ZSTD_STREAM, "the zstd frame is damaged")                                          \
	X(1208, ZSTD_CHECKSUM, "the zstd content checksum does not match")                         \
	X(1209, ZSTD_SECOND_FRAME, "a second zstd frame, which btrfs does not read")               \
	X(1210, ZSTD_SMALL_WINDOW,                                                                 \
	  "the zstd window is smaller than the extent: it may not read back")                      \
	X(1300, LZO_TOTAL, "the LZO header length does not fit the payload")                       \
	X(1301, LZO_UNUSED_SECTOR, "the LZO header length ends before the payload's last sector")  \
	X(1302, LZO_SEGMENT_HEADER, "an LZO segment header is cut off")                            \
	X(1303, LZO_SEGMENT_OVERRUN, "an LZO segment runs past the end of the LZO data")           \
	X(1304, LZO_SEGMENT_SIZE, "an LZO segment is larger than one sector can compress to")      \
	X(1305, LZO_SEGMENT_STREAM, "the data of an LZO segment are damaged")                      \
	X(1306, LZO_SEGMENT_SHORT,                                                                 \
	  "an LZO segment other than the last decodes to less than a sector")                      \
	X(1307, LZO_SEGMENT_LONG, "an LZO segment decodes to more than a sector")                  \
	X(1308, LZO_PADDING, "the padding before an LZO sector boundary is not zero")              \
	X(1309, LZO_INLINE, "an LZO payload of one sector has to be one segment and nothing else")

#endif
